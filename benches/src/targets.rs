//! What Fieldrail has to reach, as ratios within one run, and whether it did.

use crate::contender::Kind;
use crate::measure::{Figures, STEADY_RATE};

/// One target with its verdict.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// What is compared.
    pub(crate) what: String,
    /// What to reach.
    pub(crate) reach: String,
    /// What was measured, with the two figures behind a ratio; `None` when one of them is missing.
    pub(crate) measured: Option<(String, bool)>,
}

impl Target {
    /// `met`, `not met` or `not measured`.
    pub(crate) fn verdict(&self) -> &'static str {
        match self.measured {
            Some((_, true)) => "met",
            Some((_, false)) => "**not met**",
            None => "not measured",
        }
    }
}

/// All targets; those that lack a contender are there too, as not measured.
pub(crate) fn all(figures: &[Figures]) -> Vec<Target> {
    let of = |kind| figures.iter().find(|figures| figures.kind == kind);
    let (broker, node_red, fieldrail) = (of(Kind::Broker), of(Kind::NodeRed), of(Kind::Fieldrail));
    vec![
        rate("highest lossless rate against the broker alone", fieldrail, broker, 0.4),
        rate("highest lossless rate against Node-RED's", fieldrail, node_red, 2.5),
        cpu(fieldrail, node_red),
        latency(fieldrail, broker),
        memory("PSS of the idle daemon, 1,000 routes loaded", fieldrail, 40.0, |index| index == 0),
        memory("PSS of the idle MQTT instance, 1,000 topics subscribed", fieldrail, 6.0, |index| index > 0),
    ]
}

fn rate(what: &str, ours: Option<&Figures>, theirs: Option<&Figures>, least: f64) -> Target {
    let rate_of = |figures: Option<&Figures>| Some(f64::from(figures?.limit?.rate));
    let measured = rate_of(ours).zip(rate_of(theirs)).map(|(ours, theirs)| {
        let ratio = ours / theirs;
        (format!("{ratio:.2} ({ours} / {theirs})"), ratio >= least)
    });
    Target { what: what.to_owned(), reach: format!("≥ {least}"), measured }
}

fn cpu(ours: Option<&Figures>, theirs: Option<&Figures>) -> Target {
    let ours = ours.and_then(|figures| figures.at_reference.as_ref()).filter(|ours| ours.lost == 0);
    let theirs = theirs.and_then(|figures| figures.at_limit.as_ref());
    let measured = ours.zip(theirs).map(|(ours, theirs)| {
        let ratio = ours.cpu_s / theirs.cpu_s;
        (format!("{ratio:.2} ({:.2} s / {:.2} s)", ours.cpu_s, theirs.cpu_s), ratio <= 0.25)
    });
    let what = "CPU a message against Node-RED's, both at Node-RED's highest lossless rate".to_owned();
    Target { what, reach: "≤ 0.25".to_owned(), measured }
}

fn latency(ours: Option<&Figures>, theirs: Option<&Figures>) -> Target {
    let measured = ours.zip(theirs).map(|(ours, theirs)| {
        let (ours, theirs) = (ours.steady.latency.p99_ms, theirs.steady.latency.p99_ms);
        let more = ours - theirs;
        (format!("{more:+.2} ms ({ours:.2} - {theirs:.2})"), more <= 2.0)
    });
    let what = format!("p99 at {STEADY_RATE}/s beyond the broker alone");
    Target { what, reach: "≤ 2 ms".to_owned(), measured }
}

/// The daemon is the first process of its tree, its instances follow.
fn memory(what: &str, ours: Option<&Figures>, most_mb: f64, which: fn(usize) -> bool) -> Target {
    let processes = ours.map(|figures| figures.idle.pss_kib.iter().enumerate());
    let largest = processes.and_then(|all| all.filter(|(index, _)| which(*index)).map(|(_, (_, kib))| *kib).max());
    let measured = largest.map(|kib| {
        let mb = kib as f64 / 1024.0;
        (format!("{mb:.1} MB"), mb <= most_mb)
    });
    Target { what: what.to_owned(), reach: format!("≤ {most_mb} MB"), measured }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::arrivals::Latency;
    use crate::measure::Together;
    use crate::ramp::Limit;
    use crate::usage::Memory;

    /// Figures of a contender with the given limit, p99 at the steady rate and CPU at all rates.
    pub(crate) fn figures(kind: Kind, rate: u32, p99_ms: f64, cpu_s: f64) -> Figures {
        let latency = Latency { p50_ms: 0.1, p95_ms: 0.2, p99_ms, max_ms: 9.0 };
        let at = |rate| Together { rate, sent: 9000, delivered: 9000, lost: 0, spoiled: 0, latency, cpu_s };
        let memory = Memory { pss_kib: vec![("daemon".into(), 40 * 1024), ("driver".into(), 7 * 1024)] };
        Figures {
            kind,
            version: "1.2.3".into(),
            idle: memory.clone(),
            steady: at(500),
            after_steady: memory.clone(),
            at_reference: Some(at(25_000)),
            limit: Some(Limit { rate, held: 3, tries: 3 }),
            at_limit: Some(at(rate)),
            first_bad: Some(rate + 1000),
            after_limit: memory,
            cut_short: false,
            steps: Vec::new(),
        }
    }

    #[track_caller]
    fn check(figures: &[Figures], want: [&str; 6]) {
        assert_eq!(all(figures).iter().map(Target::verdict).collect::<Vec<_>>(), want);
    }

    #[test]
    fn a_target_is_met_at_its_very_bound() {
        let broker = figures(Kind::Broker, 150_000, 0.25, 1.0);
        let node_red = figures(Kind::NodeRed, 24_000, 4.0, 4.0);
        let fieldrail = figures(Kind::Fieldrail, 60_000, 2.25, 1.0);
        check(&[broker, node_red, fieldrail], ["met", "met", "met", "met", "met", "**not met**"]);
    }

    #[test]
    fn a_target_that_is_missed_by_a_little_is_not_met() {
        let broker = figures(Kind::Broker, 150_000, 0.25, 1.0);
        let node_red = figures(Kind::NodeRed, 24_000, 4.0, 4.0);
        let fieldrail = figures(Kind::Fieldrail, 59_900, 2.26, 1.01);
        let missed = "**not met**";
        check(&[broker, node_red, fieldrail], [missed, missed, missed, missed, "met", missed]);
    }

    #[test]
    fn what_lacks_a_contender_is_not_measured() {
        let none = "not measured";
        check(&[figures(Kind::Fieldrail, 60_000, 2.0, 1.0)], [none, none, none, none, "met", "**not met**"]);
        check(&[figures(Kind::Broker, 150_000, 2.0, 1.0)], [none; 6]);
    }

    #[test]
    fn cpu_of_a_run_that_lost_messages_does_not_count() {
        let node_red = figures(Kind::NodeRed, 24_000, 4.0, 4.0);
        let mut fieldrail = figures(Kind::Fieldrail, 60_000, 2.0, 1.0);
        fieldrail.at_reference.as_mut().unwrap().lost = 1;
        assert_eq!(all(&[node_red, fieldrail])[2].verdict(), "not measured");
    }
}
