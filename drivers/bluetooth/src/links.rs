//! Devices that are read over a link: one visit, or a link that is kept.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, RandomState};
use std::rc::Rc;
use std::time::Duration;

use fieldrail_driver::{Backoff, Failure};
use fieldrail_link_ble::{Address, Bluetooth, Link, Turn, Turnstile, Uuid};
use fieldrail_model::Value;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::Error;
use crate::profile::{Profile, Rule, Source, hex};
use crate::session::Report;
use crate::setup::Named;

/// How long a device may take to be heard, and to connect.
pub(crate) const HEAR: Duration = Duration::from_secs(20);
pub(crate) const CONNECT: Duration = Duration::from_secs(25);

/// So long a turn lasts at least while others wait.
const TURN: Duration = Duration::from_secs(10);

/// The first wait after a failure.
const FIRST: Duration = Duration::from_secs(5);

/// Where devices are reached.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) bluetooth: Bluetooth,
    pub(crate) adapter: String,
    pub(crate) turnstile: Turnstile,
}

/// A link with the turn that it takes. In this order: the link is let go before the turn ends.
pub(crate) struct Visit {
    pub(crate) link: Link,
    turn: Turn,
}

impl Place {
    /// Waits for a turn, and connects.
    pub(crate) async fn visit(&self, address: Address) -> Result<Visit, Error> {
        let turn = self.turnstile.turn(|_| {}).await;
        self.bluetooth.find(&self.adapter, address, HEAR).await?;
        let link = self.bluetooth.connect(&self.adapter, address, CONNECT).await?;
        Ok(Visit { link, turn })
    }
}

/// What a device has, as a list of services.
pub(crate) fn services(link: &Link) -> serde_json::Value {
    let mut services: Vec<(Option<Uuid>, Vec<serde_json::Value>)> = Vec::new();
    for characteristic in link.characteristics() {
        let shown = json!({ "uuid": characteristic.uuid.to_string(), "can": characteristic.flags });
        match services.iter_mut().find(|(service, _)| *service == characteristic.service) {
            Some((_, known)) => known.push(shown),
            None => services.push((characteristic.service, vec![shown])),
        }
    }
    let shown = services.into_iter().map(|(service, characteristics)| {
        json!({ "uuid": service.map(|service| service.to_string()), "characteristics": characteristics })
    });
    shown.collect()
}

/// Reads each characteristic of a profile once. Those that the device does not have are left out.
pub(crate) async fn read<'a>(link: &Link, profile: &'a Profile) -> Result<Vec<(&'a Rule, Value)>, Error> {
    let mut read: HashMap<(Option<Uuid>, Uuid), Vec<u8>> = HashMap::new();
    let mut values = Vec::new();
    for rule in &profile.values {
        let Ok(Source::Characteristic(service, uuid)) = rule.source() else { continue };
        if let Entry::Vacant(place) = read.entry((service, uuid)) {
            match link.read(service, uuid).await {
                Ok(bytes) => drop(place.insert(bytes)),
                Err(fieldrail_link_ble::Error::Lost(address)) => {
                    return Err(fieldrail_link_ble::Error::Lost(address).into());
                }
                Err(error) => tracing::debug!(%error, rule = rule.name, "It cannot be read."),
            }
        }
        if let Some(bytes) = read.get(&(service, uuid)) {
            // What is too short for its rule has no value.
            values.push((rule, rule.decode(bytes).unwrap_or(Value::Null)));
        }
    }
    Ok(values)
}

/// Reads a device again and again for ever; what it tells goes to `reports`.
pub(crate) async fn follow(
    address: Address,
    named: Named,
    profile: Rc<Profile>,
    mut places: watch::Receiver<Option<Place>>,
    reports: mpsc::Sender<Report>,
) {
    let mut waits = Backoff::new(FIRST, named.poll.max(FIRST));
    loop {
        let Ok(place) = places.wait_for(Option::is_some).await.map(|place| place.clone()) else { return };
        let Some(place) = place else { continue };
        let begun = Instant::now();
        let ended = call_on(&place, address, &named, &profile, &reports).await;
        let wait = match ended {
            Ok(()) => {
                waits.reset();
                named.poll.saturating_sub(begun.elapsed()).max(Duration::from_secs(1))
            }
            Err(error) => {
                let _ = reports.send(Report::LinkFailed(address, Failure::from(error))).await;
                waits.next(random())
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            // Bluetooth came or went.
            _ = places.changed() => {}
        }
    }
}

/// One visit; a kept link stays until it breaks or others wait for the adapter.
async fn call_on(
    place: &Place,
    address: Address,
    named: &Named,
    profile: &Rc<Profile>,
    reports: &mpsc::Sender<Report>,
) -> Result<(), Error> {
    let mut visit = place.visit(address).await?;
    let until = Instant::now() + TURN;
    let mut told = JoinSet::new();
    let (sender, mut notified) = mpsc::channel(64);
    if named.keep {
        listen(&visit.link, profile, &sender, &mut told).await?;
    }
    loop {
        let values = read(&visit.link, profile).await?;
        let values = values.into_iter().map(|(rule, value)| (rule.clone(), value)).collect();
        let _ = reports.send(Report::Values(address, values)).await;
        if !named.keep {
            return Ok(());
        }
        let again = Instant::now() + named.poll;
        loop {
            let handed_over = async {
                visit.turn.wanted().await;
                sleep_until(until).await;
            };
            tokio::select! {
                () = handed_over => return Ok(()),
                error = visit.link.broken() => return Err(error.into()),
                Some(values) = notified.recv() => {
                    let _ = reports.send(Report::Values(address, values)).await;
                }
                () = sleep_until(again) => break,
            }
        }
    }
}

/// Has the device tell what the profile says that it tells.
async fn listen(
    link: &Link,
    profile: &Rc<Profile>,
    sender: &mpsc::Sender<Vec<(Rule, Value)>>,
    told: &mut JoinSet<()>,
) -> Result<(), Error> {
    let mut listened: Vec<(Option<Uuid>, Uuid)> = Vec::new();
    for rule in profile.values.iter().filter(|rule| rule.notify) {
        let Ok(Source::Characteristic(service, uuid)) = rule.source() else { continue };
        if listened.contains(&(service, uuid)) {
            continue;
        }
        listened.push((service, uuid));
        let mut values = match link.notifications(service, uuid).await {
            Ok(values) => values,
            Err(error @ fieldrail_link_ble::Error::Lost(_)) => return Err(error.into()),
            Err(error) => {
                tracing::debug!(%error, rule = rule.name, "It tells nothing by itself.");
                continue;
            }
        };
        let (profile, sender) = (Rc::clone(profile), sender.clone());
        told.spawn_local(async move {
            while let Ok(bytes) = values.next().await {
                let is_it = |rule: &&Rule| rule.source() == Ok(Source::Characteristic(service, uuid));
                let found = profile.values.iter().filter(is_it);
                let found = found.filter_map(|rule| Some((rule.clone(), rule.decode(&bytes)?))).collect();
                if sender.send(found).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(())
}

/// What `test` says: how long it took, what was read.
pub(crate) async fn test(place: &Place, address: Address, profile: &Profile) -> Result<serde_json::Value, Error> {
    let begun = Instant::now();
    let visit = place.visit(address).await?;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let values = read(&visit.link, profile).await?;
    let shown = values.into_iter().map(|(rule, value)| {
        (rule.name.clone(), json!({ "value": value, "unit": rule.unit, "comment": rule.comment }))
    });
    let rssi = visit.link.device().and_then(|device| device.rssi);
    Ok(json!({
        "connected": true, "took_ms": took_ms, "rssi": rssi,
        "values": shown.collect::<serde_json::Map<_, _>>(), "services": services(&visit.link)
    }))
}

/// What `connect` says: all that the device has, and what can be read of it as hexadecimal digits.
pub(crate) async fn look(place: &Place, address: Address) -> Result<serde_json::Value, Error> {
    /// Characteristics that are read at most.
    const MOST_READ: usize = 40;
    let begun = Instant::now();
    let visit = place.visit(address).await?;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut read = serde_json::Map::new();
    let readable = visit.link.characteristics().into_iter().filter(|one| one.can("read")).take(MOST_READ);
    for characteristic in readable {
        match visit.link.read(characteristic.service, characteristic.uuid).await {
            Ok(bytes) => drop(read.insert(characteristic.uuid.to_string(), hex(&bytes).into())),
            Err(error @ fieldrail_link_ble::Error::Lost(_)) => return Err(error.into()),
            Err(error) => tracing::debug!(%error, "It cannot be read."),
        }
    }
    Ok(json!({ "connected": true, "took_ms": took_ms, "services": services(&visit.link), "read": read }))
}

/// A number that differs between instances and tries; a hash key is random enough for that.
pub(crate) fn random() -> u32 {
    u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0)
}
