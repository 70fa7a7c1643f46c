//! The results as a page of Markdown.

use std::fmt::Write as _;

use crate::contender::Kind;
use crate::machine::Machine;
use crate::measure::{Figures, Measured, Plan, STEADY_RATE, Together};
use crate::targets;
use crate::usage::Memory;

/// Where the other figures are.
const OTHERS: &str = "At the end: the router alone, PLCs and Modbus devices, and what supervision costs and saves.";

/// All that the page tells.
#[derive(Debug)]
pub(crate) struct Report {
    /// Year, month and day.
    pub(crate) date: String,
    /// What was typed.
    pub(crate) command: String,
    /// Where it ran.
    pub(crate) machine: Machine,
    /// The broker of all contenders.
    pub(crate) broker_version: String,
    /// How it was measured.
    pub(crate) plan: Plan,
    /// Whether the plan is the short one.
    pub(crate) quick: bool,
    /// Who was measured, in that order.
    pub(crate) figures: Vec<Figures>,
    /// Who was not, and why.
    pub(crate) absent: Vec<(Kind, String)>,
}

impl Report {
    /// The whole page.
    pub(crate) fn markdown(&self) -> String {
        let mut page = String::new();
        self.write(&mut page).expect("writing to a string does not fail");
        page
    }

    fn write(&self, page: &mut String) -> std::fmt::Result {
        self.write_head(page)?;
        self.write_targets(page)?;
        self.write_steady(page)?;
        self.write_limits(page)?;
        self.write_memory(page)?;
        self.write_steps(page)
    }

    fn write_head(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "# MQTT in, route, MQTT out: 1,000 datapoints\n")?;
        writeln!(page, "Made by `{}` on {}; written by that program, not by hand.\n", self.command, self.date)?;
        writeln!(page, "{OTHERS}\n")?;
        if self.quick {
            writeln!(page, "**A quick run, to see that everything works. Its figures do not count.**\n")?;
        }
        write!(page, "{}", self.machine.lines())?;
        writeln!(page, "- broker of all: {}, QoS 0, Debian's defaults, one for each contender", self.broker_version)?;
        for figures in self.figures.iter().filter(|figures| figures.kind != Kind::Broker) {
            writeln!(page, "- {}: {}", figures.kind.title(), figures.version)?;
        }
        for (kind, why) in &self.absent {
            writeln!(page, "- **{} was not measured**: {why}", kind.title())?;
        }
        let Plan { step, steady, runs, .. } = self.plan;
        writeln!(
            page,
            "\nRoute: `in/<i>`, condition `value > 0`, `scale(0.001)`, `out/<i>`; before measuring, each router proved \
             that all\ndatapoints come through with the right value and negative ones do not. Latency counts from the \
             scheduled send time.\nSustained: nothing lost, doubled or wrong, the send rate held, p99 below 1 s, over \
             steps of {} s. At {STEADY_RATE}/s: {runs} × {} s,\neach figure the median. CPU: user and system time of all \
             processes of the contender, without the broker. After a step that\nwas not sustained, contender and broker \
             are started anew. The load generator runs on the same machine.\n",
            step.as_secs(),
            steady.as_secs(),
        )
    }

    fn write_targets(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "## Targets\n\n| what | reach | measured | |\n| --- | --- | --- | --- |")?;
        for target in targets::all(&self.figures) {
            let measured = target.measured.as_ref().map_or("-", |(text, _)| text);
            writeln!(page, "| {} | {} | {measured} | {} |", target.what, target.reach, target.verdict())?;
        }
        Ok(())
    }

    fn write_steady(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "\n## At {STEADY_RATE} messages a second\n")?;
        writeln!(
            page,
            "| | p50 ms | p95 ms | p99 ms | max ms | sent | delivered | lost | doubled or wrong | CPU s / 100,000 |"
        )?;
        writeln!(page, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for Figures { kind, steady, .. } in &self.figures {
            let Together { latency: l, sent, delivered, lost, spoiled, cpu_s, .. } = steady;
            write!(page, "| {} | {:.2} | {:.2} | ", kind.title(), l.p50_ms, l.p95_ms)?;
            write!(page, "{:.2} | {:.2} | {sent} | {delivered} | ", l.p99_ms, l.max_ms)?;
            writeln!(page, "{lost} | {spoiled} | {cpu_s:.2} |")?;
        }
        Ok(())
    }

    fn write_limits(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "\n## Highest rate at which nothing is lost\n")?;
        writeln!(
            page,
            "| | msg/s | tries that held | lowest rate that did not hold | p50 ms | p99 ms | CPU s / 100,000 | CPU s / 100,000 at Node-RED's rate |"
        )?;
        writeln!(page, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for figures in &self.figures {
            let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            let limit = or_none(figures.limit.map(|limit| thousands(limit.rate)));
            let tries = or_none(figures.limit.map(|limit| format!("{}/{}", limit.held, limit.tries)));
            let cut = if figures.cut_short { " (its time was over)" } else { "" };
            let bad = or_none(figures.first_bad.map(thousands));
            let at = |pick: fn(&Together) -> f64| {
                or_none(figures.at_limit.as_ref().map(|together| format!("{:.2}", pick(together))))
            };
            let reference =
                figures.at_reference.as_ref().or(figures.at_limit.as_ref().filter(|_| figures.kind == Kind::NodeRed));
            let reference = or_none(reference.map(reference_text));
            write!(page, "| {} | {limit} | {tries}{cut} | {bad} | ", figures.kind.title())?;
            write!(page, "{} | {} | ", at(|t| t.latency.p50_ms), at(|t| t.latency.p99_ms))?;
            writeln!(page, "{} | {reference} |", at(|t| t.cpu_s))?;
        }
        Ok(())
    }

    fn write_memory(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "\n## Memory: PSS of all processes, MB\n")?;
        writeln!(page, "| | idle | after {STEADY_RATE}/s | after the tries at the limit |\n| --- | --- | --- | --- |")?;
        for figures in &self.figures {
            let [idle, steady, limit] = [&figures.idle, &figures.after_steady, &figures.after_limit].map(memory_text);
            writeln!(page, "| {} | {idle} | {steady} | {limit} |", figures.kind.title())?;
        }
        Ok(())
    }

    fn write_steps(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "\n## All steps of the search\n")?;
        writeln!(page, "| | msg/s | sent | delivered | p50 ms | p99 ms | verdict |")?;
        writeln!(page, "| --- | --- | --- | --- | --- | --- | --- |")?;
        for figures in &self.figures {
            for Measured { outcome, .. } in &figures.steps {
                let verdict = outcome.failure().unwrap_or_else(|| "held".to_owned());
                write!(page, "| {} | {} | ", figures.kind.title(), thousands(outcome.rate))?;
                write!(page, "{} | {} | {:.2} | ", outcome.sent, outcome.delivered, outcome.latency.p50_ms)?;
                writeln!(page, "{:.2} | {verdict} |", outcome.latency.p99_ms)?;
            }
        }
        Ok(())
    }
}

fn reference_text(together: &Together) -> String {
    let lost = if together.lost > 0 { format!(", {} lost", together.lost) } else { String::new() };
    format!("{:.2} at {}{lost}", together.cpu_s, thousands(together.rate))
}

/// The sum, and its parts when there are several.
fn memory_text(memory: &Memory) -> String {
    let total = format!("{:.1}", memory.total_mb());
    if memory.pss_kib.len() < 2 {
        return total;
    }
    let parts = memory.pss_kib.iter().map(|(name, kib)| format!("{name} {:.1}", *kib as f64 / 1024.0));
    format!("{total} ({})", parts.collect::<Vec<_>>().join(", "))
}

fn thousands(rate: u32) -> String {
    let digits = rate.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).expect("digits")).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::tests::figures;

    fn report(absent: Vec<(Kind, String)>, figures: Vec<Figures>) -> String {
        let machine = Machine {
            processor: "2 cores of A CPU".into(),
            memory_mb: 4096,
            system: "Linux 6.1, Debian 12".into(),
            load_before: "0.05".into(),
        };
        let (date, command) = ("2026-11-24".into(), "cargo run".into());
        let broker_version = "mosquitto version 2.0.11".into();
        Report { date, command, machine, broker_version, plan: Plan::FULL, quick: false, figures, absent }.markdown()
    }

    #[test]
    fn rates_are_grouped_by_thousands() {
        for (rate, want) in [(0, "0"), (999, "999"), (1000, "1,000"), (150_000, "150,000"), (1_000_000, "1,000,000")] {
            assert_eq!(thousands(rate), want);
        }
    }

    #[test]
    fn every_row_of_a_table_has_as_many_cells_as_its_head() {
        let all = Kind::ALL.map(|kind| figures(kind, 50_000, 1.0, 2.0)).to_vec();
        let page = report(Vec::new(), all);
        let mut cells = None;
        for line in page.lines() {
            let here = line.starts_with('|').then(|| line.matches('|').count());
            assert!(cells.is_none() || here.is_none() || cells == here, "{line}");
            cells = here;
        }
        assert!(page.contains("| Fieldrail | 50,000 | 3/3 | 51,000 |"), "{page}");
    }

    #[test]
    fn a_contender_that_was_not_measured_is_named_with_the_reason() {
        let page = report(vec![(Kind::NodeRed, "no npm".into())], vec![figures(Kind::Broker, 1, 1.0, 1.0)]);
        assert!(page.contains("**Node-RED was not measured**: no npm"), "{page}");
        assert!(page.contains("| not measured |"), "{page}");
    }
}
