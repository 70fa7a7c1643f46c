//! What an instance takes and what keeps it within its limits, as the screens show it.

use fieldrail_supervisor::{Evidence, Keeping, Metrics};
use schemars::JsonSchema;
use serde::Serialize;

use crate::limits::{Limits, Priority};

/// What an instance takes, as the operating system measures it each second, for all its processes. A figure that cannot be
/// measured is left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct Resources {
    /// Processor time over the last second, in per cent of one core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    /// Resident memory in megabytes; what its processes share counts for each of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<f64>,
    /// The same in per cent of the machine's memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_percent: Option<f64>,
    /// Proportional memory in megabytes: what is shared counts in parts. Measured each 30 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_pss_mb: Option<f64>,
    /// Read from disks since the start of the process, in megabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_io_read_mb: Option<f64>,
    /// Written to disks since the start of the process, in megabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_io_write_mb: Option<f64>,
    /// TCP segments sent since the start of the process. What a socket did in its last second may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_packets_sent: Option<u64>,
    /// TCP segments received since the start of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_packets_recv: Option<u64>,
    /// Bytes in these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_bytes_sent: Option<u64>,
    /// Bytes in those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_bytes_recv: Option<u64>,
    /// What the figures of the network leave out, or why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_note: Option<String>,
    /// Processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<usize>,
    /// Threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
    /// Open descriptors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// The part of the last second in which its limits held it back, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled_percent: Option<f64>,
    /// Processor time in each cycle of 100 ms, where it is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycles: Option<Cycles>,
}

/// Processor time in each cycle of 100 ms, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Cycles {
    /// Cycles that were measured since the limit is in force.
    pub count: u64,
    /// Cycles in which it wanted more than its share.
    pub exceeded: u64,
    pub min_ms: f64,
    pub avg_ms: f64,
    pub max_ms: f64,
}

impl From<&Metrics> for Resources {
    fn from(metrics: &Metrics) -> Self {
        let network = metrics.network.as_ref();
        let ms = |time: std::time::Duration| hundredths(time.as_secs_f64() * 1000.0);
        Self {
            cpu_percent: Some(tenths(metrics.cpu_percent)),
            memory_mb: Some(mb(metrics.memory_bytes)),
            memory_percent: Some(hundredths(metrics.memory_percent)),
            memory_pss_mb: metrics.pss_bytes.map(mb),
            disk_io_read_mb: metrics.disk_read_bytes.map(mb),
            disk_io_write_mb: metrics.disk_written_bytes.map(mb),
            network_packets_sent: network.map(|network| network.packets_sent),
            network_packets_recv: network.map(|network| network.packets_received),
            network_bytes_sent: network.map(|network| network.bytes_sent),
            network_bytes_recv: network.map(|network| network.bytes_received),
            network_note: metrics.network_note.clone(),
            processes: Some(metrics.processes),
            threads: Some(metrics.threads),
            open_files: metrics.open_files,
            throttled_percent: Some(tenths(metrics.throttled_percent)),
            cycles: metrics.cycles.map(|cycles| Cycles {
                count: cycles.count,
                exceeded: cycles.exceeded,
                min_ms: ms(cycles.min),
                avg_ms: ms(cycles.avg),
                max_ms: ms(cycles.max),
            }),
        }
    }
}

/// What keeps an instance within its limits, and how near it is to them.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Guarding {
    /// As configured.
    pub limits: Limits,
    /// The word in `limits`, also where it is the usual one.
    pub priority: Priority,
    /// Samples a second that are in force.
    pub max_pps: u32,
    /// `fine`, `warned` (80 %), `throttled` (95 %) or `over`.
    pub memory: &'static str,
    /// How often it was ended for its memory, since the start of the daemon.
    pub memory_kills: u64,
    /// `fine`, `coalescing`, `sampling` or `suspended`.
    pub spam: &'static str,
    /// Samples that the spam breaker did not let pass, since the start of the daemon.
    pub shed: u64,
    /// What holds the processor time: `cgroup_v2`, `cgroup_v1` or `pacing`; left out where there is no limit.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub cpu_by: &'static str,
    /// What holds the memory: `cgroup_v2`, `cgroup_v1` or `polling`; left out where there is no limit.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub memory_by: &'static str,
    /// What holds its program in; empty while there is no process.
    pub walls: Vec<Wall>,
    /// Why it is suspended for its samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<SpamEvidence>,
}

/// One item of what holds a program in.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Wall {
    /// `files`, `network`, `calls` (system calls), `privileges`, `signals`, `environment`, `processes`, `open_files`, `disk`,
    /// `memory`, `processor` or `offspring` (children do not outlive it).
    pub what: &'static str,
    /// `enforced`, `unavailable` (it cannot be held here), `untested` (held in a way that was never tested) or `open` (permitted,
    /// or without a limit).
    pub state: &'static str,
    /// `landlock`, `seccomp`, `kernel`, `rlimit`, `cgroup_v1`, `cgroup_v2`, `pid_namespace`, `process_group`, `pacing`, `polling`
    /// or `daemon`; left out where nobody holds it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub by: &'static str,
    /// The limit, or why it is not held.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl From<&fieldrail_supervisor::Wall> for Wall {
    fn from(wall: &fieldrail_supervisor::Wall) -> Self {
        Self { what: wall.what, state: wall.state.name(), by: wall.by, note: wall.note.clone() }
    }
}

/// What the spam breaker saw.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SpamEvidence {
    /// When it tripped, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Samples a second over the last ten seconds.
    pub rate: f64,
    /// The limit that was in force.
    pub max_pps: u32,
    /// Samples in each second of the last minute, the newest last.
    pub series: Vec<u32>,
    /// The tags that sent the most.
    pub top: Vec<TagCount>,
    /// All this in words.
    pub text: String,
}

/// A tag and how many samples it sent while the rate was too high.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[allow(missing_docs)]
pub struct TagCount {
    pub tag: String,
    pub count: u64,
}

impl From<&Evidence> for SpamEvidence {
    fn from(evidence: &Evidence) -> Self {
        Self {
            at_ms: evidence.at.millis(),
            rate: tenths(evidence.rate),
            max_pps: evidence.limit,
            series: evidence.series.clone(),
            top: evidence.top.iter().map(|(tag, count)| TagCount { tag: tag.clone(), count: *count }).collect(),
            text: evidence.text.clone(),
        }
    }
}

impl Guarding {
    pub(super) fn new(limits: Limits, keeping: &Keeping) -> Self {
        Self {
            limits,
            priority: limits.priority,
            max_pps: keeping.max_pps,
            memory: keeping.memory.name(),
            memory_kills: keeping.memory_kills,
            spam: keeping.spam.name(),
            shed: keeping.shed,
            cpu_by: keeping.processor_by,
            memory_by: keeping.memory_by,
            walls: keeping.walls.iter().map(Into::into).collect(),
            evidence: keeping.evidence.as_deref().map(Into::into),
        }
    }
}

fn mb(bytes: u64) -> f64 {
    hundredths(bytes as f64 / f64::from(1 << 20))
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
