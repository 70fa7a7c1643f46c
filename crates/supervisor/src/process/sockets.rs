//! What TCP counted for each socket of this machine, asked of the kernel by `sock_diag` (netlink). No other protocol counts
//! for single sockets, so of the others it is only known that they are there.
//!
//! The layouts are those of the kernel's `linux/netlink.h`, `linux/inet_diag.h` and `linux/tcp.h`.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::metrics::Network;

/// The kernel answers at once.
const PATIENCE: Duration = Duration::from_millis(500);

/// One answer of the kernel holds at most 32 KiB.
const ANSWER_BYTES: usize = 64 * 1024;

/// Answers to one question: 100,000 sockets are about 1,200.
const MOST_ANSWERS: usize = 10_000;

const BY_FAMILY: u16 = 20;
const DONE: u16 = 3;
const ERROR: u16 = 2;
const REQUEST_AND_DUMP: u16 = 0x301;
const WITH_INFO: u8 = 1 << 1;
const INFO: u16 = 2;
const TCP: u8 = 6;
const UDP: u8 = 17;
/// All states but LISTEN, SYN-RECEIVED of the listener, and TIME-WAIT, which belong to nobody or have no counters.
const TCP_STATES: u32 = 0xfff & !(1 << 10) & !(1 << 6) & !(1 << 3);
const HEADER: usize = 16;
const DIAG: usize = 72;

/// One TCP socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TcpSocket {
    /// By which `/proc/PID/fd` names it.
    pub(crate) inode: u32,
    /// The kernel's own number of it, which is never used again.
    pub(crate) cookie: u64,
    /// What it counted since it was made.
    pub(crate) counted: Network,
}

/// All sockets of this network namespace at one moment.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    pub(crate) tcp: HashMap<u32, TcpSocket>,
    pub(crate) udp: HashSet<u32>,
}

/// The way to the kernel.
#[derive(Debug)]
pub(crate) struct Asker(OwnedFd);

impl Asker {
    pub(crate) fn open() -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(netlink::SOCK_DIAG),
        )?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        Ok(Self(socket))
    }

    /// All sockets there are.
    pub(crate) fn ask(&self) -> io::Result<Sockets> {
        let mut all = Sockets::default();
        for family in [AddressFamily::INET, AddressFamily::INET6] {
            let family = u8::try_from(family.as_raw()).unwrap_or_default();
            self.dump(&question(family, TCP, TCP_STATES), |body| {
                if let Some(socket) = tcp_socket(body) {
                    all.tcp.insert(socket.inode, socket);
                }
            })?;
            self.dump(&question(family, UDP, u32::MAX), |body| all.udp.extend(inode(body)))?;
        }
        Ok(all)
    }

    fn dump(&self, question: &[u8], mut each: impl FnMut(&[u8])) -> io::Result<()> {
        rustix::net::sendto(&self.0, question, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut buffer = vec![0; ANSWER_BYTES];
        for _ in 0..MOST_ANSWERS {
            let (read, _) = rustix::net::recv(&self.0, buffer.as_mut_slice(), RecvFlags::empty())?;
            match messages(&buffer[..read], &mut each) {
                End::More => {}
                End::Done => return Ok(()),
                End::Refused => return Err(io::Error::other("the kernel does not tell of its sockets")),
            }
        }
        Err(io::Error::other("the kernel does not come to an end"))
    }
}

fn question(family: u8, protocol: u8, states: u32) -> Vec<u8> {
    const LENGTH: u32 = 72;
    let mut bytes = Vec::with_capacity(LENGTH as usize);
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST_AND_DUMP.to_ne_bytes());
    bytes.extend([0; 8]); // sequence and port
    bytes.extend([family, protocol, WITH_INFO, 0]);
    bytes.extend(states.to_ne_bytes());
    bytes.resize(LENGTH as usize, 0); // any addresses and ports
    bytes
}

/// Whether more messages follow.
#[derive(Debug, PartialEq, Eq)]
enum End {
    More,
    Done,
    Refused,
}

/// Hands on the body of each message about a socket.
fn messages(mut bytes: &[u8], each: &mut impl FnMut(&[u8])) -> End {
    while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let length = length as usize;
        let Some(body) = bytes.get(HEADER..length) else { return End::Refused };
        match kind {
            DONE => return End::Done,
            ERROR => return End::Refused,
            BY_FAMILY => each(body),
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    End::More
}

fn inode(body: &[u8]) -> Option<u32> {
    u32_at(body, 68).filter(|&inode| inode != 0)
}

/// `struct inet_diag_msg` with its attributes.
fn tcp_socket(body: &[u8]) -> Option<TcpSocket> {
    let mut attributes = body.get(DIAG..)?;
    while let (Some(length), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
        let length = usize::from(length);
        let value = attributes.get(4..length)?;
        if kind == INFO {
            return Some(TcpSocket { inode: inode(body)?, cookie: u64_at(body, 44)?, counted: counted(value)? });
        }
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    None
}

/// `struct tcp_info`. Kernels before 4.19 do not have the bytes sent; those that were acknowledged stand for them.
fn counted(info: &[u8]) -> Option<Network> {
    Some(Network {
        packets_sent: u32_at(info, 136)?.into(),
        packets_received: u32_at(info, 140)?.into(),
        bytes_sent: u64_at(info, 200).or_else(|| u64_at(info, 120))?,
        bytes_received: u64_at(info, 128)?,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsRawFd;

    use super::*;

    fn inode_of(socket: &impl AsRawFd) -> u32 {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
        let text = link.to_str().unwrap().strip_prefix("socket:[").unwrap().strip_suffix(']').unwrap().to_owned();
        text.parse().unwrap()
    }

    #[test]
    fn the_kernel_counts_the_bytes_of_a_real_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut there, _) = listener.accept().unwrap();
        here.write_all(&[7; 1000]).unwrap();
        there.read_exact(&mut [0; 1000]).unwrap();
        there.write_all(&[8; 10]).unwrap();
        here.read_exact(&mut [0; 10]).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let all = Asker::open().unwrap().ask().unwrap();
        let (ours, theirs) = (all.tcp[&inode_of(&here)], all.tcp[&inode_of(&there)]);
        assert_eq!((ours.counted.bytes_sent, ours.counted.bytes_received), (1000, 10));
        assert_eq!((theirs.counted.bytes_sent, theirs.counted.bytes_received), (10, 1000));
        assert!(ours.counted.packets_sent >= 3 && ours.counted.packets_received >= 2, "{ours:?}");
        assert!(all.udp.contains(&inode_of(&udp)));
        assert_ne!(ours.cookie, theirs.cookie);
        assert!(!all.tcp.contains_key(&inode_of(&listener)), "a listener has no counters of its own");
    }

    #[test]
    fn whatever_comes_is_read_without_a_panic() {
        for length in 0..200_usize {
            for filling in [0_u8, 1, 0x7f, 0xff] {
                let bytes = vec![filling; length];
                messages(&bytes, &mut |body| _ = tcp_socket(body));
                let mut framed = u32::try_from(length).unwrap_or_default().to_ne_bytes().to_vec();
                framed.extend(BY_FAMILY.to_ne_bytes());
                framed.resize(length.max(6), filling);
                messages(&framed, &mut |body| _ = tcp_socket(body));
            }
        }
    }
}
