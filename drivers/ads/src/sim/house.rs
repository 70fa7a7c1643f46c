//! A house that plays: switches and their lights, blinds that run, an alarm, temperatures, a battery, a meter.
//!
//! Lights are pulsed at `MAIN.VbAusgangN` and answer at `Light.RM_Light_NN`, as the usual blocks of house PLCs do.

use std::time::Duration;

use fieldrail_model::Value;

use super::plc::Plc;
use super::program::Program;

/// Lights of the house.
pub const LIGHTS: u32 = 20;

/// Blinds of the house.
const BLINDS: [&str; 4] = ["Kitchen", "Living", "Bedroom", "Office"];

/// A blind takes so many seconds from one end to the other.
const BLIND_S: f64 = 20.0;

/// A day takes ten minutes.
const DAY_S: f64 = 600.0;

/// What the house declares.
pub fn program() -> Program {
    let mut p = Program::default();
    p.enumeration("E_BlindState", &[("Stopped", 0), ("Opening", 1), ("Closing", 2)]);
    let blind = p.structure(
        "FB_Blind",
        &[("bUp", "BOOL", 1), ("bDown", "BOOL", 1), ("eState", "E_BlindState", 2), ("fPosition", "REAL", 4)],
    );
    let cells = p.array(1, 4, "UINT", 2);
    let battery = p.structure(
        "FB_Battery",
        &[
            ("fVoltage", "REAL", 4),
            ("fCurrent", "REAL", 4),
            ("nSoc", "INT", 2),
            ("aCell_mV", &cells, 8),
            ("sName", "STRING(20)", 21),
        ],
    );
    let meter = p.structure("ST_Meter", &[("fPower", "LREAL", 8), ("nEnergy_Wh", "ULINT", 8), ("tUptime", "TIME", 4)]);
    for n in 1..=LIGHTS {
        p.variable(&format!("MAIN.VbAusgang{n}"), "BOOL", 1, &format!("Taster Licht {n}"));
        p.variable(&format!("Light.RM_Light_{n:02}"), "BOOL", 1, &format!("Rückmeldung Licht {n}"));
    }
    for room in BLINDS {
        p.variable(&format!("Blinds.{room}"), "FB_Blind", blind, &format!("Rollladen {room}"));
    }
    for bit in 0..44 {
        p.input(8 * 100 + bit, &format!(".bEingang{}", bit + 1), "");
    }
    p.variable("MAIN.bAlarmActive", "BOOL", 1, "Einbruch, Wasser oder Rauch");
    p.variable("MAIN.fbBattery", "FB_Battery", battery, "Hausspeicher");
    p.variable("MAIN.stMeter", "ST_Meter", meter, "Zähler im Keller");
    let temperatures = p.array(1, 8, "REAL", 4);
    p.variable("MAIN.aTemperature", &temperatures, 32, "Raumtemperaturen in °C");
    p.variable("MAIN.nCycles", "UDINT", 4, "");
    p.variable("MAIN.fPvPower", "REAL", 4, "PV-Leistung in W, von außen geschrieben");
    p.marker(0, "MAIN.nMode", "INT", 2, "0 zu Hause, 1 abwesend, 2 Urlaub");
    let task = p.structure("PLC.PlcTaskSystemInfo", &[("CycleTime", "UDINT", 4), ("LastExecTime", "UDINT", 4)]);
    let tasks = p.array(1, 1, "PLC.PlcTaskSystemInfo", task);
    p.variable("TwinCAT_SystemInfoVarList._TaskInfo", &tasks, task, "");
    p
}

/// How the house stands.
#[derive(Debug, Default)]
pub struct House {
    seconds: f64,
    pressed: Vec<bool>,
    positions: [f64; BLINDS.len()],
    cycles: u32,
    energy_wh: f64,
}

fn is_on(plc: &Plc, name: &str) -> bool {
    plc.get(name) == Some(Value::Bool(true))
}

impl House {
    /// Time passes.
    pub fn step(&mut self, plc: &mut Plc, by: Duration) {
        self.seconds += by.as_secs_f64();
        self.cycles = self.cycles.wrapping_add(1);
        self.lights(plc);
        self.blinds(plc, by.as_secs_f64());
        plc.put("MAIN.nCycles", i64::from(self.cycles));
        plc.put("TwinCAT_SystemInfoVarList._TaskInfo[1].CycleTime", 100_000_i64);
        plc.put("TwinCAT_SystemInfoVarList._TaskInfo[1].LastExecTime", 1200 + i64::from(self.cycles % 300));
        if self.cycles % 25 == 1 {
            self.weather(plc, by.as_secs_f64() * 25.0);
        }
    }

    /// Each press of a switch turns its light.
    fn lights(&mut self, plc: &mut Plc) {
        self.pressed.resize(LIGHTS as usize, false);
        for n in 1..=LIGHTS {
            let pressed = is_on(plc, &format!("MAIN.VbAusgang{n}"));
            let was_pressed = std::mem::replace(&mut self.pressed[n as usize - 1], pressed);
            if pressed && !was_pressed {
                let light = format!("Light.RM_Light_{n:02}");
                let on = is_on(plc, &light);
                plc.put(&light, !on);
            }
        }
    }

    fn blinds(&mut self, plc: &mut Plc, seconds: f64) {
        for (room, position) in BLINDS.iter().zip(&mut self.positions) {
            let (up, down) = (is_on(plc, &format!("Blinds.{room}.bUp")), is_on(plc, &format!("Blinds.{room}.bDown")));
            let way = 100.0 * seconds / BLIND_S;
            let state = match (up, down) {
                (true, false) if *position > 0.0 => {
                    *position = (*position - way).max(0.0);
                    1
                }
                (false, true) if *position < 100.0 => {
                    *position = (*position + way).min(100.0);
                    2
                }
                _ => 0,
            };
            plc.put(&format!("Blinds.{room}.eState"), i64::from(state));
            plc.put(&format!("Blinds.{room}.fPosition"), position.round());
        }
    }

    /// What changes slowly: temperatures, battery, meter, and inputs that come and go.
    fn weather(&mut self, plc: &mut Plc, seconds: f64) {
        let day = (self.seconds / DAY_S).fract() * std::f64::consts::TAU;
        let sun = (-day.cos()).max(0.0);
        for n in 1..=8 {
            let own = f64::from(n) * 0.3;
            plc.put(&format!("MAIN.aTemperature[{n}]"), tenths(20.0 + own + 2.0 * (day - own).sin()));
        }
        let current = 40.0 * sun - 12.0;
        plc.put("MAIN.fbBattery.fVoltage", tenths(51.2 + current / 40.0));
        plc.put("MAIN.fbBattery.fCurrent", tenths(current));
        #[allow(clippy::cast_possible_truncation)] // within 0 and 100
        let soc = (60.0 + 30.0 * (day - 1.0).sin()).round() as i64;
        plc.put("MAIN.fbBattery.nSoc", soc);
        plc.put("MAIN.fbBattery.sName", "Keller");
        for cell in 1..=4 {
            plc.put(&format!("MAIN.fbBattery.aCell_mV[{cell}]"), 3200 + soc + cell);
        }
        let power = (450.0 + 300.0 * (day * 7.0).sin() - 2000.0 * sun).round();
        self.energy_wh += power.max(0.0) * seconds / 3600.0;
        plc.put("MAIN.stMeter.fPower", power);
        plc.put("MAIN.stMeter.nEnergy_Wh", self.energy_wh.floor());
        plc.put("MAIN.stMeter.tUptime", (self.seconds * 1000.0).floor());
        let turn = self.cycles / 25;
        plc.put(&format!(".bEingang{}", turn % 44 + 1), turn.is_multiple_of(3));
    }
}

/// Rounded to a tenth.
fn tenths(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}
