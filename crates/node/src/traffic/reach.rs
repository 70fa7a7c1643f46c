//! How many writes may be on the way to one instance: as many as do not make the next one wait. Pure.
//!
//! A PLC that takes a write in 40 ms must not have a thousand of them in front of a person's command, and a broker that takes
//! 70,000 in a second must not be fed drop by drop. So the reach follows what is measured: it grows while writes that leave
//! take hardly longer than one alone does, and shrinks when they wait for each other.

use std::collections::VecDeque;
use std::time::Duration;

use fieldrail_model::Timestamp;

/// Writes on the way at the least. One waits for no other, so it tells how long a write takes.
const LEAST: u64 = 1;

/// Writes on the way at the most.
const MOST: u64 = 4096;

/// A write may take twice the time that one alone takes, and this: what a busy machine takes to hand it over.
const EASE: Duration = Duration::from_millis(20);

/// The reach to one run of a plugin.
#[derive(Debug)]
pub(crate) struct Reach {
    size: u64,
    /// How long a write takes that does not wait for others; none is known before the first.
    alone: Option<Duration>,
    /// Messages on the way: the highest number of a write in it, and when it left. At most one for each write.
    sent: VecDeque<(u64, Timestamp)>,
    /// More would have left if it reached further.
    ran_out: bool,
    /// What left before was sent with another size.
    changed: Timestamp,
}

impl Default for Reach {
    fn default() -> Self {
        Self { size: LEAST, alone: None, sent: VecDeque::new(), ran_out: false, changed: Timestamp(i64::MIN) }
    }
}

impl Reach {
    /// Writes that may be on the way at a time.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// A message left; its writes have this number at the most.
    pub(crate) fn sent(&mut self, highest: u64, now: Timestamp) {
        if self.sent.len() as u64 >= MOST {
            self.sent.pop_front();
        }
        self.sent.push_back((highest, now));
    }

    /// Something waits that would have left if it reached further.
    pub(crate) fn ran_out(&mut self) {
        self.ran_out = true;
    }

    /// Writes up to this number have ended.
    pub(crate) fn ended(&mut self, highest: u64, now: Timestamp) {
        let mut left = None;
        while let Some((_, at)) = self.sent.pop_front_if(|(number, _)| *number <= highest) {
            left = Some(at);
        }
        let Some(left) = left else { return };
        let took = left.age(now);
        let alone = match self.alone {
            Some(alone) if self.size > LEAST || left < self.changed => alone.min(took),
            _ => took,
        };
        self.alone = Some(alone);
        if left < self.changed {
            return;
        }
        let most = alone * 2 + EASE;
        if took > most {
            let share = most.as_secs_f64() / took.as_secs_f64();
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            // at most MOST
            self.resize((self.size as f64 * share) as u64, now);
        } else if self.ran_out {
            let more = if took * 2 <= most { self.size } else { 1 };
            self.resize(self.size + more, now);
        }
    }

    fn resize(&mut self, size: u64, now: Timestamp) {
        self.size = size.clamp(LEAST, MOST);
        self.ran_out = false;
        self.changed = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device and its endless queue, in simulated time.
    struct Device {
        /// Microseconds for one transaction, writes that go with one, and transactions that run beside each other.
        takes_us: i64,
        together: usize,
        beside: usize,
    }

    /// What a write takes in the last second from leaving the queue on, in ms, and how many end in it.
    fn run(reach: &mut Reach, device: &Device, begin_s: i64, end_s: i64) -> (i64, u64) {
        let (mut now, mut next) = (begin_s * 1_000_000, begin_s.unsigned_abs() * 1_000_000_000);
        let mut on_the_way: VecDeque<(u64, i64)> = VecDeque::new();
        let mut busy: VecDeque<(i64, Vec<(u64, i64)>)> = VecDeque::new();
        let (mut latency, mut rate) = (0, 0);
        while now < end_s * 1_000_000 {
            let under_way = busy.iter().map(|(_, writes)| writes.len() as u64).sum::<u64>() + on_the_way.len() as u64;
            for _ in under_way..reach.size() {
                next += 1;
                on_the_way.push_back((next, now));
                reach.sent(next, Timestamp(now));
            }
            reach.ran_out();
            while busy.len() < device.beside && !on_the_way.is_empty() {
                let count = device.together.min(on_the_way.len());
                busy.push_back((now + device.takes_us, on_the_way.drain(..count).collect()));
            }
            let (end, writes) = busy.pop_front().unwrap();
            now = end.max(now);
            if now > (end_s - 1) * 1_000_000 {
                rate += writes.len() as u64;
                latency = latency.max((now - writes[0].1) / 1000);
            }
            reach.ended(writes.last().unwrap().0, Timestamp(now));
        }
        (latency, rate)
    }

    #[test]
    fn whoever_comes_next_waits_little_for_a_slow_device_and_a_fast_one_is_fed_fast() {
        for (name, device, most_ms, least_rate) in [
            ("a PLC, one write at a time", Device { takes_us: 40_000, together: 1, beside: 1 }, 250, 24),
            ("a serial line", Device { takes_us: 8_000, together: 1, beside: 1 }, 80, 120),
            ("a PLC that takes a hundred at once", Device { takes_us: 10_000, together: 100, beside: 1 }, 80, 5_000),
            ("a broker here", Device { takes_us: 2_000, together: 4096, beside: 1 }, 60, 1_000_000),
            ("a broker far away", Device { takes_us: 100_000, together: 64, beside: 64 }, 300, 10_000),
        ] {
            let (latency, rate) = run(&mut Reach::default(), &device, 0, 10);
            assert!(latency <= most_ms && rate >= least_rate, "{name}: {latency} ms, {rate}/s");
        }
    }

    #[test]
    fn a_device_that_becomes_slower_or_faster_is_followed() {
        let mut reach = Reach::default();
        let fast = Device { takes_us: 4_000, together: 4096, beside: 1 };
        run(&mut reach, &fast, 0, 5);
        assert_eq!(reach.size(), MOST);
        let (latency, _) = run(&mut reach, &Device { takes_us: 40_000, together: 1, beside: 1 }, 5, 600);
        assert!(latency < 400, "{latency}");
        let (_, rate) = run(&mut reach, &fast, 600, 605);
        assert!(rate > 500_000, "{rate}");
    }

    #[test]
    fn nobody_asks_for_more_and_nothing_grows() {
        let mut reach = Reach::default();
        for n in 1..100 {
            reach.sent(n, Timestamp(n.cast_signed() * 1000));
            reach.ended(n, Timestamp(n.cast_signed() * 1000 + 500));
        }
        assert_eq!((reach.size(), reach.sent.len()), (LEAST, 0));
    }
}
