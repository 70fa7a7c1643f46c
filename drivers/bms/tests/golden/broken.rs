//! Golden cases, broken: nothing that comes of them is a wrong value.

use fieldrail_driver_bms::battery::{FAMILIES, Reading, Transport};
use fieldrail_driver_bms::decode::{Line, decode};
use fieldrail_driver_bms::fault::Fault;

use crate::cases::{Case, File, files, hear, variant};

/// Captures of more bytes are long.
const LONG: usize = 150;

/// The transport of a case.
fn transport(case: &Case) -> Transport {
    case.transport.parse().unwrap()
}

/// Values and faults of lines.
fn told(file: &File, case: &Case, lines: &[Line]) -> (Reading, Vec<Fault>) {
    let battery = (variant(file).make)(&case.setup(file, transport(case))).unwrap();
    let (reading, _, faults) = hear(battery, lines);
    (reading, faults)
}

/// Fails if `found` has a value that the whole case has not.
fn has_no_other(whole: &Reading, found: &Reading, how: &str) {
    for (name, datum) in found.iter() {
        // Who hears less of the cells counts those that it heard.
        if name != "cell_count" {
            assert_eq!(whole.get(name), Some(&datum.value), "{how}: {name}");
        }
    }
}

/// Whether it has values, none of an earlier poll, which is well and older than what overtakes it, and no frame whose sum is
/// by a rule that nobody knows.
fn is_of_one_poll(case: &Case) -> bool {
    case.has_values() && !case.name.contains("stale") && !case.name.contains("short sum")
}

/// Each place of something that came: the line and the byte.
fn places(lines: &[Line]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let bytes = |(index, line): (usize, &Line)| match line {
        Line::Came(bytes) => (0..bytes.len()).map(move |at| (index, at)).collect::<Vec<_>>(),
        Line::Asked(_) => Vec::new(),
    };
    lines.iter().enumerate().flat_map(bytes)
}

#[test]
fn no_flipped_bit_makes_a_wrong_value() {
    for file in files().into_iter().filter(has_sum) {
        for case in file.cases.iter().filter(|case| is_of_one_poll(case)) {
            let lines = case.lines();
            let (whole, _) = told(&file, case, &lines);
            let (mut refused, mut tried) = (0, 0);
            // Of long captures one bit of each byte, for the time it takes.
            let is_short = places(&lines).count() <= LONG;
            for (line, at) in places(&lines) {
                for bit in (0..8).filter(|bit| is_short || at % 8 == *bit) {
                    let mut broken = lines.clone();
                    let Line::Came(bytes) = &mut broken[line] else { continue };
                    bytes[at] ^= 1 << bit;
                    let how = format!("{} {}: bit {bit} of byte {at} of line {line}", file.variant, case.name);
                    let (found, faults) = told(&file, case, &broken);
                    has_no_other(&whole, &found, &how);
                    tried += 1;
                    refused += usize::from(!faults.is_empty() || found.len() < whole.len());
                }
            }
            // What may differ lies outside of the sums: noise around frames, starts, and what no sum covers.
            let is_dense = !PADDED.contains(&&*file.variant);
            let how = format!("{} {}: {refused} of {tried} were refused", file.variant, case.name);
            assert!(!is_dense || refused * 4 >= tried * 3, "{how}");
        }
    }
}

#[test]
fn what_is_cut_off_tells_less_and_nothing_wrong() {
    for file in files().into_iter().filter(has_sum) {
        for case in file.cases.iter().filter(|case| is_of_one_poll(case)) {
            let lines = case.lines();
            let (whole, _) = told(&file, case, &lines);
            for (line, at) in places(&lines) {
                let mut broken = lines[..=line].to_vec();
                let Line::Came(bytes) = &mut broken[line] else { continue };
                bytes.truncate(at);
                let how = format!("{} {}: cut at byte {at} of line {line}", file.variant, case.name);
                has_no_other(&whole, &told(&file, case, &broken).0, &how);
                // And in the middle of a capture. Where nothing at all is left of a numbered frame, nobody can know.
                if at == 0 && case.name.contains("numbered from 0") {
                    continue;
                }
                let mut middle = lines.clone();
                middle[line] = broken[line].clone();
                has_no_other(&whole, &told(&file, case, &middle).0, &how);
            }
        }
    }
}

#[test]
fn what_comes_twice_tells_the_same() {
    // Without a sum a piece of a text that comes twice may well be a text.
    for file in files().into_iter().filter(|file| !WITHOUT_SUM.contains(&&*file.variant)) {
        for case in file.cases.iter().filter(|case| case.has_values()) {
            let lines = case.lines();
            let (whole, _) = told(&file, case, &lines);
            for index in 0..lines.len() {
                let mut doubled = lines.clone();
                doubled.insert(index, lines[index].clone());
                let how = format!("{} {}: line {index} twice", file.variant, case.name);
                has_no_other(&whole, &told(&file, case, &doubled).0, &how);
            }
        }
    }
}

#[test]
fn no_battery_takes_the_frames_of_another() {
    let files = files();
    for file in &files {
        let is_other = |device: &str| device != file.device && !SAME_FRAMES.contains(&[device, &file.device]);
        for family in FAMILIES.iter().filter(|family| is_other(family.device)) {
            for other in family.variants {
                for case in file.cases.iter().filter(|case| case.has_values()) {
                    let setup = case.setup(file, other.transports[0].0);
                    let Ok(battery) = (other.make)(&setup) else { continue };
                    let told = decode(battery, &case.lines()).map(|told| told.reading).unwrap_or_default();
                    let how = format!("{} takes {} {}", other.name, file.variant, case.name);
                    assert!(told.is_empty(), "{how}: {told:?}");
                }
            }
        }
    }
}

/// Protocols without a sum: there is nothing by which a flipped bit could be noticed.
const WITHOUT_SUM: [&str; 6] =
    ["gatt_306b_vregs", "gatt_6597", "felicity_ble", "lithionics_ble", "ogt_ble", "tianpwr_ble"];

/// Protocols whose frames are filled up with bytes that mean nothing, or stand between as many that are none.
const PADDED: [&str; 2] = ["dpwrcore_ble", "roypow_ble"];

/// Makers that use the frames of another one, so that a decoder of either takes both.
const SAME_FRAMES: [[&str; 2]; 2] = [["daren", "jbd"], ["jbd", "daren"]];

/// Whether its frames have a sum; advertisements and CAN frames have none of their own, their carriers do.
fn has_sum(file: &File) -> bool {
    let has_own = |transport: &Transport| !matches!(transport, Transport::Advert | Transport::Can);
    variant(file).transports.iter().all(|(transport, _)| has_own(transport)) && !WITHOUT_SUM.contains(&&*file.variant)
}
