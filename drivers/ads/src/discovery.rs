//! UDP 48899: who is there, and please add a route.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{Instant, timeout_at};

use crate::codec::ams::NetId;
use crate::codec::udp::{ADD_ROUTE, ANSWER, DISCOVER, Datagram, Found, MAX_BYTES, tag};
use crate::codes::{ACCESS, AdsCode};
use crate::error::{Error, Unreachable};
use crate::link::of_address;

/// The most devices that one discovery gives.
const MOST_FOUND: usize = 256;

/// How long a device may take to add a route.
const ROUTE: Duration = Duration::from_secs(3);

/// A socket that talks to this host, and our own address as the host sees it.
async fn socket(host: &str, port: u16) -> Result<(UdpSocket, SocketAddr, Ipv4Addr), Error> {
    let unreachable = |error: &io::Error| Error::Unreachable { host: host.into(), reason: error.into() };
    let mut found = lookup_host((host, port)).await.map_err(|error| unreachable(&error))?;
    let unknown = || Error::Unreachable { host: host.into(), reason: Unreachable::Unknown };
    let address = found.find(SocketAddr::is_ipv4).ok_or_else(unknown)?;
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let probe = UdpSocket::bind(any).await.map_err(|error| unreachable(&error))?;
    let own = match probe.connect(address).await.and_then(|()| probe.local_addr()) {
        Ok(SocketAddr::V4(own)) => *own.ip(),
        _ => Ipv4Addr::UNSPECIFIED,
    };
    let socket = UdpSocket::bind(any).await.map_err(|error| unreachable(&error))?;
    socket.set_broadcast(true).map_err(|error| unreachable(&error))?;
    Ok((socket, address, own))
}

/// Asks a host, or all with a broadcast address, and gathers what answers until the time is over; a single host ends it with
/// its answer.
pub(crate) async fn discover(
    host: &str,
    port: u16,
    own: NetId,
    patience: Duration,
) -> Result<Vec<(IpAddr, Found)>, Error> {
    let (socket, address, own_address) = socket(host, port).await?;
    let own = if own == NetId::default() { of_address(own_address) } else { own };
    let question = Datagram::question(DISCOVER, 1, own).encode();
    let failed = |error: &io::Error| Error::Unreachable { host: host.into(), reason: error.into() };
    socket.send_to(&question, address).await.map_err(|error| failed(&error))?;
    let until = Instant::now() + patience;
    let is_broadcast = matches!(address, SocketAddr::V4(address) if address.ip().octets()[3] == 255);
    let mut found: Vec<(IpAddr, Found)> = Vec::new();
    let mut bytes = vec![0; MAX_BYTES];
    while found.len() < MOST_FOUND {
        let Ok(Ok((count, from))) = timeout_at(until, socket.recv_from(&mut bytes)).await else { break };
        let datagram = Datagram::decode(bytes.get(..count).unwrap_or_default());
        if let Some(device) = datagram.ok().as_ref().and_then(Found::from)
            && !found.iter().any(|(_, known)| *known == device)
        {
            found.push((from.ip(), device));
            if !is_broadcast {
                break;
            }
        }
    }
    if found.is_empty() && !is_broadcast { Err(Error::NoDiscovery { host: host.into(), port }) } else { Ok(found) }
}

/// A route that a device is to add.
pub(crate) struct Route<'a> {
    /// What it is to be called.
    pub(crate) name: &'a str,
    /// Our Net ID; unless given, our address with `.1.1`.
    pub(crate) own: Option<NetId>,
    /// Our address as the device is to see it; unless given, the one it sees now.
    pub(crate) address: Option<&'a str>,
    /// A user of the device's operating system.
    pub(crate) user: &'a str,
    /// The user's password.
    pub(crate) password: &'a str,
}

/// Asks a device for a route to us. Gives our Net ID and address as they were entered.
pub(crate) async fn add_route(host: &str, port: u16, route: &Route<'_>) -> Result<(NetId, String), Error> {
    let (socket, address, own_address) = socket(host, port).await?;
    let own = route.own.unwrap_or_else(|| of_address(own_address));
    let own_address = route.address.map_or_else(|| own_address.to_string(), Into::into);
    let invoke = getrandom::u32().unwrap_or(7) & 0xffff;
    let question = Datagram::question(ADD_ROUTE, invoke, own)
        .with_text(tag::ROUTE, route.name)
        .with(tag::NET_ID, own.0.to_vec())
        .with_text(tag::USER, route.user)
        .with_text(tag::PASSWORD, route.password)
        .with_text(tag::HOST, &own_address);
    let failed = |error: &io::Error| Error::Unreachable { host: host.into(), reason: error.into() };
    socket.send_to(&question.encode(), address).await.map_err(|error| failed(&error))?;
    let until = Instant::now() + ROUTE;
    let mut bytes = vec![0; MAX_BYTES];
    loop {
        let Ok(Ok((count, from))) = timeout_at(until, socket.recv_from(&mut bytes)).await else {
            return Err(Error::NoDiscovery { host: host.into(), port });
        };
        let Ok(answer) = Datagram::decode(bytes.get(..count).unwrap_or_default()) else { continue };
        // Older devices leave the number 0.
        let is_ours = from.ip() == address.ip() && (answer.invoke == invoke || answer.invoke == 0);
        if !is_ours || answer.operation != ADD_ROUTE | ANSWER {
            continue;
        }
        return match answer.status() {
            Some(0) => Ok((own, own_address)),
            Some(code) if AdsCode(code) == ACCESS => Err(Error::RoutePassword { host: host.into() }),
            Some(code) => Err(AdsCode(code).into()),
            None => Err(Error::RoutePassword { host: host.into() }),
        };
    }
}
