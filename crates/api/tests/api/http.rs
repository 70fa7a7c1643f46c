//! A client for HTTP/1.1 that sends exactly the bytes it is told to, so that odd requests stay odd.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn must_be(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {}", self.head, String::from_utf8_lossy(&self.body));
        self
    }
}

/// One connection, kept as long as the daemon keeps it.
pub(crate) struct Wire {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Wire {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Sends the head as it stands (lines end with `\n` here) and the body, and reads the answer.
    pub(crate) async fn send(&mut self, head: &str, body: &[u8]) -> Answer {
        let bytes = [head.replace('\n', "\r\n").as_bytes(), b"\r\n", body].concat();
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect(self.address).await.unwrap(),
        };
        // The daemon may refuse a large body before it has all of it.
        let _ = stream.write_all(&bytes).await;
        let answer = read(&mut stream, head.starts_with("HEAD ")).await;
        if !answer.header("connection").eq_ignore_ascii_case("close") && answer.status != 400 {
            self.stream = Some(stream);
        }
        answer
    }
}

pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin), head_only: bool) -> Answer {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        let count = stream.read_buf(&mut bytes).await.unwrap();
        assert!(count > 0, "no answer: {}", String::from_utf8_lossy(&bytes));
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { status, head, body: bytes.split_off(end + 4) };
    let length = if head_only { 0 } else { answer.header("content-length").parse().unwrap_or(0) };
    while answer.body.len() < length {
        let count = stream.read_buf(&mut answer.body).await.unwrap();
        assert!(count > 0, "half an answer");
    }
    let in_pieces = !head_only && answer.header("transfer-encoding").eq_ignore_ascii_case("chunked");
    while in_pieces && !answer.body.ends_with(b"0\r\n\r\n") {
        let count = stream.read_buf(&mut answer.body).await.unwrap();
        assert!(count > 0, "half an answer");
    }
    answer
}
