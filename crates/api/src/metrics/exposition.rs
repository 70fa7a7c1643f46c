//! The text format of Prometheus, version 0.0.4: a family for each figure, its samples below it.

use std::fmt::Write as _;

use fieldrail_node::views::{Instance, Resources};
use fieldrail_node::{AlarmsWanted, BoxView, RouterStats};

use crate::call::Call;

/// What the answer says of itself.
pub(super) const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Routes with figures of their own, at the most; there are sums over all of them in any case.
const MOST_ROUTES: usize = 5_000;

const MB: f64 = 1_048_576.0;

/// A text under construction.
#[derive(Default)]
struct Text(String);

impl Text {
    /// Begins a family. `kind` is `gauge` or `counter`.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            self.0.push(if at == 0 { '{' } else { ',' });
            let _ = write!(self.0, "{label}=\"{}\"", escaped(value));
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// A family with one sample.
    fn one(&mut self, name: &str, kind: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.family(name, kind, help);
            self.sample(name, &[], value);
        }
    }

    /// A family with a sample for each instance that has this figure.
    fn of_instances(
        &mut self,
        instances: &[Instance],
        (name, kind, help): (&str, &str, &str),
        figure: impl Fn(&Instance) -> Option<f64>,
    ) {
        self.family(name, kind, help);
        for instance in instances {
            if let Some(value) = figure(instance) {
                self.sample(name, &[("instance", &instance.id)], value);
            }
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Everything that is known now.
pub(super) fn write(call: &Call) -> String {
    let node = call.node();
    let mut text = Text::default();
    text.family("fieldrail_info", "gauge", "Always 1; the label says the version.");
    text.sample("fieldrail_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    let uptime = node.uptime().as_secs_f64();
    text.one("fieldrail_uptime_seconds", "gauge", "Time since the start of the daemon.", Some(uptime));
    daemon(&mut text, &node.own_resources());
    instances(&mut text, &node.instances());
    router(&mut text, &node.router_stats());
    the_box(&mut text, &node.box_view());
    if let Ok(who) = call.who() {
        let alarms = node.alarms(who, &AlarmsWanted { limit: Some(1), ..AlarmsWanted::default() });
        let count = |count: usize| Some(count as f64);
        text.one("fieldrail_alarms_active", "gauge", "Alarms that are active.", count(alarms.active_count));
        let help = "Alarms that nobody has acknowledged.";
        text.one("fieldrail_alarms_unacknowledged", "gauge", help, count(alarms.unacknowledged_count));
    }
    text.0
}

fn daemon(text: &mut Text, own: &Resources) {
    text.one(
        "fieldrail_daemon_cpu_percent",
        "gauge",
        "Processor time of the daemon, in per cent of a core.",
        own.cpu_percent,
    );
    let bytes = own.memory_mb.map(|mb| mb * MB);
    text.one("fieldrail_daemon_memory_bytes", "gauge", "Resident memory of the daemon.", bytes);
}

fn instances(text: &mut Text, all: &[Instance]) {
    text.family("fieldrail_instance_state", "gauge", "Always 1; the label says the state.");
    for one in all {
        let labels = [("instance", &*one.id), ("driver", &*one.driver), ("state", &*one.state)];
        text.sample("fieldrail_instance_state", &labels, 1.0);
    }
    type Figure = (&'static str, &'static str, &'static str, fn(&Instance) -> Option<f64>);
    let figures: [Figure; 14] = [
        ("up", "gauge", "Whether it runs.", |i| Some(f64::from(u8::from(i.state == "running")))),
        ("restarts_total", "counter", "Starts beyond the first.", |i| Some(i.restarts as f64)),
        ("errors_total", "counter", "Crashes, missed heartbeats and troubles.", |i| Some(i.errors as f64)),
        ("samples_received_total", "counter", "Samples received.", |i| Some(i.samples_in as f64)),
        ("writes_sent_total", "counter", "Writes sent.", |i| Some(i.samples_out as f64)),
        ("samples_shed_total", "counter", "Samples that the spam breaker did not let pass.", |i| {
            Some(i.guard.as_ref()?.shed as f64)
        }),
        ("memory_kills_total", "counter", "Ends for its memory.", |i| Some(i.guard.as_ref()?.memory_kills as f64)),
        ("memory_limit_bytes", "gauge", "Its limit on memory.", |i| {
            Some(f64::from(i.guard.as_ref()?.limits.memory_mb?) * MB)
        }),
        ("cpu_percent", "gauge", "Processor time, in per cent of a core.", |i| i.resources.cpu_percent),
        ("memory_bytes", "gauge", "Resident memory of all its processes.", |i| Some(i.resources.memory_mb? * MB)),
        ("throttled_percent", "gauge", "Part of the time in which its limits held it back.", |i| {
            i.resources.throttled_percent
        }),
        ("threads", "gauge", "Threads.", |i| Some(i.resources.threads? as f64)),
        ("open_files", "gauge", "Open descriptors.", |i| Some(i.resources.open_files? as f64)),
        ("datapoints", "gauge", "Datapoints in the data space.", |i| Some(i.datapoints as f64)),
    ];
    for (name, kind, help, figure) in figures {
        text.of_instances(all, (&format!("fieldrail_instance_{name}"), kind, help), figure);
    }
}

fn router(text: &mut Text, stats: &RouterStats) {
    text.one("fieldrail_datapoints", "gauge", "Datapoints in the data space.", Some(stats.datapoints as f64));
    text.one("fieldrail_routes", "gauge", "Routes in force.", Some(stats.routes as f64));
    text.family("fieldrail_waiting_on_disk", "gauge", "Values of durable routes that wait for an instance.");
    for lane in &stats.on_disk {
        text.sample("fieldrail_waiting_on_disk", &[("instance", &lane.instance)], lane.values as f64);
    }
    type Counter = (&'static str, &'static str, fn(&fieldrail_node::RouteStats) -> u64);
    let counters: [Counter; 4] = [
        ("matched", "Samples of its sources.", |stats| stats.matched),
        ("passed", "Samples that went on to at least one target.", |stats| stats.passed),
        ("dropped", "Samples that were held back.", |stats| stats.dropped),
        ("errors", "Samples that could not be computed.", |stats| stats.errors),
    ];
    for (name, help, counter) in counters {
        let all = stats.by_route.values().map(counter).sum::<u64>();
        text.one(&format!("fieldrail_router_{name}_total"), "counter", help, Some(all as f64));
        let name = format!("fieldrail_route_{name}_total");
        text.family(&name, "counter", help);
        for (id, stats) in stats.by_route.iter().take(MOST_ROUTES) {
            text.sample(&name, &[("route", id)], counter(stats) as f64);
        }
    }
    let name = "fieldrail_route_latency_p99_seconds";
    text.family(name, "gauge", "From the arrival of a value until it leaves: what 99 of 100 did not exceed.");
    for (id, stats) in stats.by_route.iter().take(MOST_ROUTES) {
        if let Some(latency) = &stats.latency {
            text.sample(name, &[("route", id)], latency.p99_ms / 1000.0);
        }
    }
}

fn the_box(text: &mut Text, the_box: &BoxView) {
    let mb = |mb: Option<u64>| mb.map(|mb| mb as f64 * MB);
    text.one("fieldrail_box_cpu_percent", "gauge", "Processor time, in per cent of all cores.", the_box.cpu_percent);
    text.one("fieldrail_box_memory_used_bytes", "gauge", "Memory in use.", mb(the_box.memory_mb));
    text.one("fieldrail_box_memory_bytes", "gauge", "Memory in all.", mb(the_box.memory_total_mb));
    text.one("fieldrail_box_load1", "gauge", "Processes that want a core, over a minute.", the_box.load_1m);
    text.family("fieldrail_box_disk_free_bytes", "gauge", "Room on the disk of a folder.");
    for disk in &the_box.disks {
        text.sample("fieldrail_box_disk_free_bytes", &[("folder", disk.name)], disk.free_mb as f64 * MB);
    }
    text.family("fieldrail_box_temperature_celsius", "gauge", "Temperatures.");
    for (sensor, celsius) in &the_box.temperatures {
        text.sample("fieldrail_box_temperature_celsius", &[("sensor", sensor)], *celsius);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_its_line() {
        let mut text = Text::default();
        text.sample("x", &[("a", "q\"u\\o\nte"), ("b", "")], 1.5);
        text.sample("y", &[], f64::NAN);
        assert_eq!(text.0, "x{a=\"q\\\"u\\\\o\\nte\",b=\"\"} 1.5\ny NaN\n");
    }
}
