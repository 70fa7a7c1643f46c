//! Real lines: a pseudo-terminal pair, a loopback socket, and what is neither.
#![allow(clippy::unwrap_used)]

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use fieldrail_link_serial::{Error, Link, Parity, Place, Settings};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Both ends of a pseudo-terminal: the master, and the name of the port.
fn pair() -> (OwnedFd, PathBuf) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    (master, name.into_string().unwrap().into())
}

fn device(path: impl Into<PathBuf>, settings: Settings) -> Place {
    Place::Device { path: path.into(), settings }
}

const PATIENCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn bytes_go_both_ways_and_nothing_is_changed_on_the_way() {
    let (master, name) = pair();
    let settings = Settings { baud: 115_200, parity: Parity::Even, ..Settings::default() };
    let mut link = Link::open(&device(name, settings), PATIENCE).await.unwrap();
    let all: Vec<u8> = (0..=255).collect();
    link.write_all(&all).await.unwrap();
    let mut seen = vec![0; 256];
    let mut count = 0;
    while count < all.len() {
        count += rustix::io::read(&master, &mut seen[count..]).unwrap();
    }
    assert_eq!(seen, all);
    rustix::io::write(&master, &all).unwrap();
    let mut heard = Vec::new();
    while heard.len() < all.len() {
        let mut bytes = [0; 64];
        let count = link.read(&mut bytes).await.unwrap();
        heard.extend_from_slice(&bytes[..count]);
    }
    assert_eq!(heard, all);
}

#[tokio::test]
async fn a_port_belongs_to_one_until_it_is_let_go() {
    let (_master, name) = pair();
    let place = device(&name, Settings::default());
    let first = Link::open(&place, PATIENCE).await.unwrap();
    let second = Link::open(&place, PATIENCE).await.unwrap_err();
    assert!(matches!(&second, Error::Busy(path) if *path == name), "{second}");
    assert!(second.hint().unwrap().contains("two programs"));
    drop(first);
    Link::open(&place, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let missing = Link::open(&device("/dev/does-not-exist", Settings::default()), PATIENCE).await.unwrap_err();
    assert_eq!(missing.to_string(), "there is no device /dev/does-not-exist");
    let file = tempfile::NamedTempFile::new().unwrap();
    let no_port = Link::open(&device(file.path(), Settings::default()), PATIENCE).await.unwrap_err();
    assert!(matches!(no_port, Error::NoPort(_)), "{no_port}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let refused = Link::open(&Place::Tcp { host: "127.0.0.1".into(), port }, PATIENCE).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("cannot connect to 127.0.0.1:{port}: connection refused"));
    assert!(refused.hint().unwrap().contains("host and port"));
}

#[tokio::test]
async fn a_quiet_line_is_one_where_what_was_said_before_is_gone() {
    let (master, name) = pair();
    let mut link = Link::open(&device(name, Settings::default()), PATIENCE).await.unwrap();
    rustix::io::write(&master, b"late answer").unwrap();
    let mut thrown = Vec::new();
    link.quiet(Duration::from_millis(20), &mut thrown).await.unwrap();
    assert_eq!(thrown, b"late answer");
    rustix::io::write(&master, b"x").unwrap();
    let mut bytes = [0; 16];
    assert_eq!(link.read(&mut bytes).await.unwrap(), 1);
    assert_eq!(bytes[0], b'x');
}

#[tokio::test]
async fn a_serial_server_is_a_line_and_its_end_is_noticed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut link = Link::open(&Place::Tcp { host: "127.0.0.1".into(), port }, PATIENCE).await.unwrap();
    let (mut peer, _) = listener.accept().await.unwrap();
    link.write_all(b"ask").await.unwrap();
    let mut bytes = [0; 3];
    peer.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"ask");
    peer.write_all(b"say").await.unwrap();
    assert_eq!(link.read(&mut bytes).await.unwrap(), 3);
    drop(peer);
    assert!(link.read(&mut bytes).await.unwrap_err().to_string().contains("closed by the other side"));
}

#[tokio::test]
async fn a_port_that_is_pulled_out_is_noticed() {
    let (master, name) = pair();
    let mut link = Link::open(&device(name, Settings::default()), PATIENCE).await.unwrap();
    drop(master);
    assert!(link.read(&mut [0; 8]).await.is_err());
}
