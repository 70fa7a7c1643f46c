//! Making the link: connect, shake hands in the manner that small PLCs want, and find out why it does not work.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Client, Manner, Urgency};
use crate::codec::ams::{AmsAddress, NetId};
use crate::codec::command::{DeviceInfo, DeviceState, Reply, Request};
use crate::codec::udp::SYSTEM_PORT;
use crate::codes::{TARGET_MACHINE, TARGET_PORT, state_name};
use crate::config::{Config, EndPoint};
use crate::discovery;
use crate::error::{Error, Unreachable};

/// How long a connection may take to come about.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);

/// How long a question that only helps the message may take.
const DIAGNOSE: Duration = Duration::from_millis(700);

/// ADS states in which no PLC runs.
const CONFIG_STATES: [u16; 2] = [15, 16];

/// A link that stands.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) info: DeviceInfo,
    pub(crate) state: DeviceState,
}

/// Connects and shakes hands. Each step may take so long.
pub(crate) async fn open(config: &Config, point: &EndPoint, own_port: u16, most: Duration) -> Result<Link, Error> {
    let unreachable = |reason| Error::Unreachable { host: point.host.clone(), reason };
    let connecting = TcpStream::connect((point.host.as_str(), point.tcp_port));
    let stream = match timeout(most, connecting).await {
        Err(_) => return Err(unreachable(Unreachable::Silent)),
        Ok(Err(error)) => return Err(unreachable((&error).into())),
        Ok(Ok(stream)) => stream,
    };
    let own = own_net_id(config, stream.local_addr().ok())?;
    let manner = Manner {
        own: AmsAddress { net_id: own, port: own_port },
        target: point.target,
        window: config.window.into(),
        timeout: config.timeout(),
    };
    let client = Client::new(stream, manner);
    match shake_hands(&client, most.min(config.timeout())).await {
        Ok((info, state)) => Ok(Link { client, info, state }),
        Err(error) => {
            let error = diagnose(config, point, &client, error).await;
            client.close();
            Err(error)
        }
    }
}

fn own_net_id(config: &Config, local: Option<SocketAddr>) -> Result<NetId, Error> {
    if let Some(own) = config.own()? {
        return Ok(own);
    }
    match local.map(|address| address.ip()) {
        Some(IpAddr::V4(address)) => Ok(of_address(address)),
        _ => Err(Error::Config {
            key: "own_net_id",
            reason: "the PLC is reached over IPv6; set our own Net ID, for example the IPv4 address with .1.1".into(),
        }),
    }
}

/// The Net ID that usually goes with an address.
pub(crate) fn of_address(address: Ipv4Addr) -> NetId {
    let [a, b, c, d] = address.octets();
    NetId([a, b, c, d, 1, 1])
}

/// Asks who the device is before anything else: the first read of the state after a connect may be answered with a wrong
/// number by a CX8090. One answer may be missed.
async fn shake_hands(client: &Client, patience: Duration) -> Result<(DeviceInfo, DeviceState), Error> {
    let ask = async |request| match client.ask_at(client.target(), Urgency::Normal, &request, patience).await {
        Err(Error::Silent { .. }) => client.ask_at(client.target(), Urgency::Normal, &request, patience).await,
        other => other,
    };
    let Reply::Info(info) = ask(Request::Info).await? else { return Err(Error::Unexpected) };
    let Reply::State(state) = ask(Request::State).await? else { return Err(Error::Unexpected) };
    Ok((info, state))
}

/// What is behind a failed hand-shake, in the words of what to do about it.
async fn diagnose(config: &Config, point: &EndPoint, client: &Client, error: Error) -> Error {
    let no_route = |what| Error::NoRoute { host: point.host.clone(), what, own: client.own().net_id };
    match error {
        Error::Broken(_) => no_route("closes it"),
        Error::Silent { .. } => no_route("does not answer"),
        Error::Refused(TARGET_MACHINE) => {
            let found = discovery::discover(&point.host, config.udp_port, client.own().net_id, DIAGNOSE).await;
            let found = found.ok().and_then(|found| found.first().map(|(_, found)| found.net_id));
            Error::WrongNetId { host: point.host.clone(), wanted: point.target.net_id, found }
        }
        Error::Refused(TARGET_PORT) => missing_port(point, client).await,
        other => other,
    }
}

/// Why there is nobody at the port.
pub(crate) async fn missing_port(point: &EndPoint, client: &Client) -> Error {
    let port = point.target.port;
    let ask = async |port| {
        let target = AmsAddress { port, ..point.target };
        client.ask_at(target, Urgency::Normal, &Request::State, DIAGNOSE).await
    };
    if let Ok(Reply::State(state)) = ask(SYSTEM_PORT).await
        && CONFIG_STATES.contains(&state.ads)
    {
        return Error::ConfigMode { state: state_name(state.ads), port };
    }
    // Only to say so: another port is never taken by itself.
    let (found, generation) = if port < 850 { (851, 3) } else { (801, 2) };
    match ask(found).await {
        Ok(_) => Error::OtherGeneration { port, found, generation },
        Err(_) => Error::NoRuntime { port },
    }
}
