//! What the kernel writes in `/proc` and in the folders of control groups. Pure; the layouts are those of proc(5) and of the
//! kernel's `cgroup-v1` and `cgroup-v2`.

use std::time::Duration;

/// One process, from `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stat {
    pub(crate) parent: u32,
    pub(crate) session: u32,
    /// Processor time of itself and of those of its children that it has waited for, in ticks.
    pub(crate) ticks: u64,
    pub(crate) threads: u64,
    /// When it was started, in ticks since the boot: with its number it names it for good.
    pub(crate) started: u64,
    /// Resident memory in pages.
    pub(crate) resident_pages: u64,
}

/// `/proc/PID/stat`. The name of the program stands in brackets and may hold anything, brackets too.
pub(crate) fn stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_whitespace().collect();
    // The first field after the name is the third of the table in proc(5).
    let number = |of: usize| fields.get(of - 3)?.parse::<u64>().ok();
    let small = |of: usize| u32::try_from(number(of)?).ok();
    Some(Stat {
        parent: small(4)?,
        session: small(6)?,
        ticks: number(14)? + number(15)? + number(16)? + number(17)?,
        threads: number(20)?,
        started: number(22)?,
        resident_pages: number(24)?,
    })
}

/// A figure behind a name and a colon, as in `/proc/PID/io`, `smaps_rollup` (in kB) and `/proc/meminfo` (in kB).
pub(crate) fn named(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A figure behind a name and a blank, as in `cpu.stat`, `memory.events` and `memory.oom_control`.
pub(crate) fn keyed(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?.trim().parse().ok()
}

/// `/proc/PID/task/TID/schedstat`: time on a processor.
pub(crate) fn on_processor(text: &str) -> Option<Duration> {
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// The same: time in the queue for a processor.
pub(crate) fn in_queue(text: &str) -> Option<Duration> {
    text.split_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

/// Numbers of processes, one a line or with blanks between, as in `cgroup.procs` and `children`.
pub(crate) fn numbers(text: &str) -> impl Iterator<Item = u32> {
    text.split_whitespace().filter_map(|number| number.parse().ok())
}

/// How often, and how long in all, a control group was held back: `cpu.stat` of version 1 (nanoseconds) or 2 (microseconds).
pub(crate) fn held_back(text: &str) -> Option<(u64, Duration)> {
    let times = keyed(text, "nr_throttled")?;
    let nanos = keyed(text, "throttled_time").map(Duration::from_nanos);
    let micros = keyed(text, "throttled_usec").map(Duration::from_micros);
    Some((times, nanos.or(micros)?))
}

/// Where a controller of control groups is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The folder under which the hierarchy lies.
    pub(crate) folder: String,
    /// Whether it is the one hierarchy of version 2.
    pub(crate) is_v2: bool,
    /// Controllers of a version 1 hierarchy, among other options.
    pub(crate) options: Vec<String>,
}

/// The hierarchies in `/proc/self/mounts`.
pub(crate) fn mounts(text: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (folder, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let is_v2 = kind == "cgroup2";
        (is_v2 || kind == "cgroup").then(|| Mount {
            folder: folder.replace("\\040", " "),
            is_v2,
            options: options.split(',').map(Into::into).collect(),
        })
    };
    text.lines().filter_map(mount).collect()
}

/// This process's own path below a hierarchy, from `/proc/self/cgroup`: of a version 1 controller, or of version 2 for none.
pub(crate) fn own_path<'a>(text: &'a str, controller: Option<&str>) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = match controller {
            Some(wanted) => controllers.split(',').any(|one| one == wanted),
            None => controllers.is_empty(),
        };
        is_it.then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_brackets_and_blanks_in_its_name_is_read_right() {
        let line = "77 (a) 9 (b) S 12 77 70 0 -1 4194560 100 0 0 0 250 50 30 20 20 0 3 0 9876 1048576 512 1844674407\n";
        let want = Stat { parent: 12, session: 70, ticks: 350, threads: 3, started: 9876, resident_pages: 512 };
        assert_eq!(stat(line), Some(want));
        assert_eq!(stat("77 (cut off) S 12"), None);
        assert_eq!(stat(""), None);
    }

    #[test]
    fn figures_are_found_by_their_whole_name() {
        let io = "rchar: 9\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n";
        assert_eq!(named(io, "read_bytes"), Some(4096));
        assert_eq!(named(io, "write_bytes"), Some(8192));
        assert_eq!(named("Rss:  1712 kB\nPss:   233 kB\n", "Pss"), Some(233));
        assert_eq!(named(io, "read"), None);
        assert_eq!(keyed("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", "oom_kill"), Some(2));
        assert_eq!(keyed("low 0\noom 1\noom_kill 0\noom_group_kill 0\n", "oom_kill"), Some(0));
    }

    #[test]
    fn both_versions_of_control_groups_say_how_often_they_held_back() {
        let v1 = "nr_periods 40\nnr_throttled 31\nthrottled_time 2800000000\n";
        assert_eq!(held_back(v1), Some((31, Duration::from_millis(2800))));
        let v2 = "usage_usec 1\nuser_usec 1\nsystem_usec 0\nnr_periods 9\nnr_throttled 4\nthrottled_usec 1500\n";
        assert_eq!(held_back(v2), Some((4, Duration::from_micros(1500))));
        assert_eq!(held_back("usage_usec 1\n"), None);
    }

    #[test]
    fn hierarchies_and_our_own_place_in_them_are_found() {
        let text = "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\nproc /proc proc rw 0 0\n\
                    cgroup2 /sys/fs/cgroup/unified cgroup2 rw,nsdelegate 0 0\n";
        let found = mounts(text);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].folder.as_str(), found[0].is_v2), ("/sys/fs/cgroup/cpu,cpuacct", false));
        assert!(found[0].options.iter().any(|option| option == "cpuacct"));
        assert_eq!((found[1].folder.as_str(), found[1].is_v2), ("/sys/fs/cgroup/unified", true));
        let own = "4:memory:/a/b\n2:cpu,cpuacct:/c:d\n0::/user.slice\n";
        assert_eq!(own_path(own, Some("memory")), Some("/a/b"));
        assert_eq!(own_path(own, Some("cpuacct")), Some("/c:d"));
        assert_eq!(own_path(own, Some("pids")), None);
        assert_eq!(own_path(own, None), Some("/user.slice"));
    }

    #[test]
    fn processor_time_and_lists_of_numbers_are_read() {
        assert_eq!(on_processor("896965 0 1\n"), Some(Duration::from_nanos(896_965)));
        assert_eq!(in_queue("896965 77 1\n"), Some(Duration::from_nanos(77)));
        assert_eq!(numbers("1\n22\n").collect::<Vec<_>>(), [1, 22]);
        assert_eq!(numbers("3 4 \n").collect::<Vec<_>>(), [3, 4]);
    }
}
