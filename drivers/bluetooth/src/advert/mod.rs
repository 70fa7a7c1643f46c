//! What sensors tell in their advertisements. Pure; a module for each format, with its source.
//!
//! What is cut, of another version or encrypted gives no value: an advertisement has passed the radio's checksum, so its
//! layout is the only other thing that can be wrong.

mod atc;
mod bthome;
mod ruuvi;
mod xiaomi;

use fieldrail_link_ble::{Device, Uuid};

use crate::measured::Measured;

/// All that a device tells in its advertisement.
pub fn decode(device: &Device) -> Vec<Measured> {
    let said = |service: u16| device.service_data.get(&Uuid::short(service)).map(Vec::as_slice);
    let formats = [
        said(0xfcd2).and_then(bthome::decode),
        said(0xfe95).and_then(xiaomi::decode),
        said(0x181a).and_then(|data| atc::decode(data, device.address)),
        device.manufacturer.get(&0x0499).and_then(|data| ruuvi::decode(data)),
    ];
    formats.into_iter().flatten().flatten().collect()
}

/// Whether it tells values that are encrypted, which this driver cannot read.
pub fn is_encrypted(device: &Device) -> bool {
    let said = |service: u16| device.service_data.get(&Uuid::short(service)).map(Vec::as_slice);
    said(0xfcd2).is_some_and(bthome::is_encrypted) || said(0xfe95).is_some_and(xiaomi::is_encrypted)
}

#[cfg(test)]
mod tests {
    use fieldrail_link_ble::Address;
    use fieldrail_model::Value;
    use proptest::prelude::{any, proptest};

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<char> = hex.chars().filter(|char| !char.is_whitespace()).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
    }

    fn device(from: &str, data: Vec<u8>) -> Device {
        let mut device = Device::new("hci0", Address([0xa4, 0xc1, 0x38, 0, 0, 1]));
        match from.split_once(' ').unwrap() {
            ("service", uuid) => drop(device.service_data.insert(uuid.parse().unwrap(), data)),
            (_, company) => drop(device.manufacturer.insert(u16::from_str_radix(company, 16).unwrap(), data)),
        }
        device
    }

    fn json(value: &Value) -> serde_json::Value {
        serde_json::to_value(value).unwrap()
    }

    /// Examples of the formats' own documents and captures, with what they say.
    #[test]
    fn every_golden_advertisement_says_what_it_should() {
        let cases: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../golden/advertisements.json")).unwrap();
        for case in &cases {
            let device = device(case["from"].as_str().unwrap(), bytes(case["data"].as_str().unwrap()));
            let found: serde_json::Map<String, serde_json::Value> =
                decode(&device).iter().map(|one| (one.name.to_string(), json(&one.value))).collect();
            assert_eq!(serde_json::Value::Object(found), case["values"], "{}", case["name"]);
            assert_eq!(is_encrypted(&device), case["encrypted"].as_bool().unwrap_or(false), "{}", case["name"]);
        }
    }

    #[test]
    fn what_is_cut_gives_fewer_values_and_never_another_one() {
        let cases: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../golden/advertisements.json")).unwrap();
        for case in &cases {
            let whole = bytes(case["data"].as_str().unwrap());
            for length in 0..whole.len() {
                let device = device(case["from"].as_str().unwrap(), whole[..length].to_vec());
                for one in decode(&device) {
                    assert_eq!(json(&one.value), case["values"][one.name.as_ref()], "{} cut to {length}", case["name"]);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(data in proptest::collection::vec(any::<u8>(), 0..64), which in 0..4_usize) {
            let from = ["service fcd2", "service fe95", "service 181a", "manufacturer 0499"][which];
            let device = device(from, data);
            decode(&device);
            is_encrypted(&device);
        }
    }
}
