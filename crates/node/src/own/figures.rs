//! Figures of the instances, the daemon and the box over thirty days: a file for each in `state/metrics/`.
//!
//! What was pushed is written once a minute, so a killed daemon loses that minute at most. Where the disk is full, or a file
//! cannot be used, there is a gap.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use fieldrail_store::{Bucket, MAX_BUCKETS, Rings};
use schemars::JsonSchema;
use serde::Serialize;

use crate::instances::Resources;
use crate::machine::Reading;
use crate::node::lock;
use crate::views::Instance;
use crate::{Error, Node, Result};

/// Between two writes, in seconds.
const WRITE_S: i64 = 60;

/// How far back a question goes that does not say, in seconds.
const HOUR_S: i64 = 3600;

/// Buckets of an answer, if nobody says otherwise.
const POINTS: usize = 300;

/// What is kept of an instance and of the daemon, with its unit.
const OF_A_PROCESS: [(&str, &str); 12] = [
    ("cpu_percent", "%"),
    ("memory_mb", "MB"),
    ("throttled_percent", "%"),
    ("samples_in_per_s", "1/s"),
    ("samples_out_per_s", "1/s"),
    ("errors", ""),
    ("disk_read_bytes_per_s", "B/s"),
    ("disk_written_bytes_per_s", "B/s"),
    ("network_sent_bytes_per_s", "B/s"),
    ("network_received_bytes_per_s", "B/s"),
    ("threads", ""),
    ("open_files", ""),
];

/// What is kept of the box.
const OF_THE_BOX: [(&str, &str); 9] = [
    ("cpu_percent", "%"),
    ("memory_mb", "MB"),
    ("memory_percent", "%"),
    ("load_1m", ""),
    ("temperature_max", "°C"),
    ("network_received_bytes_per_s", "B/s"),
    ("network_sent_bytes_per_s", "B/s"),
    ("disk_config_free_mb", "MB"),
    ("disk_state_free_mb", "MB"),
];

/// Whose figures.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Subject {
    Box,
    Daemon,
    Instance(String),
}

impl Subject {
    fn figures(&self) -> &'static [(&'static str, &'static str)] {
        if *self == Self::Box { &OF_THE_BOX } else { &OF_A_PROCESS }
    }

    fn file(&self, folder: &Path) -> PathBuf {
        match self {
            Self::Box => folder.join("box.ring"),
            Self::Daemon => folder.join("daemon.ring"),
            Self::Instance(id) => folder.join("instances").join(format!("{id}.ring")),
        }
    }
}

/// Figures of a time, in columns: the n-th entry of each belongs to the n-th time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct MetricsView {
    /// The length of a step in seconds. Where nothing was measured, for example while the daemon was off, a step is missing.
    pub step_s: i64,
    /// The beginning of each step, in milliseconds since 1970 UTC.
    pub times_ms: Vec<i64>,
    /// The figures by name.
    pub figures: BTreeMap<&'static str, Column>,
}

/// One figure in each step; null where it could not be measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct Column {
    /// The unit; empty for a count.
    pub unit: &'static str,
    /// The least.
    pub min: Vec<Option<f32>>,
    /// The mean.
    pub avg: Vec<Option<f32>>,
    /// The most.
    pub max: Vec<Option<f32>>,
}

/// Which part of the figures.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    /// In milliseconds since 1970 UTC; an hour before the end if nothing is said.
    pub from_ms: Option<i64>,
    /// In milliseconds since 1970 UTC; now if nothing is said.
    pub to_ms: Option<i64>,
    /// Steps at the most.
    pub points: Option<usize>,
}

/// All figures.
pub(crate) struct Figures {
    folder: PathBuf,
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    rings: BTreeMap<Subject, Rings>,
    /// Sums as of the second before, for rates.
    sums: HashMap<Subject, [Option<f64>; 4]>,
    /// The minute of the last write, and whether it went wrong.
    written: i64,
    failed: bool,
}

impl Figures {
    pub(crate) fn new(state: &Path) -> Self {
        Self { folder: state.join("metrics"), all: Mutex::default() }
    }

    /// Takes one second in.
    pub(super) fn take(&self, second: i64, instances: &[Instance], own: &Resources, reading: &Reading, write: bool) {
        let mut all = lock(&self.all);
        all.rings.retain(|subject, _| match subject {
            Subject::Instance(id) => instances.iter().any(|instance| instance.id == *id),
            _ => true,
        });
        let of_the_box = of_the_box(reading);
        all.push(&self.folder, &Subject::Box, second, &of_the_box);
        let figures = all.of_a_process(&Subject::Daemon, own, None);
        all.push(&self.folder, &Subject::Daemon, second, &figures);
        for instance in instances.iter().filter(|instance| instance.guard.is_some()) {
            let subject = Subject::Instance(instance.id.clone());
            let figures = all.of_a_process(&subject, &instance.resources, Some(instance));
            all.push(&self.folder, &subject, second, &figures);
        }
        if write && all.written != second.div_euclid(WRITE_S) {
            all.written = second.div_euclid(WRITE_S);
            all.write();
        }
    }

    /// Writes everything: for the end.
    pub(crate) fn close(&self) {
        for (_, rings) in std::mem::take(&mut lock(&self.all).rings) {
            // A gap of a minute.
            let _ = rings.close();
        }
    }

    fn query(&self, subject: &Subject, window: Window, now_s: i64) -> MetricsView {
        let to = window.to_ms.map_or(now_s, |ms| ms.div_euclid(1000)).min(now_s);
        let from = window.from_ms.map_or(to - HOUR_S, |ms| ms.div_euclid(1000)).min(to);
        let points = window.points.unwrap_or(POINTS).clamp(1, MAX_BUCKETS);
        let all = lock(&self.all);
        let Some(rings) = all.rings.get(subject) else { return MetricsView::default() };
        let found = rings.query(from, to, points, now_s);
        drop(all);
        let column = |at: usize, row: fn(&Bucket) -> &Vec<f32>| {
            let figure = |(_, bucket): &(i64, Bucket)| row(bucket).get(at).copied().filter(|figure| figure.is_finite());
            found.buckets.iter().map(figure).collect()
        };
        let figure = |(at, (name, unit)): (usize, &(&'static str, &'static str))| {
            let (min, avg, max) = (column(at, |b| &b.min), column(at, |b| &b.avg), column(at, |b| &b.max));
            (*name, Column { unit, min, avg, max })
        };
        MetricsView {
            step_s: found.step_s,
            times_ms: found.buckets.iter().map(|(second, _)| second * 1000).collect(),
            figures: subject.figures().iter().enumerate().map(figure).collect(),
        }
    }
}

impl All {
    fn push(&mut self, folder: &Path, subject: &Subject, second: i64, figures: &[f32]) {
        if !self.rings.contains_key(subject) {
            let names: Vec<&str> = subject.figures().iter().map(|(name, _)| *name).collect();
            match Rings::open(&subject.file(folder), &names, second) {
                Ok(rings) => _ = self.rings.insert(subject.clone(), rings),
                Err(error) => return self.tell(Some(&error.to_string())),
            }
        }
        if let Some(rings) = self.rings.get_mut(subject) {
            rings.push(second, figures);
        }
    }

    fn write(&mut self) {
        let fault = self.rings.values_mut().find_map(|rings| rings.write().err());
        self.tell(fault.map(|fault| fault.to_string()).as_deref());
    }

    /// Says it once when figures cannot be written, and once when they can again.
    fn tell(&mut self, fault: Option<&str>) {
        match (self.failed, fault) {
            (false, Some(fault)) => tracing::warn!("The figures of the last minutes are not on disk: {fault}."),
            (true, None) => tracing::info!("The figures are written again."),
            _ => {}
        }
        self.failed = fault.is_some();
    }

    #[allow(clippy::cast_possible_truncation)] // for a graph
    fn of_a_process(&mut self, subject: &Subject, resources: &Resources, instance: Option<&Instance>) -> Vec<f32> {
        let bytes = |mb: Option<f64>| mb.map(|mb| mb * f64::from(1 << 20));
        let sums = [
            bytes(resources.disk_io_read_mb),
            bytes(resources.disk_io_write_mb),
            resources.network_bytes_sent.map(|bytes| bytes as f64),
            resources.network_bytes_recv.map(|bytes| bytes as f64),
        ];
        let before = self.sums.insert(subject.clone(), sums).unwrap_or_default();
        // A look a second; a process that began anew counts from zero.
        let rate = |at: usize| sums[at].zip(before[at]).map(|(now, before)| (now - before).max(0.0));
        let figures = [
            resources.cpu_percent,
            resources.memory_mb,
            resources.throttled_percent,
            instance.map(|instance| instance.rate_in),
            instance.map(|instance| instance.rate_out),
            instance.map(|instance| instance.errors as f64),
            rate(0),
            rate(1),
            rate(2),
            rate(3),
            resources.threads.map(|threads| threads as f64),
            resources.open_files.map(|files| files as f64),
        ];
        figures.map(|figure| figure.unwrap_or(f64::NAN) as f32).into()
    }
}

#[allow(clippy::cast_possible_truncation)] // for a graph
fn of_the_box(reading: &Reading) -> Vec<f32> {
    let mb = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let disk = |name: &str| reading.disks.iter().find(|(known, _)| *known == name).map(|(_, disk)| mb(disk.free));
    let warmest = reading.temperatures_c.iter().map(|(_, celsius)| *celsius).reduce(f64::max);
    let sum = |of: fn(&(String, f64, f64)) -> f64| {
        (!reading.networks.is_empty()).then(|| reading.networks.iter().map(of).sum::<f64>())
    };
    let figures = [
        reading.cpu_percent,
        reading.memory.map(|(used, _)| mb(used)),
        reading.memory.map(|(used, all)| used as f64 * 100.0 / all.max(1) as f64),
        reading.load_1m,
        warmest,
        sum(|network| network.1),
        sum(|network| network.2),
        disk("config"),
        disk("state"),
    ];
    figures.map(|figure| figure.unwrap_or(f64::NAN) as f32).into()
}

impl Node {
    /// What an instance took over a time.
    ///
    /// # Errors
    /// There is no such instance.
    pub fn metrics_of(&self, id: &str, window: Window) -> Result<MetricsView> {
        let connection = self.known(id)?;
        let subject = Subject::Instance(connection.id.to_string());
        Ok(self.own.figures.query(&subject, window, now_s()))
    }

    /// What the `box` or the `daemon` itself took over a time.
    ///
    /// # Errors
    /// It is neither.
    pub fn own_metrics(&self, of: &str, window: Window) -> Result<MetricsView> {
        let subject = match of {
            "box" => Subject::Box,
            "daemon" => Subject::Daemon,
            _ => return Err(Error::NotFound(format!("`{of}` is neither `box` nor `daemon`"))),
        };
        Ok(self.own.figures.query(&subject, window, now_s()))
    }
}

pub(super) fn now_s() -> i64 {
    crate::clock::wall().millis().div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_there_after_a_restart_and_what_was_not_measured_is_null() {
        const NOW: i64 = 1_800_000_000;
        let folder = tempfile::tempdir().unwrap();
        let own = Resources { cpu_percent: Some(12.5), ..Resources::default() };
        let figures = Figures::new(folder.path());
        for second in 0..130 {
            figures.take(NOW + second, &[], &own, &Reading::default(), true);
        }
        figures.close();
        let figures = Figures::new(folder.path());
        figures.take(NOW + 200, &[], &own, &Reading::default(), true);
        let window = Window { from_ms: Some(NOW * 1000), to_ms: None, points: Some(100) };
        let view = figures.query(&Subject::Daemon, window, NOW + 200);
        assert_eq!((view.step_s, view.times_ms.len()), (10, 14), "{view:?}");
        let cpu = &view.figures["cpu_percent"];
        assert!(cpu.unit == "%" && cpu.avg.iter().chain(&cpu.max).all(|figure| *figure == Some(12.5)), "{cpu:?}");
        assert!(view.figures["memory_mb"].avg.iter().all(Option::is_none));
        assert_eq!(figures.query(&Subject::Instance("x".into()), window, NOW + 200), MetricsView::default());
    }
}
