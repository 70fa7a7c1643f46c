//! Devices that nobody here wrote, as processes: the drivers' own tests use the same.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A process that plays a device on a port of loopback. It ends with this value.
pub struct Peer {
    child: Child,
    port: u16,
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("loopback has free ports").port()
}

impl Peer {
    /// A PLC: the test server of pyads-agile, net id 127.0.0.1.1.1, port 851, with `MAIN.bLight`, `MAIN.nCount` and others.
    pub fn plc() -> Self {
        let port = free_port();
        Self::start("ads/pyads-agile/bin/python", "ads/tests/peers/agile_server.py", &port.to_string(), port)
    }

    /// A device with unit 1 on Modbus TCP: a pymodbus server with 64 coils and 2000 holding registers.
    pub fn modbus() -> Self {
        let port = free_port();
        let setup = format!(r#"{{ "framer": "socket", "port": {port}, "units": [1] }}"#);
        Self::start("modbus/bin/python", "modbus/tests/driver/peer.py", &setup, port)
    }

    fn start(python: &str, script: &str, argument: &str, port: u16) -> Self {
        let top = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let python = top.join("target/peers").join(python);
        assert!(python.exists(), "{} is missing: `scripts/need test` installs it", python.display());
        let mut command = Command::new(python);
        command.arg(top.join("drivers").join(script)).arg(argument);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("python starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let mut line = String::new();
        let _ = output.read_line(&mut line);
        assert!(line.contains("ready"), "{script} said {line:?}");
        // What it prints further on must not block it.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Self { child, port }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
