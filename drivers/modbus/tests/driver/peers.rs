//! What the driver speaks with: a pymodbus server in a process of its own, and a serial line made of two pseudo-terminals.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fieldrail_testkit::{Plugin, free_port};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value as Json, json};

pub(crate) const DRIVER: &str = env!("CARGO_BIN_EXE_fieldrail-driver-modbus");

/// A pymodbus server. It ends with this value.
pub(crate) struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl Peer {
    /// A Modbus TCP server with these units.
    pub(crate) fn tcp(units: &[u8]) -> Self {
        Self::on_tcp("socket", free_port(), units)
    }

    /// The same with another framer, or on a given port.
    pub(crate) fn on_tcp(framer: &str, port: u16, units: &[u8]) -> Self {
        let mut peer = Self::start(&json!({ "framer": framer, "port": port, "units": units }));
        peer.port = port;
        peer
    }

    /// A Modbus TCP server whose unit 1 has these further holding registers.
    pub(crate) fn with_image(base: u16, words: &[u16]) -> Self {
        let port = free_port();
        let mut peer = Self::start(&json!({ "framer": "socket", "port": port, "units": [1], "image": [base, words] }));
        peer.port = port;
        peer
    }

    /// A server on a serial line.
    pub(crate) fn serial(framer: &str, device: &Path, units: &[u8]) -> Self {
        Self::start(&json!({ "framer": framer, "device": device, "baud": 115_200, "units": units }))
    }

    fn start(setup: &Json) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = here.join("../../target/peers/modbus/bin/python");
        assert!(python.exists(), "{} is missing: `scripts/need test` installs it", python.display());
        let mut command = Command::new(python);
        command.arg(here.join("tests/driver/peer.py")).arg(setup.to_string());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("python starts");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Self { child, input, output, port: 0 };
        assert_eq!(peer.line(), json!("ready"));
        peer
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn line(&mut self) -> Json {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the peer speaks");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the peer said {line:?}"))
    }

    /// Tells the peer what to do from now on.
    pub(crate) fn obey(&mut self, command: &Json) -> Json {
        writeln!(self.input, "{command}").expect("the peer listens");
        self.line()
    }

    /// What stands in holding registers.
    pub(crate) fn holding(&mut self, unit: u8, address: u16, count: u16) -> Vec<u16> {
        serde_json::from_value(self.obey(&json!({ "get": [unit, 3, address, count] }))).unwrap()
    }

    pub(crate) fn coil(&mut self, unit: u8, address: u16) -> bool {
        self.obey(&json!({ "get": [unit, 1, address, 1] }))[0].as_bool().unwrap()
    }

    /// These units do not answer.
    pub(crate) fn mute(&mut self, units: &[u8]) {
        self.obey(&json!({ "mute": units }));
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A serial line: what goes in at one end comes out at the other. It ends with this value.
pub(crate) struct Wire {
    pub(crate) near: PathBuf,
    pub(crate) far: PathBuf,
    to_near: Arc<OwnedFd>,
    ended: Arc<AtomicBool>,
    pumps: Vec<thread::JoinHandle<()>>,
}

fn end() -> (OwnedFd, PathBuf) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    // Raw from the beginning: what is said before anybody has opened it is not echoed.
    let mut termios = rustix::termios::tcgetattr(&master).unwrap();
    termios.make_raw();
    rustix::termios::tcsetattr(&master, rustix::termios::OptionalActions::Now, &termios).unwrap();
    (master, name.into_string().unwrap().into())
}

impl Wire {
    pub(crate) fn new() -> Self {
        let ((near_master, near), (far_master, far)) = (end(), end());
        let (near_master, far_master) = (Arc::new(near_master), Arc::new(far_master));
        let ended = Arc::new(AtomicBool::new(false));
        let pumps = [(&near_master, &far_master), (&far_master, &near_master)].map(|(from, to)| {
            let (from, to, ended) = (Arc::clone(from), Arc::clone(to), Arc::clone(&ended));
            thread::spawn(move || pump(&from, &to, &ended))
        });
        Self { near, far, to_near: near_master, ended, pumps: pumps.into() }
    }

    /// Something that nobody asked for comes to the near end.
    pub(crate) fn disturb(&self, bytes: &[u8]) {
        rustix::io::write(&*self.to_near, bytes).unwrap();
    }
}

fn pump(from: &OwnedFd, to: &OwnedFd, ended: &AtomicBool) {
    let mut bytes = [0; 1024];
    while !ended.load(Ordering::Relaxed) {
        let mut ready = [PollFd::new(from, PollFlags::IN)];
        let wait = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        if !matches!(poll(&mut ready, Some(&wait)), Ok(1..)) {
            continue;
        }
        match rustix::io::read(from, &mut bytes) {
            Ok(count) => drop(rustix::io::write(to, &bytes[..count])),
            // Nobody has opened the other side yet, or not any more.
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        for pump in self.pumps.drain(..) {
            let _ = pump.join();
        }
    }
}

/// The driver as the instance `inverter`, with this configuration added to the rest.
pub(crate) fn driver(base: Json, more: &Json) -> Plugin {
    let mut config = base;
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Plugin::start(DRIVER, "inverter", config)
}

pub(crate) fn on(peer: &Peer) -> Json {
    json!({ "host": "127.0.0.1", "port": peer.port(), "poll_ms": 20, "timeout_ms": 3000 })
}

pub(crate) fn register(name: &str, table: &str, address: u16) -> Json {
    json!({ "name": name, "table": table, "address": address })
}
