//! One process from its start to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Spec;
use crate::conversation::Conversation;
use crate::instance::Shared;
use crate::life::{Event, Reason};
use crate::log;
use crate::process::{Child, Leash};

/// After the process has ended, its pipes get so long to be empty; only a descendant that escaped can hold them longer.
const DRAIN: Duration = Duration::from_secs(1);

/// Follows the process until it has ended and everything it said has been delivered.
pub(crate) async fn run(shared: Arc<Shared>, generation: u64, spec: Spec, child: Child) {
    let Child { leash, stdin, stdout, stderr } = child;
    let leash = Arc::new(leash);
    // `Spawned` first: what the process says counts only from then on.
    shared.hold(generation, Arc::clone(&leash));
    let (stdin, stdout, stderr) = match Child::pipes(stdin, stdout, stderr) {
        Ok(pipes) => pipes,
        Err(error) => {
            leash.kill();
            let _ = leash.ended().await;
            return shared.end(generation, Reason::new(format!("its pipes cannot be used: {error}")));
        }
    };
    let (writer_alive, writer_ended) = oneshot::channel();
    let conversation = Conversation::new(Arc::clone(&shared), generation, spec, stdin, writer_alive);
    let mut reader = tokio::spawn(conversation.read(stdout));
    let follower = Arc::clone(&shared);
    let follower = tokio::spawn(async move { log::follow(stderr, generation, &follower).await });

    let (ended, kept) = watch(&shared, generation, &leash, &mut reader).await;
    if !kept {
        finish(reader).await;
    }
    // The conversation is dropped, so this comes at once: an error says that the other end is gone.
    let _ = writer_ended.await;
    let last_line = finish(follower).await.flatten();
    shared.end(
        generation,
        match ended {
            Ok(ended) => ended.describe(last_line.as_deref()),
            Err(error) => Reason::new(format!("ended, and cannot be asked how: {error}")),
        },
    );
}

/// Waits for the end of the process. Returns also whether the reader was awaited to its end.
async fn watch(
    shared: &Shared,
    generation: u64,
    leash: &Leash,
    reader: &mut JoinHandle<Conversation>,
) -> (std::io::Result<crate::process::Ended>, bool) {
    let ended = leash.ended();
    tokio::pin!(ended);
    tokio::select! {
        ended = &mut ended => (ended, false),
        conversation = reader => {
            if conversation.is_err() {
                let reason = Reason::new("the daemon failed while it took its messages");
                shared.tell(generation, Event::Broken(reason.hint("this is a bug of the daemon; its log shows where")));
            }
            // While the process lives its stdin stays open: to close it would mean `stop`.
            let ended = ended.await;
            drop(conversation);
            (ended, true)
        }
    }
}

/// The task's result, if it comes in time.
async fn finish<T>(mut task: JoinHandle<T>) -> Option<T> {
    if let Ok(result) = tokio::time::timeout(DRAIN, &mut task).await {
        return result.ok();
    }
    task.abort();
    task.await.ok()
}
