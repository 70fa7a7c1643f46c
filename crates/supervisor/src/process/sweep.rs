//! Finds processes by a mark in their environment and ends them.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use fieldrail_model::InstanceId;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

/// A sweep looks again while it finds something, but not forever: a fork bomb may be faster than we are.
const MAX_ROUNDS: usize = 20;

/// Killed processes get so long to be gone, in all.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// One variable in the environment of all that a plugin starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The variable's name.
    pub(crate) name: &'static str,
    /// Its value.
    pub(crate) value: String,
}

impl Mark {
    /// Of every process that the daemon with this state folder has started.
    pub(crate) fn of_house(folder: &Path) -> Self {
        let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let hash = fnv1a(whole.as_os_str().as_encoded_bytes());
        Self { name: "FIELDRAIL_HOUSE", value: format!("{hash:016x}") }
    }

    /// Of every process of one instance.
    pub(crate) fn of_instance(id: &InstanceId) -> Self {
        Self { name: "FIELDRAIL_INSTANCE", value: id.to_string() }
    }

    fn is_in(&self, environment: &[u8]) -> bool {
        let wanted = format!("{}={}", self.name, self.value);
        environment.split(|&byte| byte == 0).any(|entry| entry == wanted.as_bytes())
    }
}

/// FNV-1a, 64 bits: the same in every build, so that a new version of the daemon finds what the old one left.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Kills every process but this one that bears all the marks, waits until it is gone, and returns how many there were.
pub(crate) fn sweep(marks: &[Mark]) -> usize {
    let mut found = 0;
    for _ in 0..MAX_ROUNDS {
        let round: Vec<OwnedFd> = marked(marks).collect();
        if round.is_empty() {
            break;
        }
        found += round.len();
        for process in &round {
            let _ = rustix::process::pidfd_send_signal(process, Signal::KILL);
        }
        wait_until_gone(&round);
    }
    found
}

/// A handle is taken before the environment is read: if the number is used again in between, the handle is dead.
fn marked(marks: &[Mark]) -> impl Iterator<Item = OwnedFd> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(move |entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        if pid.unsigned_abs() == std::process::id() {
            return None;
        }
        let handle = rustix::process::pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        marks.iter().all(|mark| mark.is_in(&environment)).then_some(handle)
    })
}

fn wait_until_gone(processes: &[OwnedFd]) {
    let started = std::time::Instant::now();
    for process in processes {
        let left = GONE_WITHIN.saturating_sub(started.elapsed());
        let Ok(left) = Timespec::try_from(left) else { return };
        let _ = rustix::event::poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_whole_entry_of_the_environment() {
        let mark = Mark { name: "FIELDRAIL_HOUSE", value: "00ff".into() };
        assert!(mark.is_in(b"PATH=/bin\0FIELDRAIL_HOUSE=00ff\0"));
        assert!(!mark.is_in(b"PATH=/bin\0FIELDRAIL_HOUSE=00ff0\0"));
        assert!(!mark.is_in(b"XFIELDRAIL_HOUSE=00ff\0"));
        assert!(!mark.is_in(b""));
    }

    #[test]
    fn the_hash_of_a_house_stays_the_same_from_version_to_version() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
