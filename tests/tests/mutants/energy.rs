//! What owners write about the roof, the battery, the meter and the tanks.

use serde_json::json;

use crate::home::{Draft, Theme};

/// All themes, each with the number of its routes.
pub(crate) const THEMES: [Theme; 17] = [
    (1, battery_voltage),
    (1, battery_current),
    (2, battery_level),
    (3, pv_in_kilowatts),
    (3, surplus),
    (2, energy),
    (3, meter_readings),
    (2, tariff),
    (1, wallbox),
    (3, inverter_status),
    (3, flow_temperature),
    (1, feed_in_limit),
    (1, tank),
    (1, pressure),
    (1, mains_frequency),
    (2, phases),
    (1, compared_meters),
];

fn battery_voltage(d: &mut Draft) {
    let n = d.nth("battery_voltage");
    let (from, to) = match n {
        0 => (format!("{}.voltage", d.at.battery), format!("{}.MAIN.fbBattery.fVoltage", d.at.plc)),
        n => (format!("{}.cells.{n}.voltage", d.at.battery), format!("{}.MAIN.fbBattery.aCell[{n}]", d.at.plc)),
    };
    d.declare(&from, "UINT", "mV");
    d.declare(&to, "REAL", "V");
    let millivolts = d.random.between(2500, 58_000);
    let tests = json!([{ "input": millivolts, "output": millivolts as f64 / 1000.0 }]);
    d.route("battery_voltage_to_plc", &json!({ "from": from, "to": to, "transform": "scale(0.001)", "tests": tests }));
}

fn battery_current(d: &mut Draft) {
    let n = d.nth("battery_current") + 1;
    let (from, to) =
        (format!("{}.pack_{n}.current", d.at.battery), format!("{}.house/battery/{n}/current", d.at.broker));
    d.declare(&from, "INT", "mA");
    d.declare(&to, "REAL", "A");
    let transform = d.random.pick(&["scale(0.001) | deadband(0.5)", "scale(0.001) | round(2) | deadband(5%)"]);
    let quality = d.random.pick(&[&["good"][..], &["good", "uncertain"]]);
    d.route("battery_current", &json!({ "from": from, "to": to, "transform": transform, "on_quality": quality }));
}

fn battery_level(d: &mut Draft) {
    let n = d.nth("battery_level") + 1;
    let from = format!("{}.pack_{n}.soc", d.at.battery);
    d.declare(&from, "USINT", "%");
    let low = d.random.between(10, 30);
    let words = format!("expr(if(value < {low}, 'low', if(value < 80, 'normal', 'full'))) | on_change");
    let tests = json!([{ "input": [low - 1, low, 95], "output": ["low", "normal", "full"] }]);
    d.route(
        "battery_level",
        &json!({ "from": from, "to": format!("calc.battery_{n}_level"), "transform": words, "tests": tests }),
    );
    let condition = format!("value < {low} and (previous == null or previous >= {low})");
    let text = "template('The battery is at {value} %')";
    let tests = json!([{ "input": [50, low - 5, low - 6], "output": format!("The battery is at {} %", low - 5) }]);
    let keys = json!({ "from": from, "to": d.at.webhook, "condition": condition, "transform": text, "tests": tests });
    d.route("battery_low", &keys);
}

fn pv_in_kilowatts(d: &mut Draft) {
    let n = d.nth("pv_in_kilowatts") + 1;
    let from = format!("{}.solar_assistant/inverter_{n}/pv_power/state", d.at.cloud);
    let (mean, kilowatts) = (format!("calc.pv_{n}_1min"), format!("calc.pv_{n}_kw"));
    let published = format!("{}.house/energy/pv_{n}_kw", d.at.broker);
    d.declare(&from, "REAL", "W");
    d.declare(&kilowatts, "", "kW");
    d.declare(&published, "REAL", "kW");
    let window = d.random.pick(&["avg(60s)", "avg(1min)", "avg(5min, every=60s)"]);
    d.route("pv_average", &json!({ "from": from, "to": mean, "transform": format!("{window} | round(0)") }));
    let tests = json!([{ "input": 4260, "output": 4.26 }, { "input": 0, "output": 0 }]);
    let keys = json!({ "from": mean, "to": kilowatts, "transform": "scale(0.001) | round(2)", "tests": tests });
    d.route("pv_kilowatts", &keys);
    d.route("pv_publish", &json!({ "from": kilowatts, "to": published, "delivery": "latest", "ttl_ms": 600_000 }));
}

fn surplus(d: &mut Draft) {
    let n = d.nth("surplus") + 1;
    let (power, load) = (format!("{}.ac.{n}.power", d.at.inverter), format!("{}.load_{n}", d.at.meter));
    let (left, release) = (format!("calc.surplus_{n}"), format!("{}.MAIN.bRelease{n}", d.at.plc));
    d.declare(&power, "DINT", "W");
    d.declare(&load, "DINT", "W");
    d.declare(&release, "BOOL", "");
    let tests = json!([{ "input": 3000, "points": { load.as_str(): 1200 }, "output": 1800 }]);
    let keys = json!({ "from": power, "to": left, "transform": format!("expr(value - dp('{load}'))"), "tests": tests });
    d.route("surplus", &keys);
    let low = d.random.between(5, 15) * 100;
    let transform = format!("hysteresis({low}, {}) | on_change", low * 2);
    let tests = json!([{ "input": [low - 1, low * 2, low + 1, low], "output": [false, true, false] }]);
    d.route("surplus_release", &json!({ "from": left, "to": release, "transform": transform, "tests": tests }));
    let condition = format!("value > {} and dp('{left}') < 0", d.random.between(2, 6) * 1000);
    let tests = json!([{ "input": 7000, "points": { left.as_str(): -50 }, "output": 7000 }]);
    d.route("surplus_none", &json!({ "from": load, "to": d.at.webhook, "condition": condition, "tests": tests }));
}

fn energy(d: &mut Draft) {
    let n = d.nth("energy") + 1;
    let from = format!("{}.string_{n}.power", d.at.inverter);
    let (sum, published) = (format!("calc.energy_{n}_wh"), format!("{}.house/energy/string_{n}_kwh", d.at.broker));
    d.declare(&from, "UINT", "W");
    d.declare(&sum, "LREAL", "Wh");
    d.declare(&published, "LREAL", "kWh");
    let transform = d.random.pick(&["integrate(1h)", "integrate(1h, every=60s)"]);
    d.route("energy_sum", &json!({ "from": from, "to": sum, "transform": transform }));
    let tests = json!([{ "input": 12_345, "output": 12.345 }]);
    let keys = json!({ "from": sum, "to": published, "transform": "scale(0.001) | round(3)", "delivery": "durable", "tests": tests });
    d.route("energy_publish", &keys);
}

fn meter_readings(d: &mut Draft) {
    let n = d.nth("meter_readings") + 1;
    let (from, drawn) = (format!("{}.total_{n}", d.at.meter), format!("calc.drawn_{n}"));
    let published = format!("{}.house/meter_{n}/kw", d.at.broker);
    d.declare(&from, "LREAL", "kWh");
    d.declare(&published, "REAL", "kW");
    d.route(
        "meter_rate",
        &json!({ "from": from, "to": drawn, "transform": "rate(1h) | round(3)", "condition": "value > 0" }),
    );
    let condition = d.random.pick(&["quality == 'good'", "value >= 0 and value < 40", "quality != 'bad'"]);
    d.route("meter_publish", &json!({ "from": drawn, "to": published, "condition": condition }));
    let tests = json!([{ "input": [100, 100.5], "output": 0.5 }]);
    let keys = json!({ "from": from, "to": format!("calc.used_{n}"), "transform": "delta | round(3)", "tests": tests });
    d.route("meter_delta", &keys);
}

fn tariff(d: &mut Draft) {
    let n = d.nth("tariff") + 1;
    let (from, price) = (format!("{}.tariff/{n}/info", d.at.cloud), format!("calc.price_{n}"));
    d.declare(&from, "STRING", "");
    let tests = json!([{ "input": "{\"current\":{\"total\":0.28461}}", "output": 0.2846 }]);
    let keys = json!({ "from": from, "to": price, "transform": "json('/current/total') | round(4)", "tests": tests });
    d.route("tariff_price", &keys);
    let limit = d.random.between(10, 25) as f64 / 100.0;
    let (to, transform) = (format!("{}.MAIN.bCheap{n}", d.at.plc), format!("expr(value < {limit}) | on_change"));
    d.declare(&to, "BOOL", "");
    let tests = json!([{ "input": [limit - 0.05, limit + 0.05], "output": [true, false] }]);
    d.route("tariff_cheap", &json!({ "from": price, "to": to, "transform": transform, "tests": tests }));
}

fn wallbox(d: &mut Draft) {
    let n = d.nth("wallbox") + 1;
    let (from, to) = (format!("{}.surplus_{n}", d.at.inverter), format!("{}.GVL.nChargeCurrent_{n}", d.at.other_plc));
    d.declare(&from, "DINT", "W");
    d.declare(&to, "INT", "A");
    let tests =
        json!([{ "input": 6900, "output": 10 }, { "input": 20_000, "output": 16 }, { "input": 1000, "output": [] }]);
    let keys = json!({ "from": from, "to": to, "condition": "value > 1400", "transform": "expr(value / 690) | clamp(6, 16) | round",
        "ttl_ms": d.random.between(1, 60) * 1000, "tests": tests });
    d.route("wallbox_current", &keys);
}

fn inverter_status(d: &mut Draft) {
    let n = d.nth("inverter_status") + 1;
    let (from, word) = (format!("{}.status_{n}", d.at.inverter), format!("calc.inverter_{n}_status"));
    let fault = format!("{}.MAIN.bInverterFault{n}", d.at.plc);
    d.declare(&from, "UINT", "");
    d.declare(&fault, "BOOL", "");
    let tests = json!([{ "input": [0, 2, 9], "output": ["off", "feeding", "?"] }]);
    let map = "map(0 = 'off', 1 = 'waiting', 2 = 'feeding', else = '?')";
    d.route("inverter_word", &json!({ "from": from, "to": word, "transform": map, "tests": tests }));
    let tests = json!([{ "input": [8, 7], "output": [true, false] }]);
    d.route("inverter_fault", &json!({ "from": from, "to": fault, "transform": "bit(3)", "tests": tests }));
    let to = json!(["log.system", d.at.webhook]);
    d.route("inverter_unknown", &json!({ "from": word, "to": to, "condition": "value == '?'" }));
}

fn flow_temperature(d: &mut Draft) {
    let n = d.nth("flow_temperature") + 1;
    let to = format!("{}.MAIN.fFlow{n}", d.at.plc);
    let sources = [
        ("flow_plan", format!("{}.plan.flow_{n}", d.at.other_plc)),
        ("flow_by_hand", format!("{}.panel/flow_{n}", d.at.broker)),
        ("flow_frost", format!("{}.frost.flow_{n}", d.at.other_plc)),
    ];
    d.declare(&to, "REAL", "°C");
    for (nth, (words, from)) in sources.iter().enumerate() {
        d.declare(from, "REAL", "°C");
        let mut keys = json!({ "from": from, "to": to, "priority": nth * 10 + 1 });
        if nth == 1 {
            keys["lease_ms"] = (d.random.between(1, 48) * 1_800_000).into();
            keys["condition"] = "value >= 20 and value <= 60".into();
        }
        if nth == 2 {
            keys["on_quality"] = json!(["good"]);
            keys["lease_ms"] = 120_000.into();
        }
        d.route(words, &keys);
    }
}

fn feed_in_limit(d: &mut Draft) {
    let n = d.nth("feed_in_limit") + 1;
    let (from, to) = (format!("{}.grid/limit/{n}", d.at.cloud), format!("{}.limit_{n}", d.at.inverter));
    d.declare(&from, "REAL", "%");
    d.declare(&to, "USINT", "%");
    let tests = json!([{ "input": [59.6, 140, -3], "output": [60, 100, 0] }]);
    d.route("feed_in_limit", &json!({ "from": from, "to": to, "transform": "clamp(0, 100) | round", "tests": tests }));
}

fn tank(d: &mut Draft) {
    let n = d.nth("tank") + 1;
    let (from, to) = (format!("{}.tank_{n}.level", d.at.other_plc), format!("{}.house/tank_{n}/volume", d.at.broker));
    d.declare(&from, "REAL", "l");
    d.declare(&to, "REAL", "m³");
    let tests = json!([{ "input": 1234, "output": 1.23 }]);
    let keys =
        json!({ "from": from, "to": to, "transform": "scale(0.001) | round(2)", "delivery": "latest", "tests": tests });
    d.route("tank_volume", &keys);
}

fn pressure(d: &mut Draft) {
    let n = d.nth("pressure") + 1;
    let (from, to) = (format!("{}.GVL.rPressure[{n}]", d.at.other_plc), format!("calc.pressure_{n}"));
    d.declare(&from, "REAL", "Pa");
    d.declare(&to, "", "bar");
    let transform = d.random.pick(&["scale(0.00001) | round(2)", "scale(1e-5) | round(2) | throttle(10s)"]);
    let tests = json!([{ "input": 150_000, "output": 1.5 }]);
    d.route("water_pressure", &json!({ "from": from, "to": to, "transform": transform, "tests": tests }));
}

fn mains_frequency(d: &mut Draft) {
    let n = d.nth("mains_frequency") + 1;
    let from = format!("{}.frequency_{n}", d.at.meter);
    d.declare(&from, "REAL", "Hz");
    let tests = json!([{ "input": [50, 49.5, 50.5], "output": [49.5, 50.5] }]);
    let keys = json!({ "from": from, "to": [d.at.webhook, "log.system"], "condition": "value < 49.8 or value > 50.2", "tests": tests });
    d.route("mains_frequency", &keys);
}

fn phases(d: &mut Draft) {
    let n = d.nth("phases") + 1;
    let address = |phase: usize| format!("{}.phase_{n}.{phase}.power", d.at.meter);
    let all: Vec<String> = (1..=3).map(address).collect();
    for address in &all {
        d.declare(address, "REAL", "W");
    }
    let sum = format!("calc.power_{n}");
    let transform = format!("expr(value + dp('{}') + dp('{}')) | round(0)", all[1], all[2]);
    let tests = json!([{ "input": 100, "points": { all[1].as_str(): 20.4, all[2].as_str(): 3 }, "output": 123 }]);
    d.route("phases_sum", &json!({ "from": all[0], "to": sum, "transform": transform, "tests": tests }));
    let transform = d.random.pick(&["max(15min)", "max(15min, every=60s)", "median(60s) | deadband(10)", "min(1d)"]);
    d.route("phases_peak", &json!({ "from": sum, "to": format!("calc.peak_{n}"), "transform": transform }));
}

fn compared_meters(d: &mut Draft) {
    let n = d.nth("compared_meters") + 1;
    let (from, other) = (format!("{}.imported_{n}", d.at.meter), format!("{}.imported_{n}", d.at.inverter));
    d.declare(&from, "LREAL", "kWh");
    d.declare(&other, "LREAL", "kWh");
    let condition = format!("abs(value - dp('{other}')) > {}", d.random.between(1, 20));
    let tests = json!([{ "input": 500, "points": { other.as_str(): 400 }, "output": 500 },
                       { "input": 400.1, "points": { other.as_str(): 400 }, "output": [] }]);
    d.route("meters_apart", &json!({ "from": from, "to": d.at.webhook, "condition": condition, "tests": tests }));
}
