//! How a state says since when something is so and when it is tried again, the same in every driver.
//!
//! Times are those of the clock on the wall here: hours and minutes, with the day if it was another one; where this machine
//! does not know its time zone, in UTC and with that word.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `waits for 192.168.2.162:48898 (connection refused) since 14:02, next try in 8 s (14:05:31)`.
///
/// Say it once for each try: the clock time keeps it true while it stands.
pub fn waits_for(place: &str, cause: &str, since: SystemTime, wait: Duration) -> String {
    format!("waits for {place} ({cause}) {}", next_try(since, wait))
}

/// `since 14:02, next try in 8 s (14:05:31)`, for a text that says in its own words what is missing.
pub fn next_try(since: SystemTime, wait: Duration) -> String {
    retry(since, wait, SystemTime::now(), &Zone::here())
}

/// `14:02`, for "since" in a text.
pub fn clock(time: SystemTime) -> String {
    Zone::here().minute(time, SystemTime::now())
}

fn retry(since: SystemTime, wait: Duration, now: SystemTime, zone: &Zone) -> String {
    let (since, at) = (zone.minute(since, now), zone.second(now + wait));
    format!("since {since}, next try in {} s ({at})", wait.as_secs_f64().round().max(1.0))
}

/// The time zone, and what is said behind a time of it.
struct Zone {
    zone: TimeZone,
    name: &'static str,
}

impl Zone {
    fn here() -> Self {
        let is_of_here =
            |zone: &TimeZone| !zone.is_unknown() && !zone.iana_name().is_some_and(|name| name.ends_with("UTC"));
        let zone = TimeZone::try_system().ok().filter(is_of_here);
        zone.map_or(Self { zone: TimeZone::UTC, name: " UTC" }, |zone| Self { zone, name: "" })
    }

    fn format(&self, time: SystemTime, format: &str) -> Option<String> {
        let time = Timestamp::try_from(time).ok()?.to_zoned_datetime(self.zone.clone());
        jiff::fmt::strtime::format(format, &time).ok()
    }

    fn minute(&self, time: SystemTime, now: SystemTime) -> String {
        let is_today = self.format(time, "%F") == self.format(now, "%F");
        let format = if is_today { "%H:%M" } else { "%F %H:%M" };
        self.format(time, format).map_or_else(|| "long ago".to_owned(), |text| text + self.name)
    }

    fn second(&self, time: SystemTime) -> String {
        self.format(time, "%H:%M:%S").map_or_else(|| "later".to_owned(), |text| text + self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(since_s: u64, now_s: u64, wait_ms: u64, zone: &Zone, want: &str) {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(retry(at(since_s), Duration::from_millis(wait_ms), at(now_s), zone), want);
    }

    #[test]
    fn times_are_those_of_the_clock_on_the_wall() {
        let utc = Zone { zone: TimeZone::UTC, name: " UTC" };
        check(50_520, 50_700, 8_000, &utc, "since 14:02 UTC, next try in 8 s (14:05:08 UTC)");
        let here = Zone { zone: TimeZone::fixed(jiff::tz::offset(2)), name: "" };
        check(50_520, 50_700, 8_000, &here, "since 16:02, next try in 8 s (16:05:08)");
        // Yesterday, as it is counted here.
        check(79_000, 79_300, 400, &here, "since 1970-01-01 23:56, next try in 1 s (00:01:40)");
    }

    #[test]
    fn a_wait_names_place_and_cause() {
        let text = waits_for("10.0.0.1:502", "connection refused", SystemTime::now(), Duration::from_secs(8));
        assert!(text.starts_with("waits for 10.0.0.1:502 (connection refused) since "), "{text}");
        assert!(text.contains(", next try in 8 s (") && text.ends_with(')'), "{text}");
    }
}
