//! Batteries behind a Bluetooth that plays: every golden case that came over a link or an advertisement.

use std::sync::{Arc, Mutex};

use fieldrail_link_ble::Address;
use fieldrail_link_ble::bluez::played::{HCI0, Manner, Played};
use fieldrail_link_ble::known::{self, Class};

use super::*;
use crate::battery::{self, FAMILIES, Need, Reading, Variant};
use crate::decode::{Line, parse};
use crate::exchange::{ask, listen};

const ADDRESS: Address = Address([0xa5, 0xc2, 0x37, 0, 0, 1]);
const PATIENCE: Duration = Duration::from_secs(5);

fn place() -> Bluetooth {
    // A bus of its own: these tests do not wait for each other's turns.
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let bus = format!("played {}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    Bluetooth { address: ADDRESS, adapter: None, bus: Some(bus), links: 1, who: "bt.test".into() }
}

fn device() -> Device {
    Device { rssi: Some(-60), name: Some("x".into()), ..Device::new(HCI0, ADDRESS) }
}

fn choice(device: &str, variant: &str) -> Choice {
    let family = battery::family(device).unwrap();
    Choice { family, variant: family.variants.iter().find(|known| known.is_called(variant)).unwrap() }
}

/// A capture as a device that answers: what came after a question comes when it is asked the next time.
fn answering(facts: &Ble, lines: Vec<Line>) -> Manner {
    let state = Mutex::new((lines, 0_usize));
    let answers = move |question: &[u8]| {
        let mut state = state.lock().unwrap();
        let (lines, at) = &mut *state;
        let is_it = |index: &usize| matches!(&lines[*index], Line::Asked(asked) if asked == question);
        let Some(found) = (*at..lines.len()).chain(0..*at).find(is_it) else { return Vec::new() };
        *at = found + 1;
        let came = |line: &Line| if let Line::Came(bytes) = line { Some(bytes.clone()) } else { None };
        lines[found + 1..].iter().map_while(came).collect()
    };
    let Facts { service, notify, write } = Facts::of(facts).unwrap();
    Manner::new(service.unwrap(), notify, write, Arc::new(answers))
}

async fn open(manner: Manner, choice: Choice, place: &Bluetooth) -> (Played, Box<dyn Wire>) {
    let (played, air) = Played::start().await.unwrap();
    played.advertise(device(), manner).await;
    (played, over(air, place, choice).await.unwrap())
}

/// One golden file.
fn golden() -> Vec<serde_json::Value> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()).collect()
}

/// Whether two values are the same; 42 is 42.0.
fn same(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    one == other || one.as_f64().is_some() && one.as_f64() == other.as_f64()
}

/// All that was asked; where nothing came before the next question, no answer is waited for.
fn asked(lines: &[Line]) -> Vec<Question> {
    let question = |(at, line): (usize, &Line)| match line {
        Line::Asked(bytes) => {
            let is_answered = matches!(lines.get(at + 1), Some(Line::Came(_)));
            Some(Question { is_answered, ..Question::new("golden", bytes.clone()) })
        }
        Line::Came(_) => None,
    };
    lines.iter().enumerate().filter_map(question).collect()
}

#[tokio::test]
async fn every_golden_case_that_came_over_a_link_comes_over_this_one() {
    let mut played_cases = 0;
    for file in golden() {
        let (device, variant) = (file["device"].as_str().unwrap(), file["variant"].as_str().unwrap());
        let choice = choice(device, variant);
        let Some(facts) = choice.variant.ble.filter(|facts| !facts.notify.is_empty()) else { continue };
        for case in file["cases"].as_array().unwrap().iter().filter(|case| case["transport"] == "ble") {
            let (Some(values), Some(lines)) = (case["values"].as_object(), case["lines"].as_array()) else { continue };
            let text: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
            let lines = parse(&text.join("\n")).unwrap();
            let questions = asked(&lines);
            // Of a write it is only told that it was taken.
            if questions.is_empty() || values.contains_key("kind") {
                continue;
            }
            let place = place();
            let (_played, mut wire) = open(answering(facts, lines), choice, &place).await;
            let setup =
                battery::Setup { transport: Transport::Ble, variant: variant.into(), ..battery::Setup::default() };
            let mut battery = (choice.variant.make)(&setup).unwrap();
            let mut reading = Reading::default();
            for question in questions {
                let mut heard = ask(&mut *wire, &mut *battery, &question, Duration::from_millis(150)).await.unwrap();
                // What came behind the answer belongs to the case.
                while heard.is_heard {
                    reading.merge(heard.reading);
                    heard = listen(&mut *wire, &mut *battery, Duration::from_millis(40)).await.unwrap();
                }
            }
            reading.complete();
            let found = reading.to_json();
            for (name, want) in values {
                assert!(
                    found.get(name).is_some_and(|found| same(found, want)),
                    "{device} {variant} {}: {name} in {found:?}",
                    case["name"]
                );
            }
            played_cases += 1;
        }
    }
    assert!(played_cases >= 40, "only {played_cases} cases were played");
}

#[tokio::test]
async fn what_is_advertised_comes_as_it_is_heard() {
    let choice = choice("victron", "instant_readout");
    let (played, air) = Played::start().await.unwrap();
    let (place, silent) = (place(), Arc::new(|_: &[u8]| Vec::new()));
    let mut wire = over(air, &place, choice).await.unwrap();
    assert!(wire.only_listens() && played.is_searched());
    let manner = Manner::new(Uuid::short(1), Uuid::short(2), Uuid::short(3), silent);
    for byte in [1_u8, 2, 2] {
        let mut device = device();
        device.manufacturer.insert(0x02e1, vec![0x10, byte]);
        played.advertise(device, manner.clone()).await;
        let said = tokio::time::timeout(PATIENCE, wire.read()).await.unwrap().unwrap();
        assert_eq!(said, [0x10, byte]);
        assert_eq!(wire.loudness().map(|heard| (heard.dbm, heard.age < PATIENCE)), Some((-60, true)));
    }
}

/// A capture of a JBD battery as a device.
fn jbd() -> Manner {
    let text = "> dda50300fffd77\n< dd03001d055a00006d5e6d6000002c7c00000000\n< 000080640304030b6e0b6e0b6afaef77\n";
    answering(choice("jbd", "dd").variant.ble.unwrap(), parse(text).unwrap())
}

#[tokio::test]
async fn a_broken_link_is_an_error_and_no_silence() {
    let (played, mut wire) = open(jbd(), choice("jbd", "dd"), &place()).await;
    played.lose(ADDRESS).await;
    let error = tokio::time::timeout(PATIENCE, wire.read()).await.unwrap().unwrap_err();
    assert!(!is_handed_over(&error), "{error}");
    assert_eq!(error.to_string(), "the link to A5:C2:37:00:00:01 broke");
    let question = Question::new("x", [1]);
    assert!(wire.write(&question).await.is_err());
}

#[tokio::test]
async fn a_link_is_handed_over_to_who_waits_and_comes_back() {
    let place = place();
    let (played, air) = Played::start().await.unwrap();
    played.advertise(device(), jbd()).await;
    let mut wire = over(air.clone(), &place, choice("jbd", "dd")).await.unwrap();
    let turnstile = Turnstile::new(place.bus.as_deref(), HCI0, "bt.other", 1);
    let other = tokio::spawn(async move { turnstile.turn(|_| {}).await });
    let mut decoder = (choice("jbd", "dd").variant.make)(&battery::Setup::default()).unwrap();
    // It speaks on until its time is up.
    let poll = decoder.poll(Need { cells: false, identity: false });
    let heard = ask(&mut *wire, &mut *decoder, &poll[0], PATIENCE).await.unwrap();
    assert!(heard.is_answered);
    assert_eq!(wire.loudness().map(|heard| heard.dbm), Some(-60), "as it was heard before the link");
    let error = listen(&mut *wire, &mut *decoder, 10 * TURN).await.unwrap_err();
    assert!(is_handed_over(&error), "{error}");
    drop(wire);
    drop(tokio::time::timeout(PATIENCE, other).await.unwrap().unwrap());
    let mut wire = tokio::time::timeout(PATIENCE, over(air, &place, choice("jbd", "dd"))).await.unwrap().unwrap();
    assert!(ask(&mut *wire, &mut *decoder, &poll[0], PATIENCE).await.unwrap().is_answered);
}

#[test]
fn a_device_narrows_the_choices_and_one_that_says_nothing_wants_a_name() {
    let all: Vec<Choice> =
        FAMILIES.iter().flat_map(|family| family.variants.iter().map(|variant| Choice { family, variant })).collect();
    let names = |choices: Vec<Choice>| choices.iter().map(ToString::to_string).collect::<Vec<_>>();
    let named = |name: &str, services: &[u16]| Device {
        name: Some(name.into()),
        services: services.iter().map(|service| Uuid::short(*service)).collect(),
        ..Device::new(HCI0, Address([1; 6]))
    };
    assert_eq!(names(likely(&named("ANT-BLE24AB", &[0xffe0]), &all).unwrap())[0], "ant (new_7ea1)");
    assert_eq!(names(likely(&named("xiaoxiang", &[0xff00]), &all).unwrap()), ["jbd (dd)"]);
    let error = likely(&named("Fridge", &[]), &all).unwrap_err();
    assert_eq!(error.to_string(), "01:01:01:01:01:01 does not say which battery it is (`Fridge`)");
    let jk: Vec<Choice> = all.iter().filter(|choice| choice.family.device == "jk").copied().collect();
    assert!(!likely(&named("Fridge", &[]), &jk).unwrap().is_empty(), "it was named by a person");
}

/// What the scanner takes for a battery is one that this driver reads.
#[test]
fn what_is_recognised_can_be_read() {
    let variant = |kind: &str, name: Option<&str>| {
        let family = battery::family(kind)?;
        family
            .variants
            .iter()
            .find(|variant: &&Variant| variant.ble.is_some() && name.is_none_or(|name| variant.is_called(name)))
    };
    let batteries = known::kinds().into_iter().filter(|known| known.class != Class::Sensor);
    let unread: Vec<String> = batteries
        .filter(|known| variant(known.kind, known.variant).is_none())
        .map(|known| format!("{} {:?}", known.kind, known.variant))
        .collect();
    assert_eq!(unread, [] as [String; 0]);
}
