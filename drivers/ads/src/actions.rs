//! What `call` knows: `discover`, `add_route`, `import` and `remove_import`.

use std::cell::RefCell;
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use fieldrail_driver::{Action, Failure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::catalog::Program;
use crate::codec::ams::NetId;
use crate::codec::udp::Found;
use crate::discovery::{self, Route};
use crate::error::Error;
use crate::import::{self, Piece, Step};
use crate::session::{Reply, Session};
use crate::{is_of_another, tpy};

/// How long devices may take to answer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How long the symbols may take to be there again after another file was taken.
const RELOAD: Duration = Duration::from_secs(5);

/// The actions with their arguments.
pub(crate) fn actions() -> Vec<Action> {
    let text =
        |description: &str| json!({ "type": "string", "minLength": 1, "maxLength": 200, "description": description });
    vec![
        Action {
            name: "discover".into(),
            description: "Asks who is there: the configured PLC, another host, or all with a broadcast address.".into(),
            arguments: Some(json!({
                "type": "object", "additionalProperties": false,
                // It asks the network and no PLC, so it needs no connection to one.
                "x-without-connection": { "ams_net_id": "0.0.0.0.0.0", "ams_port": 801, "host": "127.0.0.1" },
                "properties": { "host": text("name, address, or a broadcast address such as 192.168.2.255") }
            })),
        },
        Action {
            name: "add_route".into(),
            description: "Asks the PLC for a route to this machine; the link is made at once.".into(),
            arguments: Some(json!({
                "type": "object", "additionalProperties": false, "required": ["user"],
                "properties": {
                    "user": text("a user of the PLC's operating system"),
                    "password": { "type": "string", "maxLength": 200, "x-secret": true },
                    "name": text("what the route is to be called"),
                    "address": text("this machine's address as the PLC is to see it")
                }
            })),
        },
        Action {
            name: "import".into(),
            description: "Takes a .tpy file, piece by piece: names as the engineer wrote them, and comments.".into(),
            arguments: Some(import::schema()),
        },
        Action {
            name: "remove_import".into(),
            description: "Forgets the imported file; that of the configuration is used again.".into(),
            arguments: None,
        },
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Discover {
    #[serde(default)]
    host: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddRoute {
    user: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    address: Option<String>,
}

/// Does an action, and answers it.
pub(crate) async fn call(
    session: Rc<RefCell<Session>>,
    request: u64,
    action: String,
    arguments: Value,
    instance: String,
) {
    let end = match action.as_str() {
        "discover" => discover(&session, arguments).await,
        "add_route" => add_route(&session, arguments, &instance).await,
        "import" => take_piece(&session, arguments).await,
        "remove_import" => remove_import(&session).await,
        _ => Err(Failure::new(format!("there is no action `{action}`"))),
    };
    session.borrow_mut().reply(Reply::Returned(request, end));
}

fn wrong(error: &serde_json::Error) -> Failure {
    Failure::new(format!("the arguments are wrong: {error}"))
}

fn given(arguments: Value) -> Value {
    if arguments.is_null() { json!({}) } else { arguments }
}

async fn discover(session: &RefCell<Session>, arguments: Value) -> Result<Value, Failure> {
    let Discover { host } = serde_json::from_value(given(arguments)).map_err(|error| wrong(&error))?;
    let config = session.borrow().config.clone();
    let own = config.own()?.unwrap_or(NetId::default());
    let host = host.unwrap_or_else(|| config.host.clone());
    let found = discovery::discover(&host, config.udp_port, own, PATIENCE).await?;
    Ok(found.iter().map(|(from, found)| describe(*from, found)).collect())
}

/// A device as it is shown, with the keys of `config` that reach its first runtime.
fn describe(from: IpAddr, found: &Found) -> Value {
    let first_port = found.twincat.map(|(major, ..)| if major < 3 { 801 } else { 851 });
    json!({
        "config": { "host": from.to_string(), "ams_net_id": found.net_id.to_string(), "ams_port": first_port },
        "ams_net_id": found.net_id.to_string(),
        "name": found.name,
        "twincat": found.twincat.map(|(major, minor, build)| format!("{major}.{minor}.{build}")),
        "system": found.system.map(|(major, minor, build, platform)| {
            let name = if platform == 3 { "Windows CE" } else { "Windows" };
            format!("{name} {major}.{minor}.{build}")
        }),
        "first_runtime_port": first_port,
    })
}

async fn take_piece(session: &RefCell<Session>, arguments: Value) -> Result<Value, Failure> {
    let piece: Piece = serde_json::from_value(given(arguments)).map_err(|error| wrong(&error))?;
    let folder = folder(session)?;
    // Reading a large file takes its time, and the heartbeat does not wait for it.
    let work = tokio::task::spawn_blocking(move || match import::take(&folder, &piece)? {
        Step::More(received) => Ok((received, None)),
        Step::Whole(part) => import::keep(&folder, &part, piece.name()).map(|tpy| (piece.size(), Some(tpy))),
    });
    let (received, tpy) = work.await.map_err(|error| Failure::new(format!("the file was not read: {error}")))??;
    let Some(tpy) = tpy else { return Ok(json!({ "received": received, "done": false })) };
    let (symbols, types) = (tpy.program.symbols.len(), tpy.program.types.len());
    let warning = is_of_another(&tpy, &session.borrow().config).then(|| {
        let (net_id, port) = (tpy.net_id.as_deref().unwrap_or("?"), tpy.port.unwrap_or(0));
        format!("the file names another target: {net_id}, port {port}")
    });
    use_file(session, Some(tpy.program)).await;
    Ok(json!({ "received": received, "done": true, "symbols": symbols, "types": types, "warning": warning }))
}

async fn remove_import(session: &RefCell<Session>) -> Result<Value, Failure> {
    let was_there = import::forget(&folder(session)?)?;
    if was_there {
        let configured = session.borrow().config.tpy.clone();
        let file = configured.map(|file| tpy::load(&file)).transpose()?;
        use_file(session, file.map(|tpy| tpy.program)).await;
    }
    Ok(json!({ "removed": was_there }))
}

fn folder(session: &RefCell<Session>) -> Result<PathBuf, Failure> {
    let folder = session.borrow().folder.clone();
    folder.ok_or_else(|| Failure::new("this instance has no folder of its own to keep a file in"))
}

/// Returns when the tree shows the file, or after a while without a PLC that runs.
async fn use_file(session: &RefCell<Session>, file: Option<Program>) {
    let bells = Rc::clone(&session.borrow().bells);
    let again = bells.again.notified();
    let is_linked = session.borrow().device.is_some();
    session.borrow_mut().take_file(file);
    if is_linked {
        let _ = timeout(RELOAD, again).await;
    }
}

async fn add_route(session: &RefCell<Session>, arguments: Value, instance: &str) -> Result<Value, Failure> {
    let AddRoute { user, password, name, address } =
        serde_json::from_value(given(arguments)).map_err(|error| wrong(&error))?;
    let config = session.borrow().config.clone();
    let name = name.unwrap_or_else(|| format!("fieldrail-{instance}"));
    let route =
        Route { name: &name, own: config.own()?, address: address.as_deref(), user: &user, password: &password };
    let (own, address) =
        discovery::add_route(&config.host, config.udp_port, &route).await.map_err(|error| match error {
            error @ Error::NoDiscovery { .. } => Failure::from(error).again(),
            other => other.into(),
        })?;
    let session = session.borrow();
    if session.device.is_none() {
        session.bells.retry.notify_one();
    }
    Ok(json!({ "route": name, "own_net_id": own.to_string(), "address": address }))
}
