//! The one place of the façade that reads clocks.
//!
//! Inside the house time is steady: it began at the wall clock's time of the start and runs with the monotonic clock, so
//! that a jump of the wall clock makes no value stale and no command live longer. What comes in or goes out is wall time;
//! [`from_wall`] and [`to_wall`] are the border.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use fieldrail_model::Timestamp;
use jiff::tz::TimeZone;

/// Now, on the house's steady clock.
pub(crate) fn now() -> Timestamp {
    static START: OnceLock<(Instant, Timestamp)> = OnceLock::new();
    let (start, time) = START.get_or_init(|| (Instant::now(), wall()));
    time.after(start.elapsed())
}

/// Now, on the wall clock: for stamps that people see.
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A wall time as a person here reads it, for "since": hours and minutes, with the day if it was another one. In UTC, and
/// with that word, where this machine knows no other time zone.
pub(crate) fn minute(time: Timestamp) -> String {
    let is_of_here =
        |zone: &TimeZone| !zone.is_unknown() && !zone.iana_name().is_some_and(|name| name.ends_with("UTC"));
    let zone = TimeZone::try_system().ok().filter(is_of_here);
    let ending = if zone.is_some() { "" } else { " UTC" };
    minute_in(&zone.unwrap_or(TimeZone::UTC), time, wall()) + ending
}

/// The day that it is here.
pub(crate) fn today() -> jiff::civil::Date {
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    let now = jiff::Timestamp::from_microsecond(wall().0).unwrap_or_default();
    zone.to_datetime(now).date()
}

/// The day of a wall time, `2026-11-26`, as the calendar here has it.
pub fn date(time: Timestamp) -> String {
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    let day = jiff::Timestamp::from_microsecond(time.0).ok().map(|time| zone.to_datetime(time).date().to_string());
    day.unwrap_or_else(|| "undated".into())
}

fn minute_in(zone: &TimeZone, time: Timestamp, now: Timestamp) -> String {
    let format = |time: Timestamp, format: &str| {
        let time = jiff::Timestamp::from_microsecond(time.0).ok()?.to_zoned_datetime(zone.clone());
        jiff::fmt::strtime::format(format, &time).ok()
    };
    let is_today = format(time, "%F") == format(now, "%F");
    format(time, if is_today { "%H:%M" } else { "%F %H:%M" }).unwrap_or_else(|| "long ago".into())
}

/// The steady time of a wall time.
pub(crate) fn from_wall(time: Timestamp) -> Timestamp {
    Timestamp(time.0.saturating_sub(correction()))
}

/// The wall time of a steady time.
pub(crate) fn to_wall(time: Timestamp) -> Timestamp {
    Timestamp(time.0.saturating_add(correction()))
}

/// How far the wall clock has jumped since the start, in microseconds. Below a second it is the two clocks' own jitter.
fn correction() -> i64 {
    let apart = wall().0.saturating_sub(now().0);
    if apart.abs() < 1_000_000 { 0 } else { apart }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_off_the_clock_here_with_the_day_if_it_was_another() {
        let (zone, day) = (TimeZone::fixed(jiff::tz::offset(2)), 86_400_000_000);
        let time = Timestamp((12 * 60 + 2) * 60_000_000);
        assert_eq!(minute_in(&zone, time, time.after(std::time::Duration::from_hours(9))), "14:02");
        assert_eq!(minute_in(&zone, time, Timestamp(time.0 + day)), "1970-01-01 14:02");
    }
}
