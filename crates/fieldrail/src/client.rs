//! How the command line reaches a running daemon.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::door::{Door, Key};

/// A connection to the daemon of one house.
pub(crate) struct Client(Key);

impl Client {
    /// Finds the daemon by its state folder.
    pub(crate) fn find(state: &Path) -> Result<Self> {
        Door::key(state).map(Self)
    }

    async fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.0.address).await;
        stream.with_context(|| format!("the daemon at {} does not answer; is it running?", self.0.address))
    }

    fn cookie(&self) -> String {
        format!("fieldrail_session={}", self.0.session)
    }

    /// Asks and returns the answer's JSON; a problem becomes an error with its hint.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(self.connect().await?)).await?;
        tokio::spawn(connection);
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.0.address.to_string())
            .header("cookie", self.cookie())
            .header("x-fieldrail", "1")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await?.to_bytes();
        let json: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(json);
        }
        let detail = json["detail"].as_str().unwrap_or("no reason given").to_owned();
        match json["hint"].as_str() {
            Some(hint) => bail!("{detail} ({hint})"),
            None => bail!("{detail}"),
        }
    }

    /// Opens a WebSocket of the daemon.
    pub(crate) async fn socket(&self, path: &str) -> Result<WebSocketStream<TcpStream>> {
        let mut request = format!("ws://{}{path}", self.0.address).into_client_request()?;
        request.headers_mut().insert("cookie", self.cookie().parse()?);
        let (socket, _) =
            client_async(request, self.connect().await?).await.with_context(|| format!("{path} was refused"))?;
        Ok(socket)
    }
}

/// `text` as one value of a query.
pub(crate) fn query(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
