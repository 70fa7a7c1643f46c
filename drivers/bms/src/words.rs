//! The names of datapoints: which there usually are, and what they are for people. Pure.

/// Names and what they are, without cells, temperatures and alarms.
const NAMES: [(&str, &str); 24] = [
    ("voltage", "Voltage of the pack"),
    ("current", "Current; positive is charging"),
    ("power", "Power; positive is charging"),
    ("soc", "State of charge"),
    ("soh", "State of health"),
    ("capacity", "What it holds when full"),
    ("remaining", "What it holds now"),
    ("cycles", "Full discharges so far"),
    ("cell_min", "Lowest cell"),
    ("cell_max", "Highest cell"),
    ("cell_mean", "Mean of all cells"),
    ("cell_delta", "Highest less lowest cell"),
    ("temperature_min", "Lowest temperature"),
    ("temperature_max", "Highest temperature"),
    ("charge_mos", "Whether it lets itself be charged"),
    ("discharge_mos", "Whether it lets itself be discharged"),
    ("balancing", "Whether cells are being balanced"),
    ("alarm", "Whether any alarm stands"),
    ("rssi", "How loud it was when it was heard last over the air; -40 is near, -95 the end"),
    ("rssi_age", "How long ago that was; what is connected is not heard"),
    ("model", "What it calls itself"),
    ("serial", "Serial number"),
    ("packs", "Packs that belong to it"),
    ("packs_online", "Packs that answer"),
];

/// The longest name.
const LONGEST: usize = 80;

/// What a datapoint is, for people; none if the name says it.
pub(crate) fn comment(name: &str) -> Option<String> {
    if let Some((_, comment)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some((*comment).to_owned());
    }
    match name.split_once('.')? {
        ("cells", number) => Some(format!("Cell {}", number.trim_start_matches('0'))),
        ("temperatures", number) => Some(format!("Temperature sensor {number}")),
        ("alarms", alarm) => Some(format!("Alarm: {}", alarm.replace('_', " "))),
        _ => None,
    }
}

/// Whether batteries usually have it.
pub(crate) fn is_usual(name: &str) -> bool {
    let below = |folder: &str| name.strip_prefix(folder).and_then(|rest| rest.strip_prefix('.'));
    let number = |text: &str| text.parse::<usize>().ok().filter(|number| (1..=32).contains(number));
    NAMES.iter().any(|(known, _)| *known == name)
        || below("cells").is_some_and(|rest| rest.len() == 2 && number(rest).is_some())
        || below("temperatures").is_some_and(|rest| !rest.starts_with('0') && number(rest).is_some())
}

/// Whether it may be a name that one battery has.
pub(crate) fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    !name.is_empty() && name.len() <= LONGEST && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_usual_plain_or_none() {
        for (name, usual, plain) in [
            ("voltage", true, true),
            ("cells.01", true, true),
            ("cells.32", true, true),
            ("cells.33", false, true),
            ("cells.1", false, true),
            ("temperatures.4", true, true),
            ("temperatures.04", false, true),
            ("alarms.cell_overvoltage", false, true),
            ("time_to_go", false, true),
            ("Voltage", false, false),
            ("", false, false),
            ("a b", false, false),
        ] {
            assert_eq!((is_usual(name), is_plain(name)), (usual, plain), "{name}");
        }
        assert_eq!(comment("cells.07").as_deref(), Some("Cell 7"));
        assert_eq!(comment("alarms.short_circuit").as_deref(), Some("Alarm: short circuit"));
        assert_eq!(comment("time_to_go"), None);
    }
}
