//! Hostile plugins beside a healthy route: each must be contained, named as the culprit in time, and the route lose nothing.
//!
//! [`cases`] is the table. [`Trial`] runs them, one after the other or some at a time, in one house. [`Neighbour`] is the route from
//! broker to broker, with numbers that have to arrive in order.

pub mod cases;
mod neighbour;

use std::collections::VecDeque;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::House;
use cases::{Act, Case, Sign};
pub use neighbour::Neighbour;

/// After it has passed its limit or deadline, a culprit is named within this time.
pub const NAMED_WITHIN: Duration = Duration::from_secs(5);

/// After that it comes to its last state, with the waits between its starts and its three strikes.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// What does no harm is watched for so long.
const WATCHED: Duration = Duration::from_secs(3);

/// Nothing of it is left after this.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// A share of a core is held within this, in per cent of one core.
const WITHIN_PERCENT: f64 = 5.0;

/// Cycles of 100 ms in which it wanted more, after which that can be said. On a busy machine it does not get its share in each.
const ENOUGH_CYCLES: u64 = 5;

/// The wall that not every kernel has.
const FILES: &str = "files";

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Where the folders of these plugins lie.
pub const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plugins");

/// What became of one.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which.
    pub case: &'static Case,
    /// From its start to the moment that it was named, less its own deadline; none for what is harmless.
    pub named: Option<Duration>,
    /// The words on its card, or the line of its log.
    pub words: String,
    /// Who holds what, as its card says while it runs.
    pub walls: Value,
}

/// One on its way.
struct Running {
    case: &'static Case,
    begun: Option<Instant>,
    named: Option<(Instant, String)>,
    walls: Value,
    acted: bool,
}

/// A house in which hostile plugins run.
pub struct Trial<'a> {
    /// The house.
    pub house: &'a House,
    /// What a start may take on a loaded machine, beyond the time that the promise gives.
    pub allowance: Duration,
    /// So many run at once.
    pub at_once: usize,
}

impl<'a> Trial<'a> {
    /// One after the other, held to the promise.
    pub fn new(house: &'a House) -> Self {
        Self { house, allowance: Duration::ZERO, at_once: 1 }
    }

    /// Whether a case can be tried here: no kernel without Landlock keeps files shut, and the card says so.
    pub fn has_walls_for(&self, case: &Case) -> bool {
        let card = self.house.instance(neighbour::ID);
        let walls = card["guard"]["walls"].as_array().cloned().unwrap_or_default();
        case.wall != FILES || walls.iter().any(|wall| wall["what"] == FILES && wall["state"] == "enforced")
    }

    /// Runs them, and tells of each as soon as it is decided.
    ///
    /// # Panics
    /// One was not contained, not named, or not in time.
    pub fn run(&self, cases: impl Iterator<Item = &'static Case>, mut each: impl FnMut(&Outcome)) {
        let mut waiting: VecDeque<_> = cases.collect();
        let mut running: Vec<Running> = Vec::new();
        while !waiting.is_empty() || !running.is_empty() {
            while running.len() < self.at_once
                && let Some(case) = waiting.pop_front()
            {
                running.push(self.begin(case));
            }
            let all = self.house.get("/api/admin/instances");
            let mut left = Vec::new();
            for mut one in running {
                let found = all["items"].as_array().and_then(|all| all.iter().find(|i| i["id"] == one.case.name));
                let found = found.unwrap_or_else(|| panic!("{} is not among {all}", one.case.name));
                match self.look(&mut one, found) {
                    Some(outcome) => {
                        self.end(one.case);
                        each(&outcome);
                    }
                    None => left.push(one),
                }
            }
            running = left;
            std::thread::sleep(LOOK);
        }
    }

    fn begin(&self, case: &'static Case) -> Running {
        let mode = if case.mode.is_empty() { case.name } else { case.mode };
        let limits: Value = serde_json::from_str(case.limits).expect("the table has JSON");
        let connection = json!({
            "id": case.name, "driver": case.driver, "config": { "mode": mode }, "limits": limits,
            "health": { "auto_restart": case.again }
        });
        let answer = self.house.ask("POST", "/api/connections", &connection);
        assert!(answer.status < 300, "{}: {}", case.name, String::from_utf8_lossy(&answer.body));
        Running { case, begun: None, named: None, walls: Value::Null, acted: false }
    }

    /// Looks at one. Its outcome, once it is decided.
    fn look(&self, one: &mut Running, found: &Value) -> Option<Outcome> {
        let (case, now) = (one.case, Instant::now());
        // A process may have come and gone between two looks.
        let started = !found["pid"].is_null() || found["errors"].as_u64() > Some(0) || found["state"] == "error";
        if one.begun.is_none() && started {
            one.begun = Some(now);
        }
        let begun = one.begun?;
        if let Some(walls) = found["guard"]["walls"].as_array().filter(|walls| !walls.is_empty()) {
            one.walls = Value::Array(walls.clone());
        }
        if !one.acted && found["state"] == "running" {
            one.acted = true;
            self.act(case);
        }
        if one.named.is_none() {
            one.named = self.named(case, found, begun).map(|words| (now, words));
        }
        let deadline = Duration::from_millis(case.deadline_ms);
        let most = deadline + NAMED_WITHIN + self.allowance;
        let late = |what: &str| panic!("{} was not {what}: {found}\n{}", case.name, self.house.console());
        let Some((at, words)) = &one.named else {
            if begun.elapsed() > most {
                late("named in time");
            }
            return None;
        };
        if found["state"] != case.state {
            if at.elapsed() > SETTLED_WITHIN + self.allowance {
                late("contained");
            }
            return None;
        }
        let named = at.saturating_duration_since(begun);
        if named > most {
            late("named in time");
        }
        let named = (!matches!(case.sign, Sign::Harmless)).then(|| named.saturating_sub(deadline));
        Some(Outcome { case, named, words: words.clone(), walls: one.walls.clone() })
    }

    /// By which words it is named, if it is.
    fn named(&self, case: &Case, found: &Value, begun: Instant) -> Option<String> {
        match case.sign {
            Sign::Card(words) => {
                let texts = ["text", "last_error", "hint"].map(|key| found[key].as_str().unwrap_or_default());
                texts.into_iter().find(|text| text.contains(words)).map(Into::into)
            }
            Sign::Log(words) => {
                let lines = self.house.get(&format!("/api/admin/instances/{}/logs?limit=200", case.name));
                let lines = lines["items"].as_array()?;
                let texts = lines.iter().filter_map(|line| line["message"].as_str());
                texts.into_iter().find(|text| text.contains(words)).map(Into::into)
            }
            Sign::HeldBack(percent) => {
                let used = found["cpu_percent"].as_f64().filter(|used| *used <= percent + WITHIN_PERCENT)?;
                let [cycles, more] = ["count", "exceeded"].map(|key| found["cycles"][key].as_u64().unwrap_or(0));
                let held = more >= ENOUGH_CYCLES;
                held.then(|| format!("takes {used} % of a core, wanted more in {more} of {cycles} cycles"))
            }
            Sign::Harmless => (begun.elapsed() >= WATCHED).then(String::new),
        }
    }

    fn act(&self, case: &Case) {
        match case.act {
            Act::Watch => {}
            Act::Stop => {
                let answer = self.house.ask("POST", &format!("/api/admin/instances/{}/stop", case.name), &Value::Null);
                assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            }
            Act::Write => {
                for n in 0..10 {
                    let value = "x".repeat(15_000);
                    let body = json!({ "address": format!("{}.t{n}", case.name), "value": value, "wait_ms": 1 });
                    self.house.ask("POST", "/api/datapoint/write", &body);
                }
            }
            Act::Browse => _ = self.house.ask("GET", &format!("/api/browse?instance={}", case.name), &Value::Null),
        }
    }

    /// Takes it out of the house. Nothing of it may be left.
    fn end(&self, case: &Case) {
        let answer = self.house.ask("DELETE", &format!("/api/connections/{}", case.name), &Value::Null);
        assert!(answer.status < 300, "{}: {}", case.name, String::from_utf8_lossy(&answer.body));
        let folder = self.house.state().join("instances").join(case.name);
        crate::wait_for(&format!("nothing is left of {}", case.name), GONE_WITHIN, || {
            (processes_of(folder.as_os_str().as_bytes()) == 0).then_some(())
        });
    }
}

/// Processes with this text in their arguments or their environment: each of these plugins has the name of its folder there.
fn processes_of(text: &[u8]) -> usize {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut all = entries.filter(|entry| entry.file_name().as_bytes().iter().all(u8::is_ascii_digit));
    let mut count = 0;
    let ends = |rest: &[u8]| rest.first().is_none_or(|byte| matches!(byte, 0 | b'/'));
    all.by_ref().for_each(|entry| {
        let found = ["cmdline", "environ"].iter().any(|file| {
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            (0..bytes.len()).any(|at| bytes[at..].starts_with(text) && ends(&bytes[at + text.len()..]))
        });
        count += usize::from(found);
    });
    count
}
