//! `system.*`: what the house says about itself, as datapoints like any other, but that nobody writes them.
//!
//! [`about`] what each of them is, [`disk`] how near a disk is to its end, [`tree`] how they are browsed, [`figures`] what was
//! over thirty days, [`watch`] the thread that looks. Each second the box and the instances are looked
//! at; a datapoint gets a sample only if its value moved by more than its own jitter, so that an idle house costs nothing.

pub(crate) mod about;
mod disk;
mod figures;
pub(crate) mod tree;
mod watch;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fieldrail_model::{Level, Value};
use schemars::JsonSchema;
use serde::Serialize;

use crate::Node;
use crate::machine::{Disk, Machine, Reading};
use crate::node::lock;
use crate::traffic::Told;
use crate::views::Instance;
use disk::Fill;
use figures::Figures;
use words::{memory_step, whole};

pub use figures::{Column, MetricsView, Window};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// A megabyte, as everywhere in the house.
const MB: f64 = (1 << 20) as f64;

/// What was seen at the last look.
pub(crate) struct Own {
    pub(crate) figures: Figures,
    machine: Mutex<Machine>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    reading: Reading,
    fills: BTreeMap<&'static str, Fill>,
    /// Kills for memory by instance, as of the last look.
    kills: BTreeMap<String, u64>,
}

/// A file system as the screens show it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DiskView {
    /// `config` or `state`: the folder that lies on it.
    pub name: &'static str,
    /// Room for this user, in megabytes.
    pub free_mb: u64,
    /// Its size in megabytes.
    pub size_mb: u64,
    /// `ok`, `low` or `full`.
    pub state: &'static str,
}

/// The box as the screens show it. What it does not have, or does not tell, is left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct BoxView {
    /// Processor time over the last second, in per cent of all cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Memory that programs cannot have, in megabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// Memory in all, in megabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_total_mb: Option<u64>,
    /// The mean number of processes that wanted a core, over a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_1m: Option<f64>,
    /// Seconds since the boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<u64>,
    /// Degrees Celsius by the name of the sensor.
    pub temperatures: BTreeMap<String, f64>,
    /// The file systems of the house.
    pub disks: Vec<DiskView>,
}

impl Own {
    pub(crate) fn new(state: &Path, machine: Machine) -> Self {
        Self { figures: Figures::new(state), machine: Mutex::new(machine), seen: Mutex::default() }
    }
}

impl Node {
    /// Looks at the box and the instances, and tells what has changed.
    pub(crate) fn tell_own(&self) {
        let reading = lock(&self.own.machine).read(Instant::now());
        let mut told = Vec::new();
        self.tell_box(&reading, &mut told);
        self.tell_daemon(&mut told);
        let instances = self.instances_in_brief();
        self.tell_instances(&instances, &mut told);
        let has_room = !lock(&self.own.seen).fills.values().any(|fill| *fill == Fill::Full);
        self.own.figures.take(figures::now_s(), &instances, &self.own_resources(), &reading, has_room);
        lock(&self.own.seen).reading = reading;
        self.traffic.tell(&told);
    }

    fn tell_box(&self, reading: &Reading, told: &mut Vec<Told>) {
        let figure = |tag: &str, value: Option<f64>, step: f64| Told::number(format!("system.box.{tag}"), value, step);
        told.push(figure("cpu_percent", reading.cpu_percent.map(whole), 2.0));
        let (used, all) = (reading.memory.map(|(used, _)| used as f64), reading.memory.map(|(_, all)| all as f64));
        told.push(figure("memory_mb", used.map(|used| whole(used / MB)), 8.0));
        let percent = used.zip(all).map(|(used, all)| whole(used * 100.0 / all.max(1.0)));
        told.push(figure("memory_percent", percent, 1.0));
        told.push(figure("load_1m", reading.load_1m, 0.1));
        told.push(figure("uptime_seconds", reading.uptime.map(|uptime| whole(uptime.as_secs_f64())), 60.0));
        for (name, celsius) in &reading.temperatures_c {
            told.push(figure(&format!("temperature.{name}"), Some(*celsius), 0.5));
        }
        for (name, received, sent) in &reading.networks {
            let step = |rate: f64| (rate * 0.05).max(100.0);
            told.push(figure(&format!("network.{name}.rx_bytes_per_s"), Some(whole(*received)), step(*received)));
            told.push(figure(&format!("network.{name}.tx_bytes_per_s"), Some(whole(*sent)), step(*sent)));
        }
        for (name, disk) in &reading.disks {
            let fill = self.look_at_disk(name, *disk);
            told.push(figure(&format!("disk.{name}.free_mb"), Some((disk.free as f64 / MB).floor()), 1.0));
            told.push(figure(&format!("disk.{name}.percent"), Some(whole(disk.percent())), 1.0));
            told.push(Told::text(format!("system.box.disk.{name}.state"), fill.name()));
            told.push(Told::exact(format!("system.box.disk.{name}.is_low"), Value::Bool(fill != Fill::Fine)));
        }
    }

    /// Says it once when a disk goes, and once when it is back.
    fn look_at_disk(&self, name: &'static str, disk: Disk) -> Fill {
        let mut seen = lock(&self.own.seen);
        let before = seen.fills.get(name).copied().unwrap_or_default();
        let fill = before.next(disk);
        seen.fills.insert(name, fill);
        let is_full = seen.fills.values().any(|fill| *fill == Fill::Full);
        drop(seen);
        if fill == before {
            return fill;
        }
        let (free, size) = (disk.free >> 20, disk.size >> 20);
        let (level, message) = match fill {
            Fill::Fine => (Level::Info, format!("The disk of the {name} folder has room again: {free} of {size} MB.")),
            Fill::Low => {
                (Level::Warn, format!("The disk of the {name} folder is nearly full: {free} of {size} MB are left."))
            }
            Fill::Full => (
                Level::Error,
                format!(
                    "The disk of the {name} folder is full: {free} of {size} MB are left. Routes and commands go on; nothing \
                     is logged and no configuration saved until there is room."
                ),
            ),
        };
        match level {
            Level::Error => tracing::error!("{message}"),
            Level::Warn => tracing::warn!("{message}"),
            _ => tracing::info!("{message}"),
        }
        self.logbook.write(level, None, message);
        // What must not be lost has what room there is; but this is said before.
        self.logbook.flush();
        self.logbook.spare(is_full);
        fill
    }

    fn tell_daemon(&self, told: &mut Vec<Told>) {
        let own = self.own_resources();
        let figure =
            |tag: &str, value: Option<f64>, step: f64| Told::number(format!("system.daemon.{tag}"), value, step);
        told.push(figure("cpu_percent", own.cpu_percent.map(whole), 2.0));
        told.push(figure("memory_mb", own.memory_mb.map(whole), 4.0));
        told.push(figure("uptime_seconds", Some(whole(self.uptime().as_secs_f64())), 60.0));
        let dropped = Value::uint(self.logbook.dropped());
        told.push(Told::exact("system.daemon.log_lines_dropped".into(), dropped));
        let datapoints = self.traffic.engine().router.space.len() as f64;
        told.push(Told::number("system.router.datapoints".into(), Some(datapoints), (datapoints * 0.01).max(1.0)));
        let waiting = self.traffic.outbox.figures().iter().map(|lane| lane.entries).sum::<u64>() as f64;
        let waits = Told::number("system.router.waiting_on_disk".into(), Some(waiting), (waiting * 0.05).max(1.0));
        told.push(waits);
    }

    fn tell_instances(&self, instances: &[Instance], told: &mut Vec<Told>) {
        let there: BTreeSet<&str> = instances.iter().map(|instance| instance.id.as_str()).collect();
        let gone: Vec<String> = {
            let mut seen = lock(&self.own.seen);
            let gone = seen.kills.keys().filter(|id| !there.contains(id.as_str())).cloned().collect::<Vec<_>>();
            seen.kills.retain(|id, _| there.contains(id.as_str()));
            gone
        };
        for id in gone {
            self.traffic.lose_own(&format!("system.instances.{id}."), &format!("there is no instance `{id}` any more"));
        }
        for instance in instances {
            let kills = instance.guard.as_ref().map_or(0, |guard| guard.memory_kills);
            let before = lock(&self.own.seen).kills.insert(instance.id.clone(), kills);
            tell_instance(instance, before.is_some_and(|before| before < kills), told);
        }
    }

    /// The box as it was at the last look.
    pub fn box_view(&self) -> BoxView {
        let seen = lock(&self.own.seen);
        let reading = &seen.reading;
        let state = |name: &str| seen.fills.get(name).copied().unwrap_or_default().name();
        let disk = |(name, disk): &(&'static str, Disk)| DiskView {
            name,
            free_mb: disk.free >> 20,
            size_mb: disk.size >> 20,
            state: state(name),
        };
        BoxView {
            cpu_percent: reading.cpu_percent.map(words::tenths),
            memory_mb: reading.memory.map(|(used, _)| used >> 20),
            memory_total_mb: reading.memory.map(|(_, all)| all >> 20),
            load_1m: reading.load_1m,
            uptime_seconds: reading.uptime.map(|uptime| uptime.as_secs()),
            temperatures: reading.temperatures_c.iter().cloned().collect(),
            disks: reading.disks.iter().map(disk).collect(),
        }
    }

    /// What is not written to disk as it should be, and why.
    pub fn disk_troubles(&self) -> Vec<String> {
        let troubles = [self.traffic.outbox.trouble(), self.logbook.trouble(), self.alarms.trouble()];
        troubles.into_iter().flatten().collect()
    }
}

fn tell_instance(instance: &Instance, was_killed: bool, told: &mut Vec<Told>) {
    let at = |tag: &str| format!("system.instances.{}.{tag}", instance.id);
    let figure = |tag: &str, value: Option<f64>, step: f64| Told::number(at(tag), value, step);
    told.push(Told::text(at("state"), &instance.state));
    let Some(guard) = &instance.guard else { return };
    let resources = &instance.resources;
    told.push(figure("cpu_percent", resources.cpu_percent, 1.0));
    told.push(figure("memory_mb", resources.memory_mb.map(whole), 1.0));
    told.push(figure("throttled_percent", resources.throttled_percent.map(whole), 1.0));
    told.push(figure("uptime_seconds", instance.uptime_s.map(|seconds| seconds as f64), 60.0));
    told.push(Told::text(at("memory_step"), memory_step(&instance.state, guard.memory, was_killed)));
    told.push(Told::text(at("spam_stage"), guard.spam));
    told.push(Told::exact(at("restarts"), Value::uint(instance.restarts)));
    told.push(Told::exact(at("errors"), Value::uint(instance.errors)));
    for (tag, rate) in [("samples_in_per_s", instance.rate_in), ("samples_out_per_s", instance.rate_out)] {
        told.push(figure(tag, Some(words::tenths(rate)), (rate * 0.1).max(0.5)));
    }
}
