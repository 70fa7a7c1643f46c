//! A real mosquitto on a free loopback port.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a broker may take to listen.
const START: Duration = Duration::from_secs(5);

/// A running broker with a generated configuration. It ends with this value.
pub struct Mosquitto {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Mosquitto {
    /// A broker that takes everybody.
    pub fn start() -> Self {
        Self::with("allow_anonymous true\n")
    }

    /// A broker with these lines of `mosquitto.conf` after its `listener`.
    pub fn with(lines: &str) -> Self {
        Self::configured(|_| lines.to_owned())
    }

    /// A broker that knows one user. `more` lines follow.
    pub fn with_user(name: &str, password: &str, more: &str) -> Self {
        Self::configured(|folder| {
            let file = folder.join("passwords");
            let made = Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&file).args([name, password]).output();
            let made = made.expect("mosquitto_passwd is installed");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            format!("allow_anonymous false\npassword_file {}\n{more}", file.display())
        })
    }

    fn configured(lines: impl FnOnce(&Path) -> String) -> Self {
        let folder = TempDir::new().expect("there is room for a temporary folder");
        let port = crate::free_port();
        let lines = lines(folder.path());
        let config = format!("user root\nlistener {port} 127.0.0.1\nmax_queued_messages 0\n{lines}");
        fs::write(folder.path().join("mosquitto.conf"), config).expect("the temporary folder can be written");
        let mut broker = Self { folder, port, child: None };
        broker.restart();
        broker
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The broker's process.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Ends the broker at once, without a word to its clients.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it on the same port; what it held in memory is gone.
    pub fn restart(&mut self) {
        self.kill();
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"];
        let program = program.iter().map(PathBuf::from).find(|path| path.exists()).expect("mosquitto is installed");
        let log = fs::File::create(self.folder.path().join("log")).expect("the temporary folder can be written");
        let mut command = Command::new(program);
        command.arg("-c").arg(self.folder.path().join("mosquitto.conf"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.child = Some(child.expect("mosquitto can be started"));
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(begun.elapsed() < START, "mosquitto does not listen: {}", self.log());
            sleep(Duration::from_millis(10));
        }
    }

    /// What the broker wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}
