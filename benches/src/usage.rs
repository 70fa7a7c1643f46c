//! What a process and all its descendants use, from `/proc` (proc(5)).

use std::fs;
use std::time::Duration;

/// One process as `/proc/PID/stat` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) pid: u32,
    /// Its program's name, at most 15 bytes.
    pub(crate) name: String,
    parent: u32,
    /// It has ended and waits for its parent to notice.
    zombie: bool,
    /// CPU time of its own and of the children it has waited for, in clock ticks.
    ticks: u64,
    /// When it started, in clock ticks after boot: with the id it names the process for good.
    started: u64,
}

impl Process {
    /// Whether it still runs, and is this very process and not the next owner of its id.
    pub(crate) fn is_alive(&self) -> bool {
        read(self.pid).is_some_and(|now| now.started == self.started && !now.zombie)
    }
}

/// The process `root` and all its descendants, parents first; empty when it has gone.
pub(crate) fn tree(root: u32) -> Vec<Process> {
    let mut all: Vec<Process> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| read(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .collect();
    let mut tree: Vec<Process> = all.extract_if(.., |process| process.pid == root).collect();
    let mut looked_at = 0;
    while let Some(parent) = tree.get(looked_at).map(|process| process.pid) {
        tree.extend(all.extract_if(.., |process| process.parent == parent));
        looked_at += 1;
    }
    tree
}

/// CPU time that the tree has used so far.
pub(crate) fn cpu(root: u32) -> Duration {
    let ticks: u64 = tree(root).iter().map(|process| process.ticks).sum();
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// CPU time that one process has used so far, without its children that still run.
pub(crate) fn cpu_alone(pid: u32) -> Duration {
    let ticks = read(pid).map_or(0, |process| process.ticks);
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// What a process has in memory now, in MB of 2^20 bytes; `None` once it has ended.
pub(crate) fn resident_mb(pid: u32) -> Option<u64> {
    read(pid).filter(|process| !process.zombie)?;
    let pages: u64 = read_file(pid, "statm")?.split(' ').nth(1)?.parse().ok()?;
    Some((pages * rustix::param::page_size() as u64) >> 20)
}

/// What the processes of a tree hold in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Name and proportional set size in KiB of each process, parents first.
    pub(crate) pss_kib: Vec<(String, u64)>,
}

impl Memory {
    /// As it is now. Processes whose maps may not be read are left out.
    pub(crate) fn of(root: u32) -> Self {
        let pss = |process: Process| Some((process.name, pss_of(&read_file(process.pid, "smaps_rollup")?)?));
        Self { pss_kib: tree(root).into_iter().filter_map(pss).collect() }
    }

    /// All processes together, in MB of 2^20 bytes.
    pub(crate) fn total_mb(&self) -> f64 {
        self.pss_kib.iter().map(|(_, kib)| kib).sum::<u64>() as f64 / 1024.0
    }
}

fn read(pid: u32) -> Option<Process> {
    parse_stat(&read_file(pid, "stat")?)
}

fn read_file(pid: u32, name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/{name}")).ok()
}

/// Fields are counted from 1 in proc(5); what follows the name starts with field 3.
fn parse_stat(stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (pid, name) = head.split_once(" (")?;
    let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Process {
        pid: pid.parse().ok()?,
        name: name.to_owned(),
        parent: field(4)?.try_into().ok()?,
        zombie: fields.first() == Some(&"Z"),
        ticks: field(14)? + field(15)? + field(16)? + field(17)?,
        started: field(22)?,
    })
}

fn pss_of(rollup: &str) -> Option<u64> {
    rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_also_when_the_name_tries_to_confuse() {
        let stat = "42 (a) R (b c) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 987654 1 2 3";
        let want =
            Process { pid: 42, name: "a) R (b c".into(), parent: 7, zombie: false, ticks: 100, started: 987_654 };
        assert_eq!(parse_stat(stat), Some(want));
        assert_eq!(parse_stat("42 (cut) S 7"), None);
    }

    #[test]
    fn the_proportional_set_size_is_found_among_its_kin() {
        let rollup = "55 ---p 00 [rollup]\nRss:   1756 kB\nPss:    402 kB\nPss_Dirty:   99 kB\n";
        assert_eq!(pss_of(rollup), Some(402));
        assert_eq!(pss_of(""), None);
    }

    #[test]
    fn this_very_process_has_an_id_a_start_and_memory() {
        let me = std::process::id();
        let tree = tree(me);
        assert_eq!(tree[0].pid, me);
        assert!(tree[0].is_alive());
        assert!(!Process { started: 1, ..tree[0].clone() }.is_alive());
        assert!(Memory::of(me).total_mb() > 0.1);
    }
}
