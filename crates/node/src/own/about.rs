//! What the datapoints of the house itself are: their names, units and types, by the ends of their addresses.

use fieldrail_model::IecType;
use fieldrail_model::text::nearest;

use crate::datapoints::Role;

/// What all of them begin with.
pub(crate) const PREFIX: &str = "system.";

/// What one of them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The address without its beginning; `*` stands for any text.
    pattern: &'static str,
    /// What people call it.
    pub(crate) name: &'static str,
    pub(crate) unit: Option<&'static str>,
    pub(crate) r#type: IecType,
    pub(crate) role: Option<Role>,
}

const fn number(pattern: &'static str, unit: &'static str, name: &'static str) -> Kind {
    Kind { pattern, name, unit: Some(unit), r#type: IecType::Lreal, role: None }
}

const fn count(pattern: &'static str, name: &'static str) -> Kind {
    Kind { pattern, name, unit: None, r#type: IecType::Ulint, role: None }
}

const fn text(pattern: &'static str, name: &'static str) -> Kind {
    Kind { pattern, name, unit: None, r#type: IecType::String, role: None }
}

const fn alarm(pattern: &'static str, name: &'static str) -> Kind {
    Kind { pattern, name, unit: None, r#type: IecType::Bool, role: Some(Role::Alarm) }
}

/// All of them.
const KINDS: [Kind; 33] = [
    number("box.cpu_percent", "%", "Processor time of the box"),
    number("box.memory_mb", "MB", "Memory in use"),
    number("box.memory_percent", "%", "Memory in use"),
    Kind {
        pattern: "box.load_1m",
        name: "Processes that want a core, over a minute",
        unit: None,
        r#type: IecType::Lreal,
        role: None,
    },
    number("box.uptime_seconds", "s", "Time since the boot"),
    number("box.disk.*.free_mb", "MB", "Room on the disk"),
    number("box.disk.*.percent", "%", "Used part of the disk"),
    text("box.disk.*.state", "State of the disk: ok, low, full"),
    alarm("box.disk.*.is_low", "The disk is nearly full"),
    number("box.temperature.*", "°C", "Temperature"),
    number("box.network.*.rx_bytes_per_s", "B/s", "Received"),
    number("box.network.*.tx_bytes_per_s", "B/s", "Sent"),
    number("daemon.cpu_percent", "%", "Processor time of the daemon"),
    number("daemon.memory_mb", "MB", "Memory of the daemon"),
    number("daemon.uptime_seconds", "s", "Time since the start of the daemon"),
    count("daemon.log_lines_dropped", "Log lines that could not be written"),
    text("instances.*.state", "State of the instance"),
    number("instances.*.cpu_percent", "%", "Processor time of the instance"),
    number("instances.*.memory_mb", "MB", "Memory of the instance"),
    text("instances.*.memory_step", "Limit on memory: ok, warn, throttle, killed, suspended"),
    text("instances.*.spam_stage", "Spam breaker: fine, coalescing, sampling, suspended"),
    number("instances.*.throttled_percent", "%", "Part of the time in which its limits held it back"),
    number("instances.*.uptime_seconds", "s", "Time since the start of its process"),
    count("instances.*.restarts", "Restarts"),
    count("instances.*.errors", "Errors"),
    number("instances.*.samples_in_per_s", "1/s", "Samples received"),
    number("instances.*.samples_out_per_s", "1/s", "Values written"),
    count("alarms.active_count", "Alarms that are active"),
    count("alarms.unacknowledged_count", "Alarms that nobody has acknowledged"),
    text("alarms.last", "The alarm that became active last"),
    count("dashboards.change", "The last change of a dashboard"),
    count("router.datapoints", "Datapoints in the data space"),
    count("router.waiting_on_disk", "Values of durable routes that wait on disk"),
];

/// What the datapoint at this address is; none if it is no datapoint of the house itself.
pub(crate) fn kind(address: &str) -> Option<&'static Kind> {
    let tag = address.strip_prefix(PREFIX)?;
    KINDS.iter().find(|kind| match kind.pattern.split_once('*') {
        None => kind.pattern == tag,
        Some((begin, end)) => {
            let middle = tag.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end));
            middle.is_some_and(|middle| !middle.is_empty())
        }
    })
}

/// Whether there can be a datapoint of the house itself at this address, with these instances; if not, the one that is
/// spelled nearly so.
pub(crate) fn has<'a, I: Iterator<Item = &'a str>>(
    address: &str,
    instances: impl Fn() -> I,
) -> Result<(), Option<String>> {
    const INSTANCES: &str = "instances.";
    let tag = address.strip_prefix(PREFIX).unwrap_or(address);
    let whole = |tag: String| Some(format!("{PREFIX}{tag}"));
    if kind(address).is_none() {
        let candidates: Vec<String> = KINDS.iter().filter_map(|kind| filled(kind.pattern, tag)).collect();
        return Err(nearest(tag, candidates.iter().map(String::as_str)).and_then(|near| whole(near.to_owned())));
    }
    let Some((id, last)) = tag.strip_prefix(INSTANCES).and_then(|rest| rest.rsplit_once('.')) else { return Ok(()) };
    if instances().any(|known| known == id) {
        return Ok(());
    }
    Err(nearest(id, instances()).and_then(|near| whole(format!("{INSTANCES}{near}.{last}"))))
}

/// The pattern with what the tag has in the place of its wildcard.
fn filled(pattern: &str, tag: &str) -> Option<String> {
    let Some((begin, end)) = pattern.split_once('*') else { return Some(pattern.to_owned()) };
    let rest = tag.strip_prefix(begin)?;
    let middle = if end.is_empty() { rest } else { rest.rsplit_once('.')?.0 };
    Some(format!("{begin}{middle}{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, want: Result<(), Option<&str>>) {
        let found = has(address, || ["plc_001", "bt.bms_001"].into_iter());
        assert_eq!(found, want.map_err(|near| near.map(Into::into)), "{address}");
    }

    #[test]
    fn a_misspelt_address_is_told_with_the_one_that_was_meant() {
        check("system.box.load_1m", Ok(()));
        check("system.box.temperature.anything", Ok(()));
        check("system.instances.bt.bms_001.state", Ok(()));
        check("system.box.cpu_percnt", Err(Some("system.box.cpu_percent")));
        check("system.instances.plc_001.memory_stap", Err(Some("system.instances.plc_001.memory_step")));
        check("system.instances.plc_01.state", Err(Some("system.instances.plc_001.state")));
        check("system.instances.heating.state", Err(None));
        check("system.weather", Err(None));
    }

    #[test]
    fn each_address_is_one_thing() {
        for (address, unit) in [
            ("system.box.cpu_percent", Some("%")),
            ("system.box.disk.config.free_mb", Some("MB")),
            ("system.box.temperature.cpu-thermal", Some("°C")),
            ("system.instances.bt.bms_001.memory_mb", Some("MB")),
            ("system.instances.plc_001.state", None),
        ] {
            assert_eq!(kind(address).unwrap_or_else(|| panic!("{address}")).unit, unit, "{address}");
        }
        for address in
            ["system", "system.", "system.instances..state", "system.instances.state", "calc.box.cpu_percent"]
        {
            assert_eq!(kind(address), None, "{address}");
        }
    }
}
