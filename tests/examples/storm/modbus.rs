//! The Modbus units: one on TCP, one behind a serial server (RTU over TCP).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fieldrail_driver_modbus::codec::pdu::Table;
use fieldrail_driver_modbus::line::Framing;
use fieldrail_driver_modbus::sim::{Bank, Faults, Server, SharedBank, Wrong};
use fieldrail_tests::{Random, wait_for};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::device::{Device, Event, SharedTruth, Strike, absence, number};
use crate::truth::Truth;

/// The unit.
const UNIT: u8 = 3;

/// Registers of 32 bits: name, table, address, type. The last two never change.
const REGISTERS: [(&str, &str, u16, &str); 12] = [
    ("a", "holding", 10, "uint32"),
    ("b", "holding", 12, "uint32"),
    ("c", "holding", 14, "int32"),
    ("d", "holding", 20, "float32"),
    ("e", "holding", 200, "uint32"),
    ("f", "holding", 202, "int32"),
    ("g", "input", 10, "uint32"),
    ("h", "input", 12, "uint32"),
    ("i", "input", 500, "float32"),
    ("j", "input", 502, "int32"),
    ("fixed_1", "holding", 16, "uint32"),
    ("fixed_2", "input", 900, "int32"),
];
const CONSTANTS: usize = 2;

/// A simulated unit in the storm.
pub(crate) struct Modbus {
    bank: SharedBank,
    server: Option<Server>,
    address: SocketAddr,
    framing: Framing,
    runtime: Handle,
    truth: SharedTruth,
    round: u32,
}

/// Puts a value into its two registers.
fn put(bank: &mut Bank, truth: &mut Truth, at: usize, value: f64) {
    let (name, table, address, kind) = REGISTERS[at];
    truth.set(name, value, Instant::now());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of the storm are small")]
    let bits = if kind == "float32" { (value as f32).to_bits() } else { value as u32 };
    for (word, at) in [bits >> 16, bits & 0xffff].into_iter().zip(address..) {
        bank.set(UNIT, table_of(table), at, u16::try_from(word).unwrap_or(0));
    }
}

/// What a register says in this round.
fn value(round: u32, at: usize) -> f64 {
    if at < REGISTERS.len() - CONSTANTS { number(round, at) } else { 1_000_003.0 + at as f64 }
}

fn table_of(name: &str) -> Table {
    if name == "input" { Table::Input } else { Table::Holding }
}

impl Modbus {
    pub(crate) fn new(runtime: &Handle, address: SocketAddr, framing: Framing, truth: SharedTruth) -> Self {
        let (bank, runtime) = (SharedBank::default(), runtime.clone());
        let mut device = Self { bank, server: None, address, framing, runtime, truth, round: 0 };
        device.switch_on();
        device.mend();
        device
    }

    fn switch_on(&mut self) {
        let server = wait_for("the simulated unit listens", Duration::from_secs(5), || {
            self.runtime.block_on(Server::start(self.bank.clone(), self.address, self.framing)).ok()
        });
        self.address = server.address;
        self.server = Some(server);
    }

    fn cut(&mut self, random: &mut Random) -> (String, Duration) {
        match random.below(3) {
            0 => {
                self.bank.lock().faults.abrupt = random.once_in(2);
                self.server.iter().for_each(Server::cut);
                ("connections cut".into(), Duration::ZERO)
            }
            1 => {
                self.truth.lock().away(Instant::now());
                self.server = None;
                ("unplugged".into(), absence(random))
            }
            _ => {
                self.bank.lock().faults.silent = true;
                self.truth.lock().away(Instant::now());
                ("silent".into(), absence(random))
            }
        }
    }

    /// Refuses everything, as a unit that starts, is busy or lies behind a gateway that cannot reach it.
    fn stop(&mut self, random: &mut Random) -> String {
        let code = random.pick(&[1, 2, 3, 4, 5, 6, 10, 11]);
        self.bank.lock().faults.refuse = Some(code);
        self.truth.lock().away(Instant::now());
        format!("exception {code}")
    }

    /// All values jump; now and then some registers are gone for a while, as while a device loads another profile.
    fn change(&mut self, random: &mut Random) -> (String, Duration) {
        self.round += u32::try_from(random.between(1000, 5000)).unwrap_or(0);
        self.play();
        if !random.once_in(3) {
            return ("all values jump".into(), Duration::ZERO);
        }
        let gone = random.below(REGISTERS.len());
        let (name, table, address, _) = REGISTERS[gone];
        let mut bank = self.bank.lock();
        for at in address..address + 2 {
            bank.remove(UNIT, table_of(table), at);
        }
        self.truth.lock().remove(name, Instant::now());
        (format!("all values jump and `{name}` is not there"), absence(random))
    }

    fn err(&mut self, random: &mut Random) -> String {
        const ALL: [Wrong; 13] = [
            Wrong::Transaction,
            Wrong::Unit,
            Wrong::Function,
            Wrong::Short,
            Wrong::Half,
            Wrong::HalfClosed,
            Wrong::Stray,
            Wrong::Twice,
            Wrong::Damaged,
            Wrong::Missing,
            Wrong::Refused(2),
            Wrong::Refused(4),
            Wrong::Refused(11),
        ];
        let count = random.between(1, 4);
        let wrong: VecDeque<Wrong> = (0..count).map(|_| random.pick(&ALL)).collect();
        self.bank.lock().faults.wrong.clone_from(&wrong);
        format!("{wrong:?}")
    }
}

impl Device for Modbus {
    fn connection(&self) -> (&'static str, Value) {
        let registers: Vec<Value> = REGISTERS
            .iter()
            .map(|(name, table, address, kind)| json!({ "name": name, "table": table, "address": address, "type": kind }))
            .collect();
        let framing = if self.framing == Framing::Tcp { "tcp" } else { "rtu" };
        let config = json!({ "host": self.address.ip().to_string(), "port": self.address.port(), "unit": UNIT,
            "framing": framing, "poll_ms": 200, "registers": registers });
        ("modbus", config)
    }

    fn tags(&self) -> Vec<String> {
        REGISTERS.iter().map(|(name, ..)| (*name).to_owned()).collect()
    }

    fn constants(&self) -> usize {
        CONSTANTS
    }

    fn play(&mut self) {
        self.round += 1;
        let (mut bank, mut truth) = (self.bank.lock(), self.truth.lock());
        let changing = REGISTERS.iter().take(REGISTERS.len() - CONSTANTS);
        for (at, &(_, table, address, _)) in changing.enumerate() {
            // What was taken away stays away until it is put back.
            if bank.get(UNIT, table_of(table), address).is_some() {
                put(&mut bank, &mut truth, at, value(self.round, at));
            }
        }
    }

    fn strike(&mut self, event: Event, random: &mut Random) -> Strike {
        let lasts = absence(random);
        let (what, lasts) = match event {
            Event::Cut => self.cut(random),
            Event::Stop => (self.stop(random), lasts),
            Event::Change => self.change(random),
            Event::Restart => {
                self.truth.lock().away(Instant::now());
                self.server = None;
                ("off".into(), lasts)
            }
            Event::Wrong => (self.err(random), lasts),
            Event::Killed => ("kill -9".into(), Duration::ZERO),
        };
        Strike { what, lasts }
    }

    fn mend(&mut self) {
        self.truth.lock().back(Instant::now());
        self.round += 1;
        {
            let (mut bank, mut truth) = (self.bank.lock(), self.truth.lock());
            for at in 0..REGISTERS.len() {
                put(&mut bank, &mut truth, at, value(self.round, at));
            }
            bank.faults = Faults::default();
        }
        if self.server.is_none() {
            self.switch_on();
        }
    }

    fn available(&self, over: Instant) -> Instant {
        over
    }

    fn amiss(&self) -> Option<String> {
        let connections = self.bank.lock().connections;
        (connections != 1).then(|| format!("{connections} connections in place of 1"))
    }

    fn left(&self) -> Option<String> {
        let connections = self.bank.lock().connections;
        (connections != 0).then(|| format!("{connections} connections"))
    }

    fn written(&self) -> Option<&'static str> {
        None
    }

    fn manners(&self) -> String {
        let name = if self.framing == Framing::Tcp { "TCP" } else { "RTU over TCP" };
        format!("Modbus {name}")
    }
}
