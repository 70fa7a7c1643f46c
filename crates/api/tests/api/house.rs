//! A house in temporary folders, served on a port of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_node::people::{Role, Scope, Who};
use fieldrail_node::{Node, Options};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::http::{Answer, Wire};

/// Nothing in these tests takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct House {
    pub(crate) node: Arc<Node>,
    pub(crate) address: SocketAddr,
    /// Where it is served over HTTPS, if it is.
    pub(crate) secure: Option<SocketAddr>,
    pub(crate) folder: TempDir,
    /// A session of an administrator.
    pub(crate) session: String,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<std::io::Result<()>>>,
}

/// A driver that never runs; its configuration has a secret.
fn vault() -> Value {
    let password = json!({ "type": "string", "x-secret": true });
    json!({
        "name": "vault", "version": "1.0.0", "description": "A test.", "protocol": [1, 1], "program": ["vault"],
        "config_schema": { "properties": {
            "host": { "type": "string" }, "password": password,
            "sign": { "type": "object", "properties": { "secret": password } }
        } }
    })
}

struct Daemon {
    node: Arc<Node>,
    address: SocketAddr,
    secure: Option<SocketAddr>,
    session: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

async fn daemon(folder: &TempDir, with_https: bool) -> Daemon {
    let path = |name| folder.path().join(name);
    let options =
        Options { config: path("config"), state: path("state"), plugins: vec![path("plugins")], confiner: None };
    let node = Node::open(&options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let stopped = async move {
        let _ = stopped.await;
    };
    let https = if with_https { Some(TcpListener::bind("127.0.0.1:0").await.unwrap()) } else { None };
    let secure = https.as_ref().map(|listener| listener.local_addr().unwrap());
    let served = tokio::spawn(fieldrail_api::serve_with_https(listener, https, Arc::clone(&node), stopped));
    let session = node.people().console_session().reveal().to_owned();
    Daemon { node, address, secure, session, stop, served }
}

/// The one who makes tokens in tests.
fn maker() -> Who {
    Who { name: "test".into(), role: Role::Admin, scope: None }
}

impl House {
    /// Two virtual instances, `meter` and `meter2`; `haus.example` is a name of the house, `vault` a driver.
    pub(crate) async fn open() -> Self {
        Self::furnish(false).await
    }

    /// The same house, served over HTTPS too.
    pub(crate) async fn open_secure() -> Self {
        Self::furnish(true).await
    }

    async fn furnish(with_https: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        std::fs::create_dir(&config).unwrap();
        let connection = |id: &str| json!({ "id": id, "driver": "virtual" });
        let connections = json!({ "version": "1.0", "connections": [connection("meter"), connection("meter2")] });
        std::fs::write(config.join("connections.json"), connections.to_string()).unwrap();
        let mut settings = json!({ "version": "1.0", "hosts": ["haus.example"] });
        if with_https {
            settings["https"] = json!({ "listen": "127.0.0.1:0" });
        }
        std::fs::write(config.join("fieldrail.json"), settings.to_string()).unwrap();
        let plugins = folder.path().join("plugins");
        std::fs::create_dir_all(plugins.join("vault")).unwrap();
        std::fs::write(plugins.join("vault/manifest.json"), vault().to_string()).unwrap();
        let Daemon { node, address, secure, session, stop, served } = daemon(&folder, with_https).await;
        Self { node, address, secure, folder, session, stop: Some(stop), served: Some(served) }
    }

    /// Ends the daemon whole; the folders stay.
    pub(crate) async fn close_daemon(&mut self) {
        self.stop().await;
        within(self.node.close()).await;
    }

    /// Another daemon in the same folders, after [`House::close_daemon`].
    pub(crate) async fn open_daemon(&mut self) {
        let Daemon { node, address, secure, session, stop, served } = daemon(&self.folder, self.secure.is_some()).await;
        (self.node, self.address, self.secure, self.session) = (node, address, secure, session);
        (self.stop, self.served) = (Some(stop), Some(served));
    }

    /// Tells the server to stop, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        within(self.served.take().unwrap()).await.unwrap().unwrap();
    }

    pub(crate) fn wire(&self) -> Wire {
        Wire::to(self.address)
    }

    /// `Authorization: Bearer …` of a fresh token, and the token's id.
    pub(crate) fn token(&self, name: &str, role: Role, addresses: &[&str]) -> (String, String) {
        let scope = Scope { addresses: addresses.iter().map(|&a| a.to_owned()).collect(), ..Scope::default() };
        let (id, secret) = self.node.people().add_token(&maker(), name, role, scope).unwrap();
        (format!("Authorization: Bearer {}\n", secret.reveal()), id)
    }

    pub(crate) fn revoke(&self, id: &str) {
        self.node.people().remove_token(&maker(), id).unwrap();
    }

    /// The headers that the web admin sends with a session.
    pub(crate) fn cookie(&self) -> String {
        format!("Cookie: fieldrail_session={}\nX-Fieldrail: 1\n", self.session)
    }

    /// One request with these credentials (lines that end with `\n`).
    pub(crate) async fn ask(&self, method: &str, path: &str, credentials: &str, body: Option<&Value>) -> Answer {
        let body = body.map(Value::to_string).unwrap_or_default();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\n" };
        let head = format!(
            "{method} {path} HTTP/1.1\nHost: {}\n{credentials}{kind}Content-Length: {}\n",
            self.address,
            body.len()
        );
        self.wire().send(&head, body.as_bytes()).await
    }

    /// The same as the administrator in the browser.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.ask(method, path, &self.cookie(), body).await
    }

    /// A value of a virtual instance.
    pub(crate) async fn set(&self, instance: &str, tag: &str, value: Value) {
        let datum = json!({ "source_id": instance, "tag": tag, "value": value });
        self.admin("POST", "/api/router/data", Some(&datum)).await.must_be(204);
    }

    /// Opens the live view with these headers.
    pub(crate) async fn try_live(&self, headers: &str) -> Result<Live, Error> {
        self.try_socket("/api/live", headers).await
    }

    /// Opens a WebSocket with these headers.
    pub(crate) async fn try_socket(&self, path: &str, headers: &str) -> Result<Live, Error> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        for (name, value) in headers.lines().filter_map(|line| line.split_once(": ")) {
            let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        Ok(Live(within(client_async(request, stream)).await?.0))
    }

    pub(crate) async fn live(&self, headers: &str) -> Live {
        self.try_live(headers).await.unwrap()
    }
}

/// One live view, or another WebSocket.
pub(crate) struct Live(pub(crate) WebSocketStream<TcpStream>);

impl Live {
    pub(crate) async fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next text frame.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            match within(self.0.next()).await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The code that the daemon closes with; what it says before is passed over. Zero if it only hangs up.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            match within(self.0.next()).await {
                Some(Ok(Message::Close(frame))) => return frame.map_or(0, |frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return 0,
            }
        }
    }

    /// True if nothing is said for a while.
    pub(crate) async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(200), self.0.next()).await.is_err()
    }
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it takes too long")
}
