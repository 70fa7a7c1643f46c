//! The one who keeps the list, in the process that came first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::queue::{Entry, MOST, Queue};
use super::{GREETING, MOST_NAME, PATIENCE, PAUSE};

/// The longest line that is read.
const MOST_LINE: u64 = 2 * MOST_NAME as u64 + 32;

#[derive(Default)]
struct Kept {
    queue: Queue,
    /// What each was told last.
    told: HashMap<u64, watch::Sender<String>>,
    next: u64,
}

/// Keeps the list until the process ends.
pub(super) fn keep(listener: TcpListener) {
    let kept: Arc<Mutex<Kept>> = Arc::default();
    tokio::spawn(async move {
        let places = Arc::new(tokio::sync::Semaphore::new(MOST));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                // A conversation that breaks is one that has ended.
                let _ = serve(stream, &kept).await;
                drop(place);
            });
        }
    });
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut stream: TcpStream, kept: &Mutex<Kept>) -> std::io::Result<()> {
    stream.write_all(format!("{GREETING}\n").as_bytes()).await?;
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader.take(MOST_LINE));
    let mut line = String::new();
    timeout(PATIENCE, reader.read_line(&mut line)).await??;
    let words: Vec<&str> = line.trim_end_matches('\n').split('\t').collect();
    match words[..] {
        ["who", what] => {
            let held: Vec<String> = lock(kept).queue.holders(what).map(Into::into).collect();
            writer.write_all(format!("held\t{}\n", held.join("\t")).as_bytes()).await
        }
        [wish @ ("want" | "have"), what, who, links] => {
            let links = links.parse().unwrap_or(1_usize).max(1);
            let Some((place, mut told)) = enter(kept, what, who, links, wish == "have") else { return Ok(()) };
            let mut reader = reader.into_inner().into_inner();
            let mut nothing = [0; 16];
            let mut was = String::new();
            loop {
                let notice = told.borrow_and_update().clone();
                if notice != was {
                    writer.write_all(format!("{notice}\n").as_bytes()).await?;
                    was = notice;
                }
                tokio::select! {
                    read = reader.read(&mut nothing) => match read {
                        Ok(0) | Err(_) => break,
                        Ok(_) => {}
                    },
                    _ = told.changed() => {}
                }
            }
            drop(place);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A place in the list; dropped, it is free.
struct Place<'a> {
    kept: &'a Mutex<Kept>,
    id: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut kept = lock(self.kept);
        kept.queue.leave(self.id);
        kept.told.remove(&self.id);
        kept.tell();
    }
}

fn enter<'a>(
    kept: &'a Mutex<Kept>,
    what: &str,
    who: &str,
    links: usize,
    holds: bool,
) -> Option<(Place<'a>, watch::Receiver<String>)> {
    let mut locked = lock(kept);
    let id = locked.next;
    let entry = Entry { id, what: what.into(), who: who.into(), links, holds };
    if !locked.queue.enter(entry) {
        return None;
    }
    locked.next += 1;
    let (sender, told) = watch::channel(String::new());
    locked.told.insert(id, sender);
    locked.tell();
    Some((Place { kept, id }, told))
}

impl Kept {
    /// Gives turns, and tells everybody what has changed for them.
    fn tell(&mut self) {
        self.queue.advance();
        for (id, notice) in self.queue.notices() {
            if let Some(told) = self.told.get(&id) {
                told.send_replace(notice);
            }
        }
    }
}
