//! A broker to test, and clients of others to test it with.
#![allow(dead_code, unreachable_pub)] // each test program uses its own part

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use fieldrail_testkit::wire::plugin::Status;
use fieldrail_testkit::{Plugin, free_port};
use serde_json::{Value as Json, json};

pub const DRIVER: &str = env!("CARGO_BIN_EXE_fieldrail-driver-broker");

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(6);

/// A running broker.
pub struct House {
    pub plugin: Plugin,
    pub port: u16,
}

impl House {
    /// Everybody may do everything.
    pub fn open() -> Self {
        Self::with(json!({ "anonymous": true }))
    }

    pub fn with(more: Json) -> Self {
        let port = free_port();
        let mut plugin = Plugin::start(DRIVER, "mqtt.broker_local", config(port, more));
        plugin.state(Status::Connected);
        Self { plugin, port }
    }

    pub fn publish(&self, topic: &str, payload: &str, more: &[&str]) {
        assert!(publish(self.port, topic, payload, more).status.success());
    }

    pub fn subscribe(&self, filter: &str, more: &[&str]) -> Subscriber {
        Subscriber::start(self.port, filter, more)
    }

    /// What a new subscriber gets at once, as `retain topic payload`, sorted.
    pub fn retained(&self, filter: &str) -> Vec<String> {
        retained(self.port, filter, &[])
    }
}

pub fn config(port: u16, more: Json) -> Json {
    let mut config = json!({ "listen": format!("127.0.0.1:{port}") });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

/// A user as the daemon hands it down; the hash is cheap, so that tests are quick.
pub fn user(name: &str, password: &str, publish: &[&str], subscribe: &[&str]) -> Json {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
    let hash = argon2.hash_password_with_salt(password.as_bytes(), b"saltsaltsalt").unwrap().to_string();
    json!({ "name": name, "password_hash": hash, "publish": publish, "subscribe": subscribe })
}

pub fn publish(port: u16, topic: &str, payload: &str, more: &[&str]) -> Output {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-p", &port.to_string(), "-t", topic, "-m", payload]).args(more);
    command.output().expect("mosquitto-clients is installed")
}

/// Waits until nothing has come for a while: what is retained comes before the answer to the subscription.
pub fn retained(port: u16, filter: &str, more: &[&str]) -> Vec<String> {
    let subscriber = Subscriber::start(port, filter, more);
    let mut all = subscriber.all_for(Duration::from_millis(150));
    all.sort();
    all
}

/// A running `mosquitto_sub`; lines are `retain topic payload`.
pub struct Subscriber {
    child: Child,
    lines: Receiver<String>,
}

impl Subscriber {
    /// Returns when the broker has answered the subscription.
    #[track_caller]
    pub fn start(port: u16, filter: &str, more: &[&str]) -> Self {
        let subscriber = Self::begin(port, filter, more);
        let begun = Instant::now();
        let mut early = Vec::new();
        loop {
            let line = subscriber.lines.recv_timeout(PATIENCE.saturating_sub(begun.elapsed()));
            let line = line.unwrap_or_else(|_| panic!("no answer to the subscription of {filter}; heard {early:?}"));
            if line.starts_with("Subscribed (mid") {
                return subscriber.with_early(early);
            }
            early.push(line);
        }
    }

    fn with_early(mut self, early: Vec<String>) -> Self {
        let (sender, lines) = channel();
        for line in early {
            sender.send(line).unwrap();
        }
        let rest = std::mem::replace(&mut self.lines, lines);
        thread::spawn(move || rest.into_iter().try_for_each(|line| sender.send(line)));
        self
    }

    fn begin(port: u16, filter: &str, more: &[&str]) -> Self {
        let mut command = Command::new("stdbuf");
        command.args(["-oL", "mosquitto_sub", "-d", "-F", "MSG %r %t %p", "-p", &port.to_string(), "-t", filter]);
        let child = command.args(more).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("mosquitto-clients is installed");
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                let wanted = line.starts_with("Subscribed (mid").then(|| line.clone());
                if let Some(line) = wanted.or_else(|| line.strip_prefix("MSG ").map(Into::into)) {
                    let _ = sender.send(line);
                }
            }
        });
        Self { child, lines }
    }

    #[track_caller]
    pub fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a message comes")
    }

    pub fn all_for(&self, time: Duration) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(time) {
            all.push(line);
        }
        all
    }

    #[track_caller]
    pub fn assert_silent(&self) {
        assert_eq!(self.all_for(Duration::from_millis(200)), [] as [&str; 0]);
    }

    /// Ends without a word.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A connection that speaks MQTT byte by byte.
pub struct Raw(pub TcpStream);

impl Raw {
    pub fn open(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// Says CONNECT as MQTT 3.1.1 and reads the return code.
    pub fn connect(&mut self, client: &str) -> u8 {
        self.send(&connect_packet(client));
        let mut answer = [0; 4];
        self.0.read_exact(&mut answer).unwrap();
        assert_eq!(answer[..2], [0x20, 2]);
        answer[3]
    }

    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Whether the broker closes the connection.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

pub fn connect_packet(client: &str) -> Vec<u8> {
    let id = u16::try_from(client.len()).unwrap().to_be_bytes();
    let rest: Vec<u8> = [b"\0\x04MQTT\x04\x02\0\x3c".as_slice(), &id, client.as_bytes()].concat();
    [&[0x10, u8::try_from(rest.len()).unwrap()], rest.as_slice()].concat()
}
