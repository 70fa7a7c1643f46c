//! Figures and steps as they are told.

/// A number without digits behind the point.
pub(super) fn whole(number: f64) -> f64 {
    number.round()
}

/// With one digit.
pub(super) fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// How an instance stands with its limit on memory: `ok`, `warn` (80 %), `throttle` (95 %), `killed` or `suspended`. A kill
/// stands for a second at least, however soon the next process runs.
pub(super) fn memory_step(state: &str, stage: &str, was_killed: bool) -> &'static str {
    match (state, stage) {
        ("suspended_by_limit", _) => "suspended",
        _ if was_killed => "killed",
        (_, "over") => "killed",
        (_, "throttled") => "throttle",
        (_, "warned") => "warn",
        _ => "ok",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_is_told_though_the_next_process_runs_already() {
        for (state, stage, was_killed, want) in [
            ("running", "fine", false, "ok"),
            ("running", "warned", false, "warn"),
            ("running", "throttled", false, "throttle"),
            ("running", "fine", true, "killed"),
            ("starting", "over", false, "killed"),
            ("suspended_by_limit", "fine", true, "suspended"),
            ("suspended_by_spam", "fine", false, "ok"),
        ] {
            assert_eq!(memory_step(state, stage, was_killed), want, "{state} {stage}");
        }
    }
}
