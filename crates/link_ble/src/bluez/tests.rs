//! What this crate makes of `BlueZ`, played in this process.

use std::sync::Arc;
use std::time::Duration;

use crate::bluez::played::{HCI0, Manner, Pairing, Played};
use crate::{Address, Answer, Bluetooth, Device, Error, Question, Uuid};
use tokio::sync::mpsc;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);
const BATTERY: Address = Address([0xa5, 0xc2, 0x37, 0, 0, 1]);
const SERVICE: Uuid = Uuid::short(0xff00);
const NOTIFY: Uuid = Uuid::short(0xff01);
const WRITE: Uuid = Uuid::short(0xff02);

fn battery(rssi: i16) -> Device {
    Device {
        name: Some("xiaoxiang BMS".into()),
        rssi: Some(rssi),
        services: vec![SERVICE],
        ..Device::new(HCI0, BATTERY)
    }
}

/// Sends back what it got, in two pieces.
fn echo() -> Manner {
    Manner::new(
        SERVICE,
        NOTIFY,
        WRITE,
        Arc::new(|bytes| bytes.chunks(bytes.len().div_ceil(2).max(1)).map(<[u8]>::to_vec).collect()),
    )
}

async fn stage() -> (Played, Bluetooth) {
    let (played, bluetooth) = Played::start().await.unwrap();
    played.advertise(battery(-60), echo()).await;
    until(&bluetooth, |device| device.rssi == Some(-60)).await;
    (played, bluetooth)
}

/// Waits until the battery is so.
async fn until(bluetooth: &Bluetooth, is_so: impl Fn(&Device) -> bool) -> Device {
    let mut changes = bluetooth.changes();
    let wait = async {
        loop {
            if let Some(device) = bluetooth.device(HCI0, BATTERY).filter(&is_so) {
                return device;
            }
            changes.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, wait).await.unwrap()
}

#[tokio::test]
async fn a_search_tells_names_loudness_and_how_often_a_device_was_heard() {
    let (played, bluetooth) = stage().await;
    assert_eq!(bluetooth.adapter(None).unwrap().id, HCI0);
    bluetooth.search(HCI0).await.unwrap();
    assert!(played.is_searched());
    bluetooth.search(HCI0).await.unwrap();
    let before = bluetooth.device(HCI0, BATTERY).unwrap();
    played.advertise(battery(-71), echo()).await;
    let device = until(&bluetooth, |device| device.rssi == Some(-71)).await;
    assert_eq!((device.name.as_deref(), device.services), (Some("xiaoxiang BMS"), vec![SERVICE]));
    assert!(device.times > before.times && device.heard >= before.heard);
    bluetooth.rest(HCI0).await.unwrap();
    assert!(!played.is_searched());
    assert_eq!(bluetooth.device(HCI0, BATTERY).unwrap().rssi, Some(-71), "the last loudness stays");
}

#[tokio::test]
async fn a_device_that_is_known_is_heard_when_it_says_something_anew() {
    let (played, bluetooth) = stage().await;
    let none = bluetooth.hear(HCI0, BATTERY, Duration::from_millis(50)).await;
    assert!(matches!(none, Err(Error::NotHeard { .. })), "{none:?}");
    let hears = tokio::spawn({
        let bluetooth = bluetooth.clone();
        async move { bluetooth.hear(HCI0, BATTERY, PATIENCE).await }
    });
    while !played.is_searched() {
        tokio::task::yield_now().await;
    }
    played.advertise(battery(-71), echo()).await;
    assert_eq!(timeout(PATIENCE, hears).await.unwrap().unwrap().unwrap().rssi, Some(-71));
    assert!(!played.is_searched(), "it rests again");
}

#[tokio::test]
async fn a_device_that_is_not_known_is_searched_for_and_a_silent_one_is_named() {
    let (played, bluetooth) = Played::start().await.unwrap();
    let waited = bluetooth.find(HCI0, BATTERY, Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(waited, Error::NotHeard { address: BATTERY, .. }), "{waited}");
    let found = tokio::spawn(async move { bluetooth.find(HCI0, BATTERY, PATIENCE).await.unwrap().rssi });
    while !played.is_searched() {
        tokio::task::yield_now().await;
    }
    played.advertise(battery(-50), echo()).await;
    timeout(PATIENCE, found).await.unwrap().unwrap();
    assert!(!played.is_searched());
}

#[tokio::test]
async fn what_is_written_is_answered_in_pieces_and_in_order() {
    let (played, bluetooth) = stage().await;
    let link = bluetooth.connect(HCI0, BATTERY, PATIENCE).await.unwrap();
    let mut values = link.notifications(Some(SERVICE), NOTIFY).await.unwrap();
    for round in 0..20_u8 {
        link.write(Some(SERVICE), WRITE, &[round, 1, 2, 3]).await.unwrap();
        assert_eq!(values.next().await.unwrap(), [round, 1]);
        assert_eq!(values.next().await.unwrap(), [2, 3]);
    }
    assert_eq!(played.written().len(), 20);
    let error = link.write(Some(SERVICE), NOTIFY, &[1]).await.unwrap_err();
    assert_eq!(error.to_string(), "A5:C2:37:00:00:01 has no characteristic ff01 that can be written");
}

#[tokio::test]
async fn what_can_be_read_is_read() {
    let (played, bluetooth) = stage().await;
    let model = Uuid::short(0x2a24);
    played.behave(BATTERY, |manner| drop(manner.values.insert(model, b"SP04".to_vec())));
    let link = bluetooth.connect(HCI0, BATTERY, PATIENCE).await.unwrap();
    assert_eq!(link.read(Some(SERVICE), model).await.unwrap(), b"SP04");
    assert!(link.read(Some(SERVICE), NOTIFY).await.is_err());
    assert_eq!(link.characteristics().len(), 3);
}

#[tokio::test]
async fn a_lost_link_is_told_to_all_who_wait_and_comes_back() {
    let (played, bluetooth) = stage().await;
    let link = bluetooth.connect(HCI0, BATTERY, PATIENCE).await.unwrap();
    let mut values = link.notifications(None, NOTIFY).await.unwrap();
    let lose = async {
        tokio::task::yield_now().await;
        played.lose(BATTERY).await;
    };
    let (next, broken, ()) = tokio::join!(values.next(), link.broken(), lose);
    assert_eq!((next.unwrap_err(), broken), (Error::Lost(BATTERY), Error::Lost(BATTERY)));
    assert_eq!(link.write(None, WRITE, &[1]).await.unwrap_err(), Error::Lost(BATTERY));
    drop(link);
    let link = bluetooth.connect(HCI0, BATTERY, PATIENCE).await.unwrap();
    let mut values = link.notifications(None, NOTIFY).await.unwrap();
    link.write(None, WRITE, &[7]).await.unwrap();
    assert_eq!(values.next().await.unwrap(), [7]);
    assert_eq!(played.connects(), [BATTERY, BATTERY]);
}

#[tokio::test]
async fn a_dropped_link_is_let_go_and_does_not_cut_the_next_one() {
    let (_played, bluetooth) = stage().await;
    for _ in 0..10 {
        drop(bluetooth.connect(HCI0, BATTERY, PATIENCE).await.unwrap());
    }
    let link = bluetooth.connect(HCI0, BATTERY, PATIENCE).await.unwrap();
    link.write(None, WRITE, &[1]).await.unwrap();
    drop(link);
    until(&bluetooth, |device| !device.connected).await;
}

#[tokio::test]
async fn a_refused_link_says_what_bluetooth_says() {
    let (played, bluetooth) = stage().await;
    played.behave(BATTERY, |manner| manner.refuses = Some("le-connection-abort-by-local".into()));
    let Err(error) = bluetooth.connect(HCI0, BATTERY, PATIENCE).await else { panic!("it connects") };
    assert_eq!(error.to_string(), "A5:C2:37:00:00:01 does not connect: le-connection-abort-by-local");
    assert!(error.hint().is_some());
}

/// Pairs, and answers the one question with this.
async fn pair(pairing: Pairing, answer: Answer) -> (Result<(), Error>, Option<Question>, bool) {
    let (played, bluetooth) = stage().await;
    played.behave(BATTERY, |manner| manner.pairing = pairing);
    let (sender, mut questions) = mpsc::channel(4);
    let answering = async {
        let question = questions.recv().await?;
        Some(match question {
            Question::Code { digits, answer: reply } => {
                reply.send(answer).unwrap();
                Question::Code { digits, answer: tokio::sync::oneshot::channel().0 }
            }
            Question::Confirm { number, answer: reply } => {
                reply.send(answer).unwrap();
                Question::Confirm { number, answer: tokio::sync::oneshot::channel().0 }
            }
            show @ Question::Show { .. } => show,
        })
    };
    let (paired, asked) = tokio::join!(timeout(PATIENCE, bluetooth.pair(HCI0, BATTERY, sender)), answering);
    (paired.unwrap(), asked, played.device(BATTERY).unwrap().paired)
}

#[tokio::test]
async fn pairing_asks_for_what_the_device_wants() {
    let (paired, asked, is_paired) = pair(Pairing::Open, Answer::No).await;
    assert!(paired.is_ok() && asked.is_none() && is_paired);
    let (paired, asked, is_paired) = pair(Pairing::Code(1234), Answer::Code("001234".into())).await;
    assert!(paired.is_ok() && matches!(asked, Some(Question::Code { digits: true, .. })) && is_paired);
    let (paired, asked, is_paired) = pair(Pairing::Confirm(42), Answer::Yes).await;
    assert!(paired.is_ok() && is_paired);
    assert!(matches!(asked, Some(Question::Confirm { number: Some(number), .. }) if number == "000042"));
}

#[tokio::test]
async fn a_wrong_code_a_no_and_a_device_that_refuses_do_not_pair() {
    for (pairing, answer) in [
        (Pairing::Code(1234), Answer::Code("4321".into())),
        (Pairing::Code(1234), Answer::Code("not a number".into())),
        (Pairing::Confirm(42), Answer::No),
        (Pairing::Never, Answer::Yes),
    ] {
        let (paired, _, is_paired) = pair(pairing.clone(), answer).await;
        let error = paired.unwrap_err();
        assert_eq!(error.to_string(), "A5:C2:37:00:00:01 does not pair: Authentication Failed", "{pairing:?}");
        assert!(!is_paired);
    }
}

#[tokio::test]
async fn trust_and_removal_reach_the_device() {
    let (played, bluetooth) = stage().await;
    bluetooth.trust(HCI0, BATTERY, true).await.unwrap();
    assert!(played.device(BATTERY).unwrap().trusted);
    bluetooth.remove(HCI0, BATTERY).await.unwrap();
    assert!(played.device(BATTERY).is_none());
    let mut changes = bluetooth.changes();
    while bluetooth.device(HCI0, BATTERY).is_some() {
        timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    }
    assert!(bluetooth.remove(HCI0, BATTERY).await.is_err());
}

#[tokio::test]
async fn an_adapter_that_is_off_and_one_that_is_not_there_are_told_apart() {
    let (played, bluetooth) = stage().await;
    assert_eq!(bluetooth.adapter(Some("hci7")).unwrap_err(), Error::NoAdapter { wanted: Some("hci7".into()) });
    played.power(false).await;
    let mut changes = bluetooth.changes();
    while bluetooth.adapter(None).is_ok() {
        timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    }
    assert_eq!(bluetooth.adapter(None).unwrap_err(), Error::Off(HCI0.into()));
    bluetooth.power(HCI0, true).await.unwrap();
}

#[tokio::test]
async fn a_closed_bus_ends_links_and_is_named() {
    let (played, bluetooth) = stage().await;
    let link = bluetooth.connect(HCI0, BATTERY, PATIENCE).await.unwrap();
    let mut values = link.notifications(None, NOTIFY).await.unwrap();
    drop(played);
    assert_eq!(timeout(PATIENCE, values.next()).await.unwrap(), Err(Error::Lost(BATTERY)));
    assert!(matches!(bluetooth.adapter(None).unwrap_err(), Error::NoBus { .. }));
}

#[tokio::test]
async fn without_a_bus_it_is_said_where_it_was_looked_for() {
    let missing = Bluetooth::open(Some("unix:path=/nonexistent/bus")).await.err().unwrap();
    assert!(matches!(&missing, Error::NoBus { bus, .. } if bus.contains("/nonexistent")), "{missing}");
    assert!(missing.hint().unwrap().contains("dbus"));
}
