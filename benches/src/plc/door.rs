//! The daemon as a program asks it: REST with one connection for each request, and the live view over a WebSocket.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use crate::interrupt;

/// How long the daemon may take to start, and to answer.
const START: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(10);

/// Where a daemon serves, and the session of its console.
#[derive(Debug, Clone)]
pub(super) struct Door {
    address: SocketAddr,
    cookie: String,
}

impl Door {
    /// Waits until the daemon with this state folder serves.
    pub(super) fn of(state: &Path, mut check: impl FnMut() -> Result<()>) -> Result<Self> {
        let mut found = None;
        interrupt::wait_until(START, || {
            check()?;
            let key = std::fs::read(state.join("door.json")).unwrap_or_default();
            found = serde_json::from_slice::<Value>(&key).ok();
            Ok(found.is_some())
        })?;
        let key = found.context("the daemon does not serve")?;
        let word = |name: &str| key[name].as_str().with_context(|| format!("the door has no {name}"));
        Ok(Self { address: word("address")?.parse()?, cookie: format!("fieldrail_session={}", word("session")?) })
    }

    /// One request; a body makes it a POST.
    pub(super) fn ask(&self, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_nodelay(true)?;
        let (method, body) = body.map_or(("GET", String::new()), |body| ("POST", body.to_string()));
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        write!(text, "Cookie: {}\r\nX-Fieldrail: 1\r\nContent-Type: application/json\r\n", self.cookie)?;
        write!(text, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        stream.write_all(text.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8(answer).context("the answer is no text")?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no body")?;
        ensure!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {} {body}", head.lines().next().unwrap_or_default());
        // One object or one array, in chunks or whole.
        let begin = body.find(['{', '[']).context("the answer is no JSON")?;
        let mut values = serde_json::Deserializer::from_str(&body[begin..]).into_iter::<Value>();
        values.next().context("the answer is empty")?.with_context(|| format!("{method} {path}"))
    }

    /// A live view of these addresses and patterns.
    pub(super) fn follow(&self, addresses: &[&str]) -> Result<Live> {
        let mut request = format!("ws://{}/api/live", self.address).into_client_request()?;
        request.headers_mut().insert("cookie", self.cookie.parse()?);
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_nodelay(true)?;
        let (mut socket, _) = client(request, stream).context("the live view was refused")?;
        socket.send(Message::text(json!({ "subscribe": addresses }).to_string()))?;
        Ok(Live(socket))
    }
}

/// A live view.
pub(super) struct Live(WebSocket<TcpStream>);

impl Live {
    /// The datapoints of the next frame: of a snapshot, or those that changed.
    pub(super) fn next(&mut self) -> Result<Vec<Value>> {
        loop {
            interrupt::check()?;
            let message = self.0.read().context("the live view says nothing")?;
            let Message::Text(text) = message else { continue };
            let mut frame: Value = serde_json::from_str(&text)?;
            ensure!(frame["error"].is_null(), "the live view says: {}", frame["error"]);
            for key in ["snapshot", "delta"] {
                if let Value::Array(points) = frame[key].take() {
                    return Ok(points);
                }
            }
        }
    }

    /// Waits until a datapoint is good and has another value than `not`; gives the value. Names of a PLC's variables are the
    /// same in any case.
    pub(super) fn changed(&mut self, address: &str, not: &Value) -> Result<Value> {
        loop {
            for point in self.next()? {
                let is_it = point["address"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(address));
                if is_it && point["quality"] == "good" && point["value"] != *not {
                    return Ok(point["value"].clone());
                }
            }
        }
    }
}
