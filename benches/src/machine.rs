//! The machine that the figures belong to.

use std::fs;
use std::thread;

/// What the results say about it.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// For example `2 cores of Intel(R) Xeon(R)`.
    pub(crate) processor: String,
    /// Memory in MB of 2^20 bytes.
    pub(crate) memory_mb: u64,
    /// For example `Linux 6.1.0, Debian GNU/Linux 12 (bookworm)`.
    pub(crate) system: String,
    /// Load average of the last minute, before the run: others who worked on the machine show here.
    pub(crate) load_before: String,
}

impl Machine {
    /// This one, now. What the kernel does not tell is `unknown`.
    pub(crate) fn this() -> Self {
        let cores = thread::available_parallelism().map_or(0, usize::from);
        let model = value_of(&read("/proc/cpuinfo"), "model name", ':');
        let memory_kib = value_of(&read("/proc/meminfo"), "MemTotal", ':');
        let name = value_of(&read("/etc/os-release"), "PRETTY_NAME", '=');
        Self {
            processor: format!("{cores} cores of {model}"),
            memory_mb: memory_kib.trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024,
            system: format!("Linux {}, {name}", read("/proc/sys/kernel/osrelease").trim()),
            load_before: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

impl Machine {
    /// Two lines of a list.
    pub(crate) fn lines(&self) -> String {
        let Self { processor, memory_mb, system, load_before } = self;
        format!(
            "- machine: {processor}, {memory_mb} MB; {system}\n- load average of the minute before: {load_before}\n"
        )
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value of the first line that begins with `key`, without quotes.
fn value_of(text: &str, key: &str, separator: char) -> String {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(separator));
    value.map_or_else(|| "unknown".to_owned(), |value| value.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_key_is_found_in_either_spelling() {
        for (text, key, separator, want) in [
            ("processor\t: 0\nmodel name\t: A CPU\nmodel name\t: B\n", "model name", ':', "A CPU"),
            ("MemTotal:       24682984 kB\n", "MemTotal", ':', "24682984 kB"),
            ("PRETTY_NAME=\"Debian 12\"\n", "PRETTY_NAME", '=', "Debian 12"),
            ("", "model name", ':', "unknown"),
        ] {
            assert_eq!(value_of(text, key, separator), want);
        }
    }
}
