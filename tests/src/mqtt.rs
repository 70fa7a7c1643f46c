//! Debian's MQTT clients as peers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver as Inbox, channel};
use std::time::{Duration, Instant};

/// `mosquitto_sub`: what a stranger sees of a broker.
pub struct Listener {
    client: Child,
    inbox: Inbox<(String, String)>,
}

impl Listener {
    /// Subscribes, and returns when the broker has taken it.
    pub fn start(port: u16, filter: &str) -> Self {
        let mut command = Command::new("mosquitto_sub");
        command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", filter, "-t", "test/ready", "-F", "%t\t%p"]);
        let mut client = command.stdout(Stdio::piped()).spawn().expect("mosquitto_sub is installed");
        let lines = BufReader::new(client.stdout.take().expect("its output is a pipe"));
        let (outbox, inbox) = channel();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if let Some((topic, payload)) = line.split_once('\t') {
                    let _ = outbox.send((topic.to_owned(), payload.to_owned()));
                }
            }
        });
        let listener = Self { client, inbox };
        let begun = Instant::now();
        loop {
            publish(port, "test/ready", "?", &[]);
            if listener.next(Duration::from_millis(100)).is_some_and(|(topic, _)| topic == "test/ready") {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(5), "mosquitto_sub does not subscribe");
        }
        while listener.next(Duration::from_millis(50)).is_some() {}
        listener
    }

    /// The next message, if one comes in time.
    pub fn next(&self, most: Duration) -> Option<(String, String)> {
        self.inbox.recv_timeout(most).ok()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// Publishes one message with `mosquitto_pub`.
pub fn publish(port: u16, topic: &str, payload: &str, more: &[&str]) {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", topic, "-m", payload]).args(more);
    assert!(command.status().expect("mosquitto_pub is installed").success(), "mosquitto_pub failed");
}

/// `mosquitto_pub -l`: a message a line, over one connection.
pub struct Talker {
    client: Child,
    input: ChildStdin,
}

impl Talker {
    /// Connects; every line goes to this topic.
    pub fn start(port: u16, topic: &str, qos: u8) -> Self {
        let mut command = Command::new("mosquitto_pub");
        command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-t", topic, "-l", "-q", &qos.to_string()]);
        let mut client = command.stdin(Stdio::piped()).spawn().expect("mosquitto_pub is installed");
        let input = client.stdin.take().expect("its input is a pipe");
        Self { client, input }
    }

    /// Publishes one message.
    pub fn say(&mut self, payload: &str) {
        writeln!(self.input, "{payload}").expect("mosquitto_pub takes lines");
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}
