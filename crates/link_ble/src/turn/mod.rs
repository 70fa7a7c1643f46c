//! Whose turn it is: an adapter bears few links at once, and each instance is a process of its own.
//!
//! Whoever comes first keeps the list, at a port of loopback: a plugin has no folder in common with others, and sockets
//! without a path are shut between them. The others stand in line there, in the order in which they came. A turn ends with
//! the connection, so also with the process. If the keeper ends, the others meet anew, and who had a turn keeps it.
//!
//! Where nothing can be kept, for example since another program sits at the port, everybody has a turn: two at one adapter
//! are slower, none is worse.
//!
//! Read in this order: [`Turnstile`] here, `queue` the order, `keeper` the one who keeps it.

mod keeper;
mod queue;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Where they meet, on loopback.
const PORT: u16 = 48_629;

/// What the keeper says first.
const GREETING: &str = "fieldrail-ble 1";

/// How long the keeper may take for a word.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two tries to meet.
const PAUSE: Duration = Duration::from_millis(100);

/// Who only waits comes back so much later when the keeper has ended: those who have a turn are there first.
const AFTER_HOLDERS: Duration = Duration::from_millis(500);

/// Tries before everybody has a turn.
const TRIES: u32 = 5;

/// The longest name of who comes and of what is shared.
const MOST_NAME: usize = 200;

/// Where one waits for a turn at one adapter.
#[derive(Debug, Clone)]
pub struct Turnstile {
    place: SocketAddr,
    what: String,
    who: String,
    links: u8,
}

impl Turnstile {
    /// For this adapter behind this bus; `who` is shown to those who wait, and `links` is how many links the adapter bears.
    pub fn new(bus: Option<&str>, adapter: &str, who: &str, links: u8) -> Self {
        let place = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        let what = format!("{} {adapter}", bus.unwrap_or("system"));
        Self { place, what: plain(&what), who: plain(who), links: links.max(1) }
    }

    /// Waits for a turn. Each change of who has one meanwhile is told.
    pub async fn turn(&self, mut told: impl FnMut(&str)) -> Turn {
        let (others, waiting) = watch::channel(false);
        loop {
            let Some(mut talk) = self.meet().await else {
                tracing::warn!(place = %self.place, "Adapters cannot be shared in order; everybody takes a turn.");
                return Turn { waiting, task: None };
            };
            if talk.say(&self.wish(false)).await && talk.wait_for_turn(&mut told).await {
                let task = tokio::spawn(hold(self.clone(), talk, others));
                return Turn { waiting, task: Some(task) };
            }
            sleep(AFTER_HOLDERS).await;
        }
    }

    /// Who has a turn now.
    pub async fn holders(&self) -> Vec<String> {
        let Some(mut talk) = self.meet().await else { return Vec::new() };
        if !talk.say(&format!("who\t{}\n", self.what)).await {
            return Vec::new();
        }
        let line = timeout(PATIENCE, talk.lines.next_line()).await;
        let Ok(Ok(Some(line))) = line else { return Vec::new() };
        let names = line.strip_prefix("held\t").unwrap_or_default();
        names.split('\t').filter(|name| !name.is_empty()).map(Into::into).collect()
    }

    fn wish(&self, holds: bool) -> String {
        format!("{}\t{}\t{}\t{}\n", if holds { "have" } else { "want" }, self.what, self.who, self.links)
    }

    /// Connects to the keeper, or becomes it.
    async fn meet(&self) -> Option<Talk> {
        for _ in 0..TRIES {
            if let Ok(stream) = TcpStream::connect(self.place).await {
                let talk = Talk::begin(stream).await;
                if talk.is_some() {
                    return talk;
                }
            } else if let Ok(listener) = tokio::net::TcpListener::bind(self.place).await {
                keeper::keep(listener);
                continue;
            }
            sleep(PAUSE).await;
        }
        None
    }
}

/// A name without what would end it, not too long.
fn plain(name: &str) -> String {
    let plain = name.chars().map(|char| if char.is_control() { ' ' } else { char });
    let mut name: String = plain.take(MOST_NAME).collect();
    while name.len() > MOST_NAME {
        name.pop();
    }
    name
}

/// A turn. Dropped, it ends.
pub struct Turn {
    waiting: watch::Receiver<bool>,
    task: Option<JoinHandle<()>>,
}

impl Turn {
    /// Whether somebody else wants it: who is fair ends soon.
    pub fn is_wanted(&self) -> bool {
        *self.waiting.borrow()
    }

    /// Waits until somebody else wants it; for ever if nobody does.
    pub async fn wanted(&mut self) {
        while !*self.waiting.borrow_and_update() {
            if self.waiting.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Keeps a turn until it is dropped, through the end of the keeper too.
async fn hold(turnstile: Turnstile, mut talk: Talk, others: watch::Sender<bool>) {
    loop {
        while let Ok(Some(line)) = talk.lines.next_line().await {
            match line.as_str() {
                "asked" => others.send_replace(true),
                "unasked" => others.send_replace(false),
                _ => false,
            };
        }
        loop {
            if let Some(mut again) = turnstile.meet().await
                && again.say(&turnstile.wish(true)).await
            {
                talk = again;
                break;
            }
            sleep(PAUSE).await;
        }
    }
}

/// A conversation with the keeper.
struct Talk {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl Talk {
    /// None if it is another program that answers.
    async fn begin(stream: TcpStream) -> Option<Self> {
        let (reader, writer) = stream.into_split();
        let mut talk = Self { lines: BufReader::new(reader).lines(), writer };
        let line = timeout(PATIENCE, talk.lines.next_line()).await.ok()?.ok()??;
        (line == GREETING).then_some(talk)
    }

    async fn say(&mut self, line: &str) -> bool {
        self.writer.write_all(line.as_bytes()).await.is_ok()
    }

    /// False if the keeper ended before.
    async fn wait_for_turn(&mut self, told: &mut impl FnMut(&str)) -> bool {
        while let Ok(Some(line)) = self.lines.next_line().await {
            match line.split_once('\t') {
                None if line == "go" => return true,
                Some(("wait", holders)) => told(&holders.replace('\t', ", ")),
                _ => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A turnstile at a port of the test's own.
    fn turnstile(port: u16, who: &str, links: u8) -> Turnstile {
        let place = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Turnstile { place, what: "system hci0".into(), who: who.into(), links }
    }

    async fn free_port() -> u16 {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        listener.local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn turns_are_given_in_order_and_who_has_one_hears_that_others_wait() {
        let port = free_port().await;
        let mut first = turnstile(port, "bt.a", 1).turn(|_| {}).await;
        let (holder, mut held_by) = watch::channel(String::new());
        let second = tokio::spawn(async move {
            let told = |who: &str| drop(holder.send_replace(who.into()));
            turnstile(port, "bt.b", 1).turn(told).await
        });
        timeout(PATIENCE, first.wanted()).await.unwrap();
        timeout(PATIENCE, held_by.wait_for(|who| who == "bt.a")).await.unwrap().unwrap();
        assert_eq!(turnstile(port, "x", 1).holders().await, ["bt.a"]);
        drop(first);
        let second = timeout(PATIENCE, second).await.unwrap().unwrap();
        assert!(!second.is_wanted());
        assert_eq!(turnstile(port, "x", 1).holders().await, ["bt.b"]);
    }

    #[tokio::test]
    async fn who_has_a_turn_keeps_it_when_the_keeper_ends() {
        let port = free_port().await;
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        // The keeper lives where somebody came first, and ends with it.
        let keeper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                ready.send(turnstile(port, "x", 1).holders().await).unwrap();
                let _ = ended.await;
            });
        });
        assert_eq!(is_ready.await.unwrap(), [] as [String; 0]);
        let mut held = turnstile(port, "bt.a", 1).turn(|_| {}).await;
        let waits = tokio::spawn(async move { turnstile(port, "bt.b", 1).turn(|_| {}).await });
        timeout(PATIENCE, held.wanted()).await.unwrap();
        drop(end);
        keeper.join().unwrap();
        let is_held = async {
            while turnstile(port, "x", 1).holders().await != ["bt.a"] {
                sleep(PAUSE).await;
            }
            held.wanted().await;
        };
        timeout(5 * PATIENCE, is_held).await.unwrap();
        assert!(!waits.is_finished());
        drop(held);
        timeout(PATIENCE, waits).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn an_adapter_that_bears_two_links_gives_two_turns() {
        let port = free_port().await;
        let first = turnstile(port, "bt.a", 2).turn(|_| {}).await;
        let second = timeout(PATIENCE, turnstile(port, "bt.b", 2).turn(|_| {})).await.unwrap();
        assert!(!first.is_wanted() && !second.is_wanted());
    }

    #[tokio::test]
    async fn where_another_program_sits_at_the_port_everybody_has_a_turn() {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let other = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.write_all(b"SSH-2.0\r\n").await;
            }
        });
        let turn = timeout(5 * PATIENCE, turnstile(port, "bt.a", 1).turn(|_| {})).await.unwrap();
        assert!(!turn.is_wanted());
        other.abort();
    }
}
