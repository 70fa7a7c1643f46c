//! The thread that looks at the house itself, and what whoever serves the daemon may know and want.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;

use fieldrail_model::Level;

use super::LOOK;
use crate::node::lock;
use crate::people::{Role, Who};
use crate::{Node, Result};

/// The reserve on the disk is looked after once in so many looks.
const RESERVE_ROUNDS: u32 = 60;

impl Node {
    /// Each second, what the house says of itself.
    pub(crate) fn watch_itself(self: &Arc<Self>) {
        let (node, reserve) = (Arc::downgrade(self), Arc::clone(&self.reserve));
        let mut round: u32 = 0;
        // It reads files and may wait for the disk, so it is no task.
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let ran = std::thread::Builder::new().name("own".into()).spawn(move || {
            while let Some(node) = node.upgrade() {
                node.tell_own();
                node.look_at_certificate();
                if round.is_multiple_of(RESERVE_ROUNDS) {
                    reserve.keep();
                }
                round = round.wrapping_add(1);
                drop(node);
                if ended.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        match ran {
            Ok(thread) => *lock(&self.watching) = Some((end, thread)),
            Err(error) => tracing::error!(%error, "No thread for the house's own datapoints."),
        }
    }

    /// Ends that, and puts what it knows on disk.
    pub(crate) fn stop_watching_itself(&self) {
        let watching = lock(&self.watching).take();
        if let Some((end, thread)) = watching {
            drop(end);
            let _ = thread.join();
        }
        self.own.figures.close();
    }

    /// Turns of the daemon's pulse, five a second: they stand still when the router or the runtime does.
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Has the daemon end in order and begin anew.
    ///
    /// # Errors
    /// Who is no administrator.
    pub fn restart_daemon(&self, who: &Who) -> Result<()> {
        who.must_be(Role::Admin)?;
        self.logbook.write(Level::Warn, None, format!("{} restarts the daemon.", who.name));
        self.restart.send_replace(true);
        Ok(())
    }

    /// Comes true when somebody wants the daemon to begin anew.
    pub fn restarts(&self) -> tokio::sync::watch::Receiver<bool> {
        self.restart.subscribe()
    }
}
