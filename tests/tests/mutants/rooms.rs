//! What owners write about rooms, doors, the weather and alarms.

use serde_json::json;

use crate::home::{Draft, Theme};

/// All themes, each with the number of its routes.
pub(crate) const THEMES: [Theme; 24] = [
    (1, alarm),
    (2, temperatures),
    (1, thermostat),
    (1, setpoint),
    (1, mode),
    (1, lamp),
    (1, switch),
    (1, doorbell),
    (1, lost_sensor),
    (2, wind),
    (1, spelled_number),
    (1, night_light),
    (3, counters),
    (1, celsius),
    (1, off_for_now),
    (1, mirror),
    (1, messages),
    (1, blinds),
    (1, sentence),
    (2, movement),
    (1, calm_log),
    (2, freshness),
    (1, button),
    (1, whole_numbers),
];

fn alarm(d: &mut Draft) {
    let n = d.nth("alarm") + 1;
    let from = format!("{}.MAIN.bAlarm{n}", d.at.plc);
    d.declare(&from, "BOOL", "");
    let to = json!([format!("{}.alarms/{n}", d.at.broker), d.at.webhook, "log.system"]);
    let tests = json!([{ "input": true, "output": true }, { "input": false, "output": [] }]);
    d.route("alarm_multi_target", &json!({ "from": from, "to": to, "condition": "value == true", "tests": tests }));
}

fn temperatures(d: &mut Draft) {
    let n = d.nth("temperatures") + 1;
    let from = format!("{}.zigbee_{n}/*/temperature", d.at.cloud);
    let tests = json!([{ "input": { "address": format!("{}.zigbee_{n}/attic/temperature", d.at.cloud), "value": 21.456 },
                         "output": { "address": format!("calc.climate.zigbee_{n}/attic"), "value": 21.5 } }]);
    let keys = json!({ "from": from, "to": "calc.climate.{path}", "transform": "round(1)", "tests": tests });
    d.route("room_temperatures", &keys);
    let limit = d.random.between(28, 40);
    d.route(
        "room_too_hot",
        &json!({ "from": from, "to": d.at.webhook, "condition": format!("value > {limit} and age < 10min") }),
    );
}

fn thermostat(d: &mut Draft) {
    let place = d.place("thermostat");
    let (from, to) = (format!("{}.{place}/climate/temperature", d.at.cloud), format!("{}.cooling.{place}", d.at.plc));
    d.declare(&from, "REAL", "°C");
    d.declare(&to, "BOOL", "");
    let low = d.random.between(18, 24);
    let transform = format!("hysteresis({low}, {}) | on_change", low + 2);
    let tests = json!([{ "input": [low, low + 1, low + 2, low + 1], "output": [false, true] }]);
    d.route(&format!("cooling_{place}"), &json!({ "from": from, "to": to, "transform": transform, "tests": tests }));
}

fn setpoint(d: &mut Draft) {
    let place = d.place("setpoint");
    let (from, to) = (format!("{}.setpoint.{place}", d.at.other_plc), format!("{}.{place}/setpoint", d.at.broker));
    d.declare(&from, "INT", "");
    d.declare(&to, "REAL", "°C");
    let tests = json!([{ "input": 215, "output": 21.5 }]);
    let transform = d.random.pick(&["scale(0.1)", "scale(0.1) | round(1)"]);
    let keys = json!({ "from": from, "to": to, "bidirectional": true, "transform": transform, "tests": tests });
    d.route(&format!("setpoint_{place}"), &keys);
}

fn mode(d: &mut Draft) {
    let n = d.nth("mode") + 1;
    let (from, to) = (format!("{}.MAIN.nMode{n}", d.at.plc), format!("{}.heating/{n}/mode", d.at.broker));
    d.declare(&from, "INT", "");
    d.declare(&to, "STRING", "");
    let map = "map(0 = 'off', 1 = 'day', 2 = 'night')";
    let tests = json!([{ "input": 2, "output": "night" }]);
    d.route(
        "heating_mode",
        &json!({ "from": from, "to": to, "bidirectional": true, "transform": map, "tests": tests }),
    );
}

fn lamp(d: &mut Draft) {
    let place = d.place("lamp");
    let (from, to) = (format!("{}.light.{place}", d.at.other_plc), format!("{}.light/{place}/state", d.at.broker));
    d.declare(&from, "BOOL", "");
    let mut keys = json!({ "from": from, "to": to, "bidirectional": true });
    if d.random.once_in(2) {
        keys["on_quality"] = json!(["good"]);
    }
    d.route(&format!("lamp_{place}"), &keys);
}

fn switch(d: &mut Draft) {
    let place = d.place("switch");
    let (from, to) = (format!("{}.shelly/{place}/relay", d.at.cloud), format!("{}.relay.{place}", d.at.plc));
    d.declare(&to, "BOOL", "");
    let transform = d.random.pick(&["bool", "map('ON' = true, 'OFF' = false)"]);
    let tests = json!([{ "input": ["ON", "OFF"], "output": [true, false] }]);
    d.route(&format!("relay_{place}"), &json!({ "from": from, "to": to, "transform": transform, "tests": tests }));
}

fn doorbell(d: &mut Draft) {
    let n = d.nth("doorbell") + 1;
    let from = format!("{}.doorbell_{n}", d.at.other_plc);
    d.declare(&from, "BOOL", "");
    let keys = json!({ "from": from, "to": d.at.webhook, "condition": "value == true and previous == false", "transform": "on_change",
        "ttl_ms": 30_000, "delivery": "queued", "tests": [{ "input": [false, true, true], "output": true }] });
    d.route("doorbell", &keys);
}

fn lost_sensor(d: &mut Draft) {
    let place = d.place("lost_sensor");
    let from = format!("{}.sensors/{place}/moisture", d.at.cloud);
    let condition = d.random.pick(&[
        "quality == 'bad'",
        "quality == 'bad' and reason == 'stale'",
        "quality == 'bad' or value > 85",
    ]);
    let tests = json!([{ "input": { "value": 50, "quality": "bad:stale" }, "output": { "value": 50, "quality": "bad:stale" } },
                       { "input": 50, "output": [] }]);
    let keys = json!({ "from": from, "to": d.at.webhook, "condition": condition, "on_quality": ["good", "uncertain", "bad"], "tests": tests });
    d.route(&format!("lost_{place}"), &keys);
}

fn wind(d: &mut Draft) {
    let n = d.nth("wind") + 1;
    let (from, gust) = (format!("{}.weather/{n}/wind", d.at.cloud), format!("calc.gust_{n}"));
    let up = format!("{}.blinds.bUp{n}", d.at.plc);
    d.declare(&from, "REAL", "km/h");
    d.declare(&gust, "", "km/h");
    d.declare(&up, "BOOL", "");
    let transform = d.random.pick(&["max(60s, every=10s)", "max(10s)", "max(5min, every=30s) | round(1)"]);
    d.route("wind_gusts", &json!({ "from": from, "to": gust, "transform": transform }));
    let transform = format!("expr(value > {}) | debounce({}s)", d.random.between(30, 70), d.random.between(2, 30));
    d.route("wind_blinds_up", &json!({ "from": gust, "to": up, "transform": transform, "on_quality": ["good"] }));
}

fn spelled_number(d: &mut Draft) {
    let place = d.place("spelled_number");
    let (from, to) = (format!("{}.esp/{place}/humidity", d.at.cloud), format!("{}.humidity.{place}", d.at.plc));
    d.declare(&from, "STRING", "");
    d.declare(&to, "REAL", "%");
    let transform =
        d.random.pick(&["expr(number(trim(replace(value, ',', '.'))))", "expr(replace(value, ',', '.')) | float"]);
    let keys = json!({ "from": from, "to": to, "condition": "value != 'unavailable' and len(value) > 0", "transform": transform,
        "tests": [{ "input": ["45,5", "unavailable"], "output": 45.5 }] });
    d.route(&format!("humidity_{place}"), &keys);
}

fn night_light(d: &mut Draft) {
    let place = d.place("night_light");
    let (from, dark) = (format!("{}.motion.{place}", d.at.plc), format!("{}.dark", d.at.other_plc));
    let to = format!("{}.night_light.{place}", d.at.other_plc);
    d.declare(&from, "BOOL", "");
    d.declare(&dark, "BOOL", "");
    d.declare(&to, "BOOL", "");
    let condition = d.random.pick(&["dp('DARK')", "value == false or dp('DARK') == true", "not value or dp('DARK')"]);
    let points = json!({ dark.as_str(): true });
    let keys = json!({ "from": from, "to": to, "condition": condition.replace("DARK", &dark), "transform": "debounce(200ms) | on_change",
        "tests": [{ "input": true, "points": points, "until_ms": 1000, "output": { "at_ms": 200, "value": true } }] });
    d.route(&format!("night_light_{place}"), &keys);
}

fn counters(d: &mut Draft) {
    let n = d.nth("counters") + 1;
    let from = format!("{}.rain/{n}/pulse", d.at.cloud);
    d.declare(&from, "UINT", "");
    let span = d.random.pick(&["1h", "10min", "1d", "24h"]);
    d.route(
        "rain_pulses",
        &json!({ "from": from, "to": format!("calc.rain_{n}_pulses"), "transform": format!("sum({span})") }),
    );
    d.route(
        "rain_messages",
        &json!({ "from": from, "to": format!("calc.rain_{n}_messages"), "transform": format!("count({span})") }),
    );
    let keys = json!({ "from": from, "to": format!("calc.rain_{n}_last"), "transform": format!("last({span})") });
    d.route("rain_last", &keys);
}

fn celsius(d: &mut Draft) {
    let n = d.nth("celsius") + 1;
    let (from, to) =
        (format!("{}.boiler_{n}.temperature", d.at.other_plc), format!("{}.house/boiler_{n}", d.at.broker));
    let (unit, transform, input, output) = d.random.pick(&[
        ("K", "offset(-273.15) | round(1)", 300.0, 26.9),
        ("°F", "offset(-32) | scale(0.5555555555555556) | round(1)", 212.0, 100.0),
        ("°C", "round(1)", 41.26, 41.3),
    ]);
    d.declare(&from, "REAL", unit);
    d.declare(&to, "REAL", "°C");
    let tests = json!([{ "input": input, "output": output }]);
    d.route("boiler_celsius", &json!({ "from": from, "to": to, "transform": transform, "tests": tests }));
}

fn off_for_now(d: &mut Draft) {
    let place = d.place("off_for_now");
    let (from, to) = (format!("{}.night.{place}", d.at.other_plc), format!("{}.hall.{place}", d.at.plc));
    d.declare(&from, "BOOL", "");
    d.declare(&to, "BOOL", "");
    let tests = json!([{ "input": true, "output": false }]);
    let keys = json!({ "enabled": false, "from": from, "to": to, "transform": "invert", "tests": tests });
    d.route(&format!("night_off_{place}"), &keys);
}

fn mirror(d: &mut Draft) {
    let n = d.nth("mirror") + 1;
    let (tree, topic) = d.random.pick(&[("heating", "{source}/{rest}"), ("pool", "{path}/{tag}"), ("sauna", "{rest}")]);
    let tests = json!([{ "input": { "address": format!("{}.{tree}_{n}.upper.flow", d.at.other_plc), "value": 45 }, "output": 45 }]);
    let from = format!("{}.{tree}_{n}.**", d.at.other_plc);
    let keys = json!({ "from": from, "to": format!("{}.mirror_{n}/{topic}", d.at.cloud), "tests": tests });
    d.route(&format!("mirror_{tree}"), &keys);
}

fn messages(d: &mut Draft) {
    let n = d.nth("messages") + 1;
    let from = format!("{}.messages/{n}", d.at.broker);
    d.declare(&from, "STRING", "");
    let condition = d.random.pick(&[
        "contains(lower(value), 'leak') or starts_with(value, 'ALARM')",
        "matches(value, '^(ALARM|E[0-9]{3})') or contains(value, 'leak')",
        "ends_with(value, 'leak') or value in ['ALARM', 'FIRE']",
    ]);
    let tests = json!([{ "input": ["a leak", "ALARM", "all is well"], "output": ["a leak", "ALARM"] }]);
    d.route(
        "messages",
        &json!({ "from": from, "to": [d.at.webhook, "log.system"], "condition": condition, "tests": tests }),
    );
}

fn blinds(d: &mut Draft) {
    let place = d.place("blinds");
    let (from, to) =
        (format!("{}.blinds/{place}/percent", d.at.broker), format!("{}.GVL.aBlind.{place}", d.at.other_plc));
    d.declare(&from, "REAL", "");
    d.declare(&to, "USINT", "");
    let tests = json!([{ "input": [0, 40, 100], "output": [0, 102, 255] }]);
    let keys = json!({ "from": from, "to": to, "transform": "clamp(0, 100) | scale(2.55) | round", "tests": tests });
    d.route(&format!("blinds_{place}"), &keys);
}

fn sentence(d: &mut Draft) {
    let n = d.nth("sentence") + 1;
    let from = format!("{}.tank.{n}.alarm", d.at.other_plc);
    d.declare(&from, "BOOL", "");
    let transform = d.random.pick(&[
        "template('{source}: {tag} is {value} ({quality} {reason})')",
        "expr(source + ' says ' + tag + ': ' + text(value))",
        "expr(if(value, 'The tank is low', 'The tank is fine'))",
    ]);
    d.route(
        "tank_sentence",
        &json!({ "from": from, "to": d.at.webhook, "transform": transform, "delivery": "queued" }),
    );
}

fn movement(d: &mut Draft) {
    let n = d.nth("movement") + 1;
    let from: Vec<String> = (1..=3).map(|nth| format!("{}.motion_{n}.{nth}", d.at.other_plc)).collect();
    for address in &from {
        d.declare(address, "BOOL", "");
    }
    let any = format!("calc.movement_{n}");
    d.route("movement", &json!({ "from": from, "to": any, "condition": "value == true" }));
    let keys =
        json!({ "from": any, "to": "log.system", "transform": "throttle(1h)", "condition": "quality == 'good'" });
    d.route("movement_log", &keys);
}

fn calm_log(d: &mut Draft) {
    let n = d.nth("calm_log") + 1;
    let from = json!([format!("{}.errors_{n}.*", d.at.plc), format!("{}.GVL.sLastError{n}", d.at.other_plc)]);
    let transform = d.random.pick(&["on_change", "throttle(10min)", "on_change | throttle(30s)"]);
    d.route(
        "errors_to_log",
        &json!({ "from": from, "to": "log.system", "transform": transform, "condition": "value != 0 and value != ''" }),
    );
}

fn freshness(d: &mut Draft) {
    let n = d.nth("freshness") + 1;
    let from = format!("{}.heartbeat_{n}", d.at.plc);
    d.declare(&from, "UDINT", "");
    let (age, seen) = (format!("calc.heartbeat_{n}_age"), format!("calc.heartbeat_{n}_seen"));
    d.route("heartbeat_age", &json!({ "from": from, "to": age, "transform": "debounce(2s) | expr(age)" }));
    let tests = json!([{ "input": { "at_ms": 1500, "value": 5 }, "output": 1500 }]);
    d.route(
        "heartbeat_seen",
        &json!({ "from": from, "to": seen, "transform": "expr(time)", "condition": "age < 5min", "tests": tests }),
    );
}

fn button(d: &mut Draft) {
    let place = d.place("button");
    let (from, to) = (format!("{}.button/{place}/action", d.at.cloud), format!("{}.scene.{place}", d.at.plc));
    d.declare(&from, "STRING", "");
    d.declare(&to, "INT", "");
    let keys = json!({ "from": from, "to": to, "condition": "value in ['single', 'double', 'hold']",
        "transform": "map('single' = 1, 'double' = 2, 'hold' = 3)", "ttl_ms": 2000,
        "tests": [{ "input": ["single", "hold", "release"], "output": [1, 3] }] });
    d.route(&format!("button_{place}"), &keys);
}

fn whole_numbers(d: &mut Draft) {
    let place = d.place("whole_numbers");
    let (from, to) = (format!("{}.count/{place}", d.at.cloud), format!("{}.nVisitors.{place}", d.at.plc));
    d.declare(&from, "STRING", "");
    d.declare(&to, "UINT", "");
    let tests = json!([{ "input": "12", "output": 12 }]);
    let transform = d.random.pick(&["int", "int | clamp(0, 1000)", "float | round"]);
    d.route(&format!("visitors_{place}"), &json!({ "from": from, "to": to, "transform": transform, "tests": tests }));
}
