//! What the kernel writes in `/proc` and `/sys` about the machine as a whole, after proc(5) and the kernel's
//! `sysfs-class-thermal` and `hwmon`. Pure.

/// Processor time of all cores since the boot, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Processor {
    busy: u64,
    all: u64,
}

impl Processor {
    /// What was busy between two readings, in per cent; none if no time has passed.
    pub(super) fn percent_since(self, before: Self) -> Option<f64> {
        let all = self.all.checked_sub(before.all).filter(|all| *all > 0)?;
        let busy = self.busy.saturating_sub(before.busy).min(all);
        Some(busy as f64 * 100.0 / all as f64)
    }
}

/// The first line of `/proc/stat`. Time for guests is part of the user's, so the last two columns do not count.
pub(super) fn processor(text: &str) -> Option<Processor> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line.split_whitespace().take(8).map_while(|ticks| ticks.parse().ok()).collect();
    let idle = ticks.get(3)?.saturating_add(ticks.get(4).copied().unwrap_or(0));
    let all = ticks.iter().fold(0_u64, |sum, ticks| sum.saturating_add(*ticks));
    Some(Processor { busy: all.saturating_sub(idle), all })
}

/// `/proc/meminfo`: what programs cannot have, and all there is, in bytes.
pub(super) fn memory(text: &str) -> Option<(u64, u64)> {
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    let all = bytes("MemTotal")?;
    Some((all.saturating_sub(bytes("MemAvailable")?), all))
}

/// The first number of `/proc/loadavg` and `/proc/uptime`.
pub(super) fn first_number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

/// What an interface has counted since it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) name: String,
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// `/proc/net/dev`, without the loopback.
pub(super) fn interfaces(text: &str) -> Vec<Counted> {
    let one = |line: &str| {
        let (name, figures) = line.split_once(':')?;
        let figures: Vec<&str> = figures.split_whitespace().collect();
        let number = |at: usize| figures.get(at)?.parse().ok();
        Some(Counted { name: name.trim().to_owned(), received: number(0)?, sent: number(8)? })
    };
    text.lines().filter_map(one).filter(|counted| counted.name != "lo").collect()
}

/// Thousandths of a degree. A sensor that says less than -60 or more than 250 is not connected.
pub(super) fn celsius(text: &str) -> Option<f64> {
    let thousandths: i64 = text.trim().parse().ok()?;
    (-60_000..=250_000).contains(&thousandths).then(|| thousandths as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_disks_is_idle_and_guests_count_once() {
        let before = processor("cpu  10 0 10 80 0 0 0 0 5 0\ncpu0 1 1 1 1\n").unwrap();
        let now = processor("cpu  20 0 20 100 60 0 0 0 50 0\n").unwrap();
        assert_eq!(now.percent_since(before), Some(20.0));
        assert_eq!(now.percent_since(now), None);
        assert_eq!(before.percent_since(now), None, "a counter that went back is no time");
    }

    #[test]
    fn garbage_has_no_figures() {
        for text in
            ["", "cpu", "cpu  1 2", "cpu  a b c d", "MemTotal: x kB", "MemTotal: 1", "nan", "-1", "eth0:", "eth0: 1 2"]
        {
            assert_eq!(processor(text), None, "{text}");
            assert_eq!(memory(text), None, "{text}");
            assert_eq!(first_number(text), None, "{text}");
            assert_eq!(interfaces(text), [], "{text}");
        }
        for text in ["", "x", "-273000", "300000"] {
            assert_eq!(celsius(text), None, "{text}");
        }
    }

    #[test]
    fn interfaces_are_read_without_the_loopback() {
        let text = "Inter-|   Receive                                                |  Transmit\n \
            face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls\n    \
            lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0.10: 120 3 0 0 0 0 0 0 7 1 0 0 0 0 0 0\nwlan0:5 1 0 0 0 0 0 0 6 1\n";
        let names: Vec<_> = interfaces(text).into_iter().map(|one| (one.name, one.received, one.sent)).collect();
        assert_eq!(names, [("eth0.10".to_owned(), 120, 7), ("wlan0".to_owned(), 5, 6)]);
    }
}
