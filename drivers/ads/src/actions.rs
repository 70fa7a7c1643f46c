//! What `call` knows: `discover` and `add_route`.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use fieldrail_driver::{Action, Failure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::codec::ams::NetId;
use crate::codec::udp::Found;
use crate::discovery::{self, Route};
use crate::error::Error;
use crate::session::{Reply, Session};

/// How long devices may take to answer.
const PATIENCE: Duration = Duration::from_millis(1500);

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
