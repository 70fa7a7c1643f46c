//! One battery: what it said last, how it stands, what is asked of it next.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fieldrail_driver::Failure;
use fieldrail_model::{Quality, Value};
use tokio::time::Instant;

use super::Session;
use super::points::Sent;
use crate::bank::{Member, join};
use crate::battery::{Need, Reading, Switch};
use crate::plausibility::{Doubt, Plausibility, Seen};
use crate::setup::PackSetup;

/// How often a battery is asked of which nobody needs anything, so that the instance shows whether it answers.
const IDLE: Duration = Duration::from_secs(10);

/// So many polls in a row without an answer, and it does not answer.
const DEAD_AFTER: u32 = 2;

/// The first and the longest wait between two questions to one that does not answer.
const PROBES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What never changes is asked for so often until it has been said, and then no more.
const IDENTITY_TRIES: u32 = 3;

/// A question that was never answered is left out after so many tries.
const NEVER_AFTER: u32 = 3;

/// A datapoint that did not come for so many of its intervals is only the last one that was usable.
const OLD_AFTER: u32 = 4;

/// One battery.
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(crate) struct Pack {
    pub(crate) shown: String,
    pub(crate) name: Option<String>,
    pub(crate) line: usize,
    /// All that it has said, each as last.
    pub(crate) latest: Reading,
    /// When it said something last; none while it does not answer.
    pub(crate) heard: Option<Instant>,
    /// When it is asked next.
    pub(crate) due: Instant,
    /// What is in doubt.
    pub(crate) doubts: Vec<Doubt>,
    /// Why it does not answer; empty before it has been asked.
    pub(crate) trouble: Arc<str>,
    /// What to try then.
    pub(crate) hint: Option<String>,
    plausibility: Plausibility,
    silent: u32,
    polls: u32,
    identity_tries: u32,
    /// Whether the line is open.
    is_open: bool,
    /// Whether it was said that it does not answer.
    pub(crate) told: bool,
    /// How often in a row a question was not answered, and whether it ever was.
    misses: HashMap<&'static str, (u32, bool)>,
    /// The shortest interval that somebody needs; none if nobody needs anything.
    every: Option<Duration>,
    needs_cells: bool,
    /// Whether somebody waits for a poll of everything.
    pub(super) wanted: bool,
    /// Whether it has answered everything once.
    pub(crate) is_known: bool,
    /// Its switches; none before its line was open.
    pub(crate) switches: Option<&'static [Switch]>,
}

impl Pack {
    pub(super) fn new(setup: &PackSetup, line: usize, now: Instant) -> Self {
        Self {
            shown: setup.shown(),
            name: setup.name.clone(),
            line,
            latest: Reading::default(),
            heard: None,
            due: now,
            doubts: Vec::new(),
            trouble: "".into(),
            hint: None,
            plausibility: Plausibility::default(),
            silent: 0,
            polls: 0,
            identity_tries: 0,
            is_open: false,
            told: false,
            misses: HashMap::new(),
            every: None,
            needs_cells: false,
            wanted: false,
            is_known: false,
            switches: None,
        }
    }

    /// The line is open: it is asked at once.
    pub(super) fn begin(&mut self, now: Instant) {
        (self.is_open, self.due, self.silent, self.told) = (true, now, 0, false);
        self.misses.clear();
        self.identity_tries = 0;
    }

    /// The line is gone.
    pub(super) fn end(&mut self, why: Arc<str>) {
        (self.is_open, self.heard, self.trouble, self.hint) = (false, None, why, None);
        self.doubts.clear();
        self.plausibility.forget();
    }

    /// Whether it answers.
    pub(crate) fn answers(&self) -> bool {
        self.is_open && self.heard.is_some()
    }

    /// Whether it was asked and does not answer.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_open && self.heard.is_none() && self.silent > 0
    }

    /// How long it rests after a poll.
    pub(super) fn rest(&self, every: Duration) -> Duration {
        match self.silent {
            0 => every,
            // Asked once more at once: a disturbance is likelier than a death.
            1 if self.heard.is_some() => Duration::ZERO,
            silent => PROBES.0.saturating_mul(1 << silent.min(10).saturating_sub(DEAD_AFTER)).min(PROBES.1),
        }
    }

    /// Whether a question is worth its time.
    pub(crate) fn asks(&self, question: &str) -> bool {
        self.misses.get(question).is_none_or(|(misses, ever)| *ever || *misses < NEVER_AFTER)
    }

    /// Whether a question was answered.
    pub(crate) fn answered(&mut self, question: &'static str, is_answered: bool) {
        let (misses, ever) = self.misses.entry(question).or_default();
        (*misses, *ever) = if is_answered { (0, true) } else { (*misses + 1, *ever) };
    }

    fn tag(&self, name: &str) -> String {
        self.name.as_ref().map_or_else(|| name.to_owned(), |own| format!("{own}.{name}"))
    }
}

impl Session {
    /// What is asked of a pack now.
    pub(super) fn need(&self, index: usize) -> Need {
        let pack = &self.packs[index];
        // Cells are looked at along with every second poll, to hold them against the pack.
        let checks = self.checks && pack.every.is_some() && pack.polls % 2 == 1;
        let identity = pack.identity_tries < IDENTITY_TRIES;
        Need { cells: pack.needs_cells || pack.wanted || checks || !pack.is_known, identity }
    }

    /// How often a pack is asked.
    pub(super) fn interval(&self, index: usize) -> Duration {
        self.packs[index].every.unwrap_or(self.poll.max(IDLE))
    }

    /// Finds out anew what of each pack is needed, and how often.
    pub(super) fn spread_demand(&mut self, now: Instant) {
        let poll = self.poll;
        for (tag, point) in &mut self.points {
            point.every = self.demand.of(tag, poll);
        }
        let of_bank = self.bank.clone().map(|bank| self.needed(&bank));
        for index in 0..self.packs.len() {
            let own = match self.packs[index].name.clone() {
                Some(name) => self.needed(&name),
                None => self.needed(""),
            };
            let (every, cells) = match of_bank {
                Some((every, cells)) => (shorter(own.0, every), own.1 || cells),
                None => own,
            };
            let pack = &mut self.packs[index];
            let is_more = cells && !pack.needs_cells;
            (pack.every, pack.needs_cells) = (every, cells);
            // Whoever needs something now does not wait for a poll of nobody.
            if let Some(every) = every.filter(|_| pack.answers()) {
                pack.due = if is_more { now } else { pack.due.min(now + every) };
            }
            let line = pack.line;
            self.wake(line);
        }
    }

    /// How often something below a prefix is needed, and whether cells are among it. Also of what is not known yet.
    fn needed(&self, prefix: &str) -> (Option<Duration>, bool) {
        let full = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        let known = self.points.keys().filter_map(|tag| match prefix {
            "" => Some(&**tag),
            prefix => tag.strip_prefix(prefix)?.strip_prefix('.'),
        });
        let usual =
            ["voltage", "temperatures.1", "cells.01", "cell_min", "cell_mean", "alarms.cell_overvoltage", "model"];
        let mut shortest = None;
        let mut cells = false;
        for name in known.chain(usual) {
            let every = self.demand.of(&full(name), self.poll);
            cells |= every.is_some() && name.starts_with("cell");
            shortest = shorter(shortest, every);
        }
        (shortest, cells)
    }

    /// A poll brought values.
    pub(super) fn took(&mut self, index: usize, mut reading: Reading, is_identified: bool, now: Instant) {
        let at = now.saturating_duration_since(self.began);
        let pack = &mut self.packs[index];
        reading.complete();
        let was_dead = pack.told;
        (pack.silent, pack.told, pack.wanted) = (0, false, false);
        pack.polls = pack.polls.wrapping_add(1);
        if is_identified {
            pack.identity_tries += 1;
        }
        if reading.get("model").is_some() || reading.get("serial").is_some() {
            pack.identity_tries = IDENTITY_TRIES;
        }
        if was_dead {
            tracing::info!(battery = pack.shown, "The battery answers again.");
        }
        let has_cells = reading.iter().any(|(name, _)| name.starts_with("cells."));
        pack.latest.merge(reading.clone());
        (pack.heard, pack.trouble, pack.hint) = (Some(now), "".into(), None);
        pack.is_known = true;
        if self.checks {
            let seen = seen(&pack.latest, has_cells, at);
            let doubts = pack.plausibility.take(&seen);
            if doubts != pack.doubts {
                for doubt in doubts.iter().filter(|doubt| !pack.doubts.iter().any(|old| old.about == doubt.about)) {
                    tracing::warn!(battery = pack.shown, reason = %doubt.reason, "What the battery says cannot be.");
                }
                if doubts.is_empty() {
                    tracing::info!(battery = pack.shown, "What the battery says can be again.");
                }
                pack.doubts = doubts;
            }
        }
        self.publish_pack(index, &reading, is_identified, now);
    }

    /// A poll brought nothing.
    pub(super) fn missed(&mut self, index: usize, failure: Failure) {
        let pack = &mut self.packs[index];
        pack.silent = pack.silent.saturating_add(1);
        let is_dead = pack.silent >= DEAD_AFTER || pack.heard.is_none();
        if !is_dead {
            return;
        }
        if !pack.told {
            pack.told = true;
            tracing::warn!(battery = pack.shown, why = failure.message, "The battery does not answer.");
        }
        let why: Arc<str> = failure.message.into();
        (pack.heard, pack.trouble, pack.hint) = (None, Arc::clone(&why), failure.hint);
        pack.doubts.clear();
        pack.plausibility.forget();
        self.take_back(index, &why);
        self.refuse_writes(index, &why);
    }

    /// Sends what a poll has brought, and says of what did not come that it is old.
    fn publish_pack(&mut self, index: usize, reading: &Reading, is_identified: bool, now: Instant) {
        let mut fresh = Vec::new();
        for (name, datum) in reading.iter() {
            let pack = &self.packs[index];
            let doubt = pack.doubts.iter().find(|doubt| doubt.about.covers(name));
            let sent = Sent {
                value: datum.value.clone(),
                quality: if doubt.is_some() { Quality::Implausible } else { Quality::Good },
                note: doubt.map(|doubt| Arc::clone(&doubt.reason)),
            };
            let tag: Arc<str> = pack.tag(name).into();
            fresh.extend(self.publish(&tag, Some(index), datum.unit, &sent, now));
            if let Some(point) = self.points.get_mut(&tag) {
                // What comes only where it is asked for what never changes does not grow old.
                point.lasts = Some(is_identified && point.lasts.unwrap_or(true));
            }
        }
        self.outbox.fresh(fresh);
        self.say_what_is_missing(index, now);
    }

    /// What was needed and did not come: old, or not of this battery.
    fn say_what_is_missing(&mut self, index: usize, now: Instant) {
        let (latest, poll) = (&self.packs[index].latest, self.poll);
        let prefix = self.packs[index].name.as_ref().map(|name| format!("{name}.")).unwrap_or_default();
        let mut changes = Vec::new();
        for (tag, point) in self.points.iter().filter(|(_, point)| point.pack == Some(index)) {
            let Some(every) = point.every else { continue };
            let name = tag.strip_prefix(prefix.as_str()).unwrap_or(tag);
            let old = every.max(poll).saturating_mul(OLD_AFTER);
            match point.read {
                Some(read) if point.lasts == Some(false) && now.saturating_duration_since(read) > old => {
                    let value = latest.get(name).cloned().unwrap_or_default();
                    let note = "the battery does not say it any more".into();
                    changes.push((Arc::clone(tag), Sent { value, quality: Quality::LastUsable, note: Some(note) }));
                }
                None => {
                    let note = "this battery does not say it".into();
                    changes.push((
                        Arc::clone(tag),
                        Sent { value: Value::Null, quality: Quality::NotFound, note: Some(note) },
                    ));
                }
                Some(_) => {}
            }
        }
        for (tag, sent) in changes {
            self.send(&tag, &sent, now);
        }
    }

    /// Whether a datapoint of a pack is a switch. Before its line was open it may be one.
    pub(crate) fn is_switch(&self, index: usize, name: &str) -> bool {
        match self.packs[index].switches {
            Some(switches) => switches.iter().any(|switch| switch.name == name),
            None => matches!(name, "charge_mos" | "discharge_mos"),
        }
    }

    /// Whether all packs as one battery go by this name.
    pub(crate) fn is_bank(&self, name: &str) -> bool {
        self.bank.as_deref() == Some(name)
    }

    /// All values of a pack are no longer known.
    pub(super) fn take_back(&mut self, index: usize, why: &Arc<str>) {
        let tags: Vec<Arc<str>> = self.tags_of(index);
        for tag in tags {
            self.send_lost(&tag, why);
        }
    }

    /// All packs as one battery, anew.
    pub(super) fn join_bank(&mut self) {
        let Some(bank) = self.bank.clone() else { return };
        let now = Instant::now();
        if self.packs.iter().any(|pack| pack.heard.is_none() && pack.trouble.is_empty()) {
            // Not all have been asked yet.
            return;
        }
        let joint = join(&self.packs.iter().map(member).collect::<Vec<_>>());
        let mut fresh = Vec::new();
        for (name, joint) in joint {
            let tag: Arc<str> = format!("{bank}.{name}").into();
            let sent = Sent { value: joint.value, quality: joint.quality, note: joint.note };
            fresh.extend(self.publish(&tag, None, joint.unit, &sent, now));
        }
        self.outbox.fresh(fresh);
    }
}

/// A pack as the bank sees it.
fn member(pack: &Pack) -> Member<'_> {
    let name = pack.name.as_deref().unwrap_or_default();
    Member { name, reading: pack.answers().then_some(&pack.latest), doubts: &pack.doubts }
}

fn shorter(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    a.into_iter().chain(b).min()
}

/// What the checks look at.
fn seen(latest: &Reading, has_cells: bool, at: Duration) -> Seen {
    let cells = latest.iter().filter(|(name, _)| has_cells && name.starts_with("cells."));
    let mut cells_v: Vec<f64> = cells.filter_map(|(_, datum)| datum.value.as_f64()).collect();
    // Where some have not come yet there is no sum.
    if latest.real("cell_count").is_some_and(|count| (count - cells_v.len() as f64).abs() > 0.5) {
        cells_v.clear();
    }
    let uptime = latest.iter().find(|(name, datum)| *name == "uptime" && datum.unit == "s");
    Seen {
        at,
        voltage_v: latest.real("voltage"),
        cells_v,
        current_a: latest.real("current"),
        remaining_ah: latest.real("remaining"),
        capacity_ah: latest.real("capacity"),
        soc: latest.real("soc"),
        uptime_s: uptime.and_then(|(_, datum)| datum.value.as_f64()),
        print: print(latest),
    }
}

/// Whether a value is measured: what counts answers or seconds goes on where everything else stands still.
fn is_measured(name: &str) -> bool {
    let folders = ["cells.", "cell_m", "temperatures."];
    matches!(name, "voltage" | "current" | "remaining" | "soc" | "consumed")
        || folders.iter().any(|folder| name.starts_with(folder))
}

/// A number that differs if anything that was measured differs.
fn print(reading: &Reading) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    for (name, datum) in reading.iter().filter(|(name, _)| is_measured(name)) {
        name.hash(&mut hasher);
        match &datum.value {
            Value::Float(number) => number.to_bits().hash(&mut hasher),
            Value::Int(number) => number.hash(&mut hasher),
            Value::Bool(is_on) => is_on.hash(&mut hasher),
            Value::Text(text) => text.hash(&mut hasher),
            _ => {}
        }
    }
    hasher.finish()
}
