//! The PLCs: one with TwinCAT 3, and a small one that wants silence after each close.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fieldrail_driver_ads::codec::groups;
use fieldrail_driver_ads::sim::plc::{CONFIG, RUN, STOP};
use fieldrail_driver_ads::sim::{Faults, Plc, Program, Server, SharedPlc, Wrong};
use fieldrail_tests::{Random, wait_for};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::device::{Device, Event, SharedTruth, Strike, absence, number};

/// Variables that change, those that never do, the one whose type changes, the one that comes and goes, the one that is written.
const CHANGING: [(&str, &str, u32); 8] = [
    ("MAIN.nA", "DINT", 4),
    ("MAIN.nB", "DINT", 4),
    ("MAIN.nC", "UDINT", 4),
    ("MAIN.fD", "REAL", 4),
    ("MAIN.fE", "LREAL", 8),
    ("Light.nF", "DINT", 4),
    ("Light.nG", "LINT", 8),
    ("Light.fH", "REAL", 4),
];
const TYPED: &str = "MAIN.xTyped";
const GUEST: &str = "Guest.nNew";
const CONSTANTS: [&str; 2] = ["MAIN.nFixed", "Light.fFixed"];
const WRITTEN: &str = "MAIN.nSet";

/// How long a CX8090 takes no connection after a close.
const REST: Duration = Duration::from_secs(5);

/// A simulated PLC in the storm.
pub(crate) struct Ads {
    plc: SharedPlc,
    server: Option<Server>,
    address: SocketAddr,
    udp: SocketAddr,
    runtime: Handle,
    truth: SharedTruth,
    is_small: bool,
    round: u32,
    layout: Layout,
}

/// How the variables lie.
#[derive(Clone)]
struct Layout {
    gap: u32,
    turn: usize,
    has_guest: bool,
    typed: (&'static str, u32),
}

impl Layout {
    fn program(&self) -> Program {
        let mut program = Program::default();
        program.gap(self.gap);
        let mut changing = CHANGING;
        changing.rotate_left(self.turn % CHANGING.len());
        for (at, (name, kind, size)) in changing.into_iter().enumerate() {
            if at == 3 {
                program.variable(TYPED, self.typed.0, self.typed.1, "");
            }
            if at == 5 && self.has_guest {
                program.variable(GUEST, "DINT", 4, "");
            }
            program.variable(name, kind, size, "");
        }
        program.variable(CONSTANTS[0], "DINT", 4, "");
        program.variable(CONSTANTS[1], "REAL", 4, "");
        program.variable(WRITTEN, "DINT", 4, "");
        program
    }
}

impl Ads {
    pub(crate) fn new(runtime: &Handle, address: SocketAddr, is_small: bool, truth: SharedTruth) -> Self {
        let layout = Layout { gap: 0, turn: 0, has_guest: true, typed: ("DINT", 4) };
        let mut plc = Plc::new(layout.program());
        if is_small {
            plc.ports = vec![801];
            plc.info.major = 2;
            plc.faults.rest = REST;
        }
        let plc = SharedPlc::new(plc);
        let (runtime, udp) = (runtime.clone(), address);
        let mut device = Self { plc, server: None, address, udp, runtime, truth, is_small, round: 0, layout };
        device.switch_on();
        device.put_all();
        device
    }

    fn switch_on(&mut self) {
        let server = wait_for("the simulated PLC listens", Duration::from_secs(5), || {
            let start = Server::start(self.plc.clone(), self.address, self.udp);
            self.runtime.block_on(start).ok()
        });
        (self.address, self.udp) = (server.address, server.udp);
        self.server = Some(server);
    }

    /// Puts a new value into everything that changes.
    fn put_changing(&mut self) {
        self.round += 1;
        let (mut plc, mut truth) = (self.plc.lock(), self.truth.lock());
        put_changing(&mut plc, &mut truth, self.round, self.layout.has_guest);
    }

    fn put_all(&mut self) {
        let mut plc = self.plc.lock();
        put_constants(&mut plc, &mut self.truth.lock());
        drop(plc);
        self.put_changing();
    }

    /// Another program, by an online change or a download: all in one moment, as a real one has it.
    fn change(&mut self, random: &mut Random, is_download: bool) -> String {
        self.layout.gap = 8 * u32::try_from(random.below(4)).unwrap_or(0);
        self.layout.turn = random.below(CHANGING.len());
        self.layout.has_guest = !random.once_in(3);
        self.layout.typed = random.pick(&[("DINT", 4), ("REAL", 4), ("LREAL", 8), ("UDINT", 4)]);
        self.round += 1;
        let program = self.layout.program();
        let (mut plc, mut truth) = (self.plc.lock(), self.truth.lock());
        if is_download {
            plc.download(program);
        } else {
            plc.online_change(program);
        }
        let now = Instant::now();
        if !self.layout.has_guest {
            truth.remove(GUEST, now);
        }
        put_constants(&mut plc, &mut truth);
        put_changing(&mut plc, &mut truth, self.round, self.layout.has_guest);
        let guest = if self.layout.has_guest { "" } else { ", one variable less" };
        format!("{} B moved, {} {TYPED}{guest}", self.layout.gap, self.layout.typed.0)
    }

    fn cut(&mut self, random: &mut Random) -> (String, Duration) {
        match random.below(3) {
            0 => {
                let abrupt = random.once_in(2);
                self.plc.lock().faults.abrupt = abrupt;
                self.server.iter().for_each(Server::cut);
                ("connections cut".into(), Duration::ZERO)
            }
            1 => {
                self.truth.lock().away(Instant::now());
                self.server = None;
                ("unplugged".into(), absence(random))
            }
            _ => {
                self.plc.lock().faults.silent = true;
                self.truth.lock().away(Instant::now());
                ("silent".into(), absence(random))
            }
        }
    }

    fn stop(&mut self, random: &mut Random) -> String {
        let state = random.pick(&[STOP, CONFIG]);
        self.plc.lock().state.ads = state;
        if state == CONFIG {
            self.truth.lock().away(Instant::now());
        }
        format!("state {state}")
    }

    fn restart(&mut self, random: &mut Random) -> String {
        self.truth.lock().away(Instant::now());
        self.server = None;
        self.plc.lock().restart();
        if random.once_in(3) {
            return format!("off, with a download: {}", self.change(random, true));
        }
        "off".into()
    }

    /// Wrong answers: a few, one after the other, or a way of answering that lasts.
    fn err(&mut self, random: &mut Random) -> String {
        const ALL: [Wrong; 13] = [
            Wrong::Invoke,
            Wrong::Command,
            Wrong::Source,
            Wrong::Short,
            Wrong::Half,
            Wrong::HalfClosed,
            Wrong::Huge,
            Wrong::Stray,
            Wrong::Twice,
            Wrong::Missing,
            Wrong::Refused(0x745),
            Wrong::Refused(0x701),
            Wrong::Refused(7),
        ];
        let mut plc = self.plc.lock();
        match random.below(10) {
            0 => {
                plc.faults.mute_notifications = true;
                return "notifications stop".into();
            }
            1 => {
                let code = random.pick(&[0x701, 0x705, 0x708, 0x745]);
                plc.faults.refuse = [(groups::SUM_READ, code)].into();
                return format!("sums are refused with {code:#x}");
            }
            2 => {
                plc.faults.strays = true;
                plc.faults.split = Some(7);
                return "strays, in pieces of 7 bytes".into();
            }
            3 => {
                let delay = Duration::from_millis(random.between(50, 600) as u64);
                plc.faults.delay_next = (3, delay);
                return format!("three answers {} ms late", delay.as_millis());
            }
            _ => {}
        }
        let count = random.between(1, 4);
        let wrong: VecDeque<Wrong> = (0..count).map(|_| random.pick(&ALL)).collect();
        plc.faults.wrong.clone_from(&wrong);
        format!("{wrong:?}")
    }

    fn expected(&self) -> usize {
        let most = if self.is_small { 500 } else { 8 };
        (CHANGING.len() + 1 + CONSTANTS.len() + usize::from(self.layout.has_guest) + 1).min(most)
    }
}

fn put_constants(plc: &mut Plc, truth: &mut crate::truth::Truth) {
    for (at, name) in CONSTANTS.iter().enumerate() {
        let value = 1_000_003.0 + at as f64;
        truth.set(name, value, Instant::now());
        plc.put(name, value);
    }
}

fn put_changing(plc: &mut Plc, truth: &mut crate::truth::Truth, round: u32, has_guest: bool) {
    let names = CHANGING.iter().map(|(name, ..)| *name).chain([TYPED]);
    for (at, name) in names.chain(has_guest.then_some(GUEST)).enumerate() {
        let value = number(round, at);
        truth.set(name, value, Instant::now());
        assert!(plc.put(name, value), "{name} takes {value}");
    }
}

impl Device for Ads {
    fn connection(&self) -> (&'static str, Value) {
        let plc = self.plc.lock();
        let mut config = json!({ "ams_net_id": plc.net_id.to_string(), "ams_port": plc.ports[0],
            "host": self.address.ip().to_string(), "tcp_port": self.address.port(), "udp_port": self.udp.port() });
        if !self.is_small {
            config["max_notifications"] = 8.into();
            config["pause_ms"] = 500.into();
            config["poll_ms"] = 200.into();
        }
        ("ads", config)
    }

    fn tags(&self) -> Vec<String> {
        let names = CHANGING.iter().map(|(name, ..)| *name).chain([TYPED, GUEST]);
        names.chain(CONSTANTS).map(Into::into).collect()
    }

    fn constants(&self) -> usize {
        CONSTANTS.len()
    }

    fn play(&mut self) {
        if self.plc.lock().state.ads == RUN {
            self.put_changing();
        }
    }

    fn strike(&mut self, event: Event, random: &mut Random) -> Strike {
        let lasts = absence(random);
        let (what, lasts) = match event {
            Event::Cut => self.cut(random),
            Event::Stop => (self.stop(random), lasts),
            Event::Change => {
                let first = self.change(random, false);
                if random.once_in(4) {
                    std::thread::sleep(Duration::from_millis(random.between(1, 120) as u64));
                    return Strike { what: format!("twice: {}", self.change(random, false)), lasts: Duration::ZERO };
                }
                (first, Duration::ZERO)
            }
            Event::Restart => (self.restart(random), lasts),
            Event::Wrong => (self.err(random), lasts),
            Event::Killed => ("kill -9".into(), Duration::ZERO),
        };
        Strike { what, lasts }
    }

    fn mend(&mut self) {
        self.truth.lock().back(Instant::now());
        self.put_changing();
        {
            let mut plc = self.plc.lock();
            plc.state.ads = RUN;
            plc.faults = Faults { rest: plc.faults.rest, ..Faults::default() };
        }
        if self.server.is_none() {
            self.switch_on();
        }
    }

    fn available(&self, over: Instant) -> Instant {
        let plc = self.plc.lock();
        let rested = plc.closed.filter(|_| !plc.faults.rest.is_zero()).map(|closed| closed + plc.faults.rest);
        rested.map_or(over, |rested| rested.max(over))
    }

    fn amiss(&self) -> Option<String> {
        let plc = self.plc.lock();
        let told = plc.handles().saturating_sub(plc.counts.untold_handles);
        let held = (plc.connections, plc.notifications, told);
        let is_right = held.0 == 1 && held.1 == self.expected() && held.2 <= 1;
        (!is_right).then(|| {
            format!(
                "{} connections, {} notifications and {} handles in place of 1, {} and at most 1",
                held.0,
                held.1,
                held.2,
                self.expected()
            )
        })
    }

    fn left(&self) -> Option<String> {
        let plc = self.plc.lock();
        let told = plc.handles().saturating_sub(plc.counts.untold_handles);
        let held = (plc.connections, plc.notifications, told);
        (held != (0, 0, 0)).then(|| format!("{} connections, {} notifications, {} handles", held.0, held.1, held.2))
    }

    fn written(&self) -> Option<&'static str> {
        Some(WRITTEN)
    }

    fn manners(&self) -> String {
        let plc = self.plc.lock();
        let early = if self.is_small {
            format!("; {} came within {} s of a close", plc.counts.early, REST.as_secs())
        } else {
            String::new()
        };
        let untold = plc.counts.untold_handles;
        format!(
            "{} connections{early}; {untold} handles that a spoilt answer kept from the driver",
            plc.counts.connections
        )
    }
}
