//! The program of the large PLC: 14,000 symbols with comments, structures and arrays among them, of which 10,000 plain
//! ones are there to be polled, and push buttons that turn lamps.

use std::time::Duration;

use fieldrail_driver_ads::sim::{Plc, Program, SharedPlc};
use fieldrail_model::Value;

/// Plain variables in the folders `PollA` and `PollB`, half of them in each.
pub(crate) const POLLED: usize = 10_000;

/// Buttons `MAIN.bButton01`… and lamps `Light.bLamp01`….
pub(crate) const LAMPS: usize = 10;

/// Structures of rooms and of batteries, and arrays, that make up the rest.
const ROOMS: usize = 3000;
const BATTERIES: usize = 500;
const HISTORIES: usize = 480;

/// All symbols.
#[allow(dead_code)] // said by the bench, not by the example
pub(crate) const SYMBOLS: usize = POLLED + 2 * LAMPS + ROOMS + BATTERIES + HISTORIES;

/// The cycle of the PLC's task.
pub(crate) const CYCLE: Duration = Duration::from_millis(10);

/// Cycles from one change of the polled variables to the next: 100 ms.
const CYCLES_PER_CHANGE: u64 = 10;

/// Types of the polled variables, in turn, with their bytes.
const KINDS: [(&str, u32); 4] = [("BOOL", 1), ("INT", 2), ("DINT", 4), ("REAL", 4)];

/// Bytes of the polled variables, without what lies between them.
#[allow(dead_code)] // as above
pub(crate) const BYTES: u64 = 10_000 / 4 * (1 + 2 + 4 + 4);

/// Where the polled variables lie: group, offset, bytes.
#[allow(dead_code)] // as above
pub(crate) fn places() -> impl Iterator<Item = (u32, u32, u32)> {
    program().symbols.into_iter().take(POLLED).map(|symbol| (symbol.group, symbol.offset, symbol.size))
}

/// The PLC, without connections yet.
pub(crate) fn plc() -> Plc {
    Plc::new(program())
}

fn program() -> Program {
    let mut p = Program::default();
    p.enumeration("E_Mode", &[("Off", 0), ("Comfort", 1), ("Night", 2)]);
    let room = p.structure(
        "ST_Room",
        &[
            ("fTemperature", "REAL", 4),
            ("fSetpoint", "REAL", 4),
            ("eMode", "E_Mode", 2),
            ("bWindow", "BOOL", 1),
            ("sName", "STRING(20)", 21),
        ],
    );
    let cells = p.array(1, 16, "UINT", 2);
    let battery = p.structure(
        "FB_Battery",
        &[("fVoltage", "REAL", 4), ("fCurrent", "REAL", 4), ("nSoc", "INT", 2), ("aCell_mV", &cells, 32)],
    );
    let history = p.array(0, 24, "REAL", 4);
    for n in 0..POLLED {
        let (kind, size) = KINDS[n % KINDS.len()];
        let folder = if n < POLLED / 2 { "PollA" } else { "PollB" };
        p.variable(&format!("{folder}.nValue{n:05}"), kind, size, &format!("Messwert {n} der Anlage"));
    }
    for n in 1..=LAMPS {
        p.variable(&button(n), "BOOL", 1, &format!("Taster Licht {n}"));
        p.variable(&lamp(n), "BOOL", 1, &format!("Rückmeldung Licht {n}"));
    }
    for n in 1..=ROOMS {
        p.variable(&format!("Rooms.stRoom{n:04}"), "ST_Room", room, &format!("Raum {n}"));
    }
    for n in 1..=BATTERIES {
        p.variable(&format!("Battery.fbPack{n:03}"), "FB_Battery", battery, &format!("Batterie {n}"));
    }
    for n in 1..=HISTORIES {
        p.variable(&format!("History.aRoom{n:03}"), &history, 96, &format!("Tagesgang {n}"));
    }
    p
}

fn button(n: usize) -> String {
    format!("MAIN.bButton{n:02}")
}

fn lamp(n: usize) -> String {
    format!("Light.bLamp{n:02}")
}

/// One polled variable: where it lies, and how often it has changed.
struct Changing {
    group: u32,
    offset: u32,
    kind: usize,
    times: u16,
}

impl Changing {
    /// Its value after so many changes, each another than the one before.
    fn bytes(&self) -> Vec<u8> {
        match KINDS[self.kind].0 {
            "BOOL" => vec![u8::from(self.times % 2 == 1)],
            "INT" => self.times.to_le_bytes().to_vec(),
            "DINT" => u32::from(self.times).to_le_bytes().to_vec(),
            _ => (f32::from(self.times) * 0.5).to_le_bytes().to_vec(),
        }
    }
}

/// The program while it runs.
pub(crate) struct Play {
    plc: SharedPlc,
    polled: Vec<Changing>,
    cycles: u64,
    pressed: [bool; LAMPS],
}

impl Play {
    pub(crate) fn new(plc: SharedPlc) -> Self {
        let symbols = program().symbols;
        let place = |(n, symbol): (usize, &_)| {
            let fieldrail_driver_ads::codec::symbols::Symbol { group, offset, .. } = *symbol;
            Changing { group, offset, kind: n % KINDS.len(), times: 0 }
        };
        let polled = symbols.iter().take(POLLED).enumerate().map(place).collect();
        Self { plc, polled, cycles: 0, pressed: [false; LAMPS] }
    }

    /// One cycle of the task. Every 100 ms `changing` of the polled variables change, spread over all of them.
    pub(crate) fn cycle(&mut self, changing: usize) {
        let mut plc = self.plc.lock();
        for n in 1..=LAMPS {
            let pressed = plc.get(&button(n)) == Some(Value::Bool(true));
            let was_pressed = std::mem::replace(&mut self.pressed[n - 1], pressed);
            if pressed && !was_pressed {
                let on = plc.get(&lamp(n)) == Some(Value::Bool(true));
                plc.put(&lamp(n), !on);
            }
        }
        self.cycles += 1;
        if self.cycles.is_multiple_of(CYCLES_PER_CHANGE) && changing > 0 {
            let step = (POLLED / changing).max(1);
            let turn = usize::try_from(self.cycles / CYCLES_PER_CHANGE).unwrap_or(0) % step;
            for variable in self.polled.iter_mut().skip(turn).step_by(step).take(changing) {
                variable.times = variable.times.wrapping_add(1);
                plc.poke(variable.group, variable.offset, &variable.bytes());
            }
        }
    }
}
