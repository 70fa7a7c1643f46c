//! Addresses that are written as another program would have them.

use super::target::Wrong;
use crate::pattern::placeholders;

/// What looks wrong in a source; it is a valid address all the same.
pub(super) fn of_source(from: &str) -> Option<Wrong> {
    let placeholder = placeholders().map(|name| format!("{{{name}}}")).find(|written| from.contains(written));
    if let Some(written) = placeholder {
        let hint = "write `*` for anything within a segment, `**` for any number of segments";
        return Some((
            format!("`{written}` is filled in targets only, and stands for itself in `{from}`"),
            Some(hint.into()),
        ));
    }
    blank(from).or_else(|| mqtt(from))
}

/// What looks wrong in a target; it is a valid address all the same.
pub(super) fn of_target(to: &str) -> Option<Wrong> {
    if to.contains("${") {
        return Some((format!("the `$` of `{to}` stays in the address"), Some("write `{tag}` without it".into())));
    }
    if let Some(name) = placeholders().find(|name| to.contains(&format!("<{name}>"))) {
        return Some((format!("`<{name}>` stands for itself in `{to}`"), Some(format!("write `{{{name}}}`"))));
    }
    blank(to).or_else(|| mqtt(to))
}

fn blank(address: &str) -> Option<Wrong> {
    let place = match (address.starts_with(char::is_whitespace), address.ends_with(char::is_whitespace)) {
        (true, _) => "begins",
        (false, true) => "ends",
        _ => return None,
    };
    Some((format!("`{address}` {place} with a blank"), Some("it is part of the address; take it out".into())))
}

fn mqtt(address: &str) -> Option<Wrong> {
    let wild = address.split(['.', '/']).find(|segment| matches!(*segment, "+" | "#"))?;
    let hint = "write `*` for anything within a segment, `**` for any number of segments";
    Some((format!("`{wild}` is a wildcard of MQTT, and stands for itself in `{address}`"), Some(hint.into())))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn addresses_in_the_manner_of_other_programs_are_noticed() {
        let from = |from: &str, want: &str| {
            check(&format!(r#"{{"id":"a","from":"{from}","to":"log.system"}}"#), &format!("a from: {want}"));
        };
        from(
            "mqtt.broker_local.zigbee/+/state",
            "`+` is a wildcard of MQTT, and stands for itself in `mqtt.broker_local.zigbee/+/state`",
        );
        from("mqtt.broker_local.#", "`#` is a wildcard of MQTT, and stands for itself in `mqtt.broker_local.#`");
        from("plc_002.{tag}", "`{tag}` is filled in targets only, and stands for itself in `plc_002.{tag}`");
        from("plc_002.x ", "`plc_002.x ` ends with a blank");
        let to = |to: &str, want: &str| {
            check(&format!(r#"{{"id":"a","from":"plc_002.**","to":"{to}"}}"#), &format!("a to: {want}"));
        };
        to("mqtt.broker_local.out/${tag}", "the `$` of `mqtt.broker_local.out/${tag}` stays in the address");
        to("mqtt.broker_local.<path>/{tag}", "`<path>` stands for itself in `mqtt.broker_local.<path>/{tag}`");
        to("mqtt.broker_local.out/#", "`#` is a wildcard of MQTT, and stands for itself in `mqtt.broker_local.out/#`");
        to("calc.x ", "`calc.x ` ends with a blank");
    }

    #[test]
    fn such_letters_within_a_segment_are_nothing_special() {
        check(r#"{"id":"a","from":"mqtt.broker_local.shelly#/relay","to":"mqtt.broker_local.c++/a b"}"#, "");
        check(r#"{"id":"a","from":"mqtt.broker_local.$SYS/broker/{id}","to":"log.system"}"#, "");
    }

    #[test]
    fn what_stands_in_a_list_twice_is_noticed() {
        check(
            r#"{"id":"a","from":["plc_001.MAIN.x","plc_001.main.X"],"to":["calc.a","log.system","calc.a"]}"#,
            "a from: `plc_001.main.X` stands in the list twice\na to: `calc.a` stands in the list twice",
        );
    }
}
