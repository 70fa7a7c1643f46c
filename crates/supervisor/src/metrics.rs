//! What an instance takes, as the operating system measures it.

use std::time::Duration;

/// What the processes of one instance take together. A figure that cannot be measured is none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metrics {
    /// Processor time over the last second, in per cent of one core.
    pub cpu_percent: f64,
    /// Resident memory in bytes. What several processes share counts for each of them.
    pub memory_bytes: u64,
    /// The same in per cent of the machine's memory.
    pub memory_percent: f64,
    /// Proportional memory in bytes: what is shared counts in parts. Measured each 30 seconds.
    pub pss_bytes: Option<u64>,
    /// Read from disks since the start of the process, in bytes.
    pub disk_read_bytes: Option<u64>,
    /// Written to disks since the start of the process, in bytes.
    pub disk_written_bytes: Option<u64>,
    /// Over its TCP sockets since the start of the process.
    pub network: Option<Network>,
    /// What the figures of the network leave out.
    pub network_note: Option<String>,
    /// Processes.
    pub processes: usize,
    /// Threads of all processes.
    pub threads: u64,
    /// Open descriptors of all processes.
    pub open_files: Option<u64>,
    /// The part of the last second in which it was held back, in per cent.
    pub throttled_percent: f64,
    /// Processor time in each cycle of 100 ms, where it is limited.
    pub cycles: Option<Cycles>,
}

/// What TCP counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Network {
    /// Segments sent.
    pub packets_sent: u64,
    /// Segments received.
    pub packets_received: u64,
    /// Bytes sent, those that were sent again included.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
}

/// Processor time in each cycle of 100 ms, since the limit is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cycles {
    /// Cycles that were measured.
    pub count: u64,
    /// Cycles in which it wanted more than its share and was held back.
    pub exceeded: u64,
    /// The least.
    pub min: Duration,
    /// The mean.
    pub avg: Duration,
    /// The most.
    pub max: Duration,
}
