//! A local HTTP server that keeps what it gets, for webhooks.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Inbox, Sender, channel};
use std::time::Duration;

/// One request that came.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Request line and headers.
    pub head: String,
    /// The body.
    pub body: String,
}

/// A server on a free loopback port that answers 200 to everything.
pub struct Receiver {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    inbox: Inbox<Posted>,
}

impl Receiver {
    /// Starts it; it lives as long as the test's process.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let (outbox, inbox) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let outbox = outbox.clone();
                std::thread::spawn(move || answer(stream, &outbox));
            }
        });
        Self { port, inbox }
    }

    /// The next request, if one comes in time.
    pub fn next(&self, most: Duration) -> Option<Posted> {
        self.inbox.recv_timeout(most).ok()
    }
}

fn answer(stream: TcpStream, outbox: &Sender<Posted>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match reader.read_line(&mut head) {
                Ok(1..) => {}
                _ => return,
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok()).flatten()
        });
        let mut body = vec![0; length.unwrap_or(0)];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let _ = outbox.send(Posted { head, body: String::from_utf8_lossy(&body).into_owned() });
        if reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}
