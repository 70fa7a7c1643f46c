//! A battery behind Bluetooth: over a link with a characteristic each way, or by what it advertises.
//!
//! A link takes a turn at the adapter. Where others wait for one it is handed over after [`TURN`], and the battery is called
//! again when its turn comes: that is no fault, and nothing of what it said is doubted meanwhile.

use std::io;
use std::time::Duration;

use fieldrail_link_ble::known::recognise;
use fieldrail_link_ble::{Bluetooth as Air, Device, Link, Notifications, Turn, Turnstile, Uuid};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::{Bluetooth, Loudness, Promise, Wire};
use crate::battery::{Ble, Question, Transport};
use crate::error::Error;
use crate::setup::Choice;

/// How long a battery may take to be heard, and to connect.
const HEAR: Duration = Duration::from_secs(20);
const CONNECT: Duration = Duration::from_secs(25);

/// So long a turn lasts at least while others wait.
const TURN: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });

/// What an error says when a link was handed over.
const HANDED_OVER: io::ErrorKind = io::ErrorKind::Interrupted;

/// Whether a way has ended only since others wanted the adapter.
pub(crate) fn is_handed_over(error: &io::Error) -> bool {
    error.kind() == HANDED_OVER
}

/// Opens a way for a battery of this kind.
pub(super) async fn open(place: &Bluetooth, choice: Choice) -> Result<Box<dyn Wire>, Error> {
    over(Air::open(place.bus.as_deref()).await?, place, choice).await
}

/// The same over Bluetooth that is open.
async fn over(air: Air, place: &Bluetooth, choice: Choice) -> Result<Box<dyn Wire>, Error> {
    let adapter = air.adapter(place.adapter.as_deref())?.id;
    let Some(facts) = choice.variant.ble else {
        return Err(Error::Config {
            key: "variant".into(),
            reason: format!("it is not known how {choice} is reached over Bluetooth"),
            hint: Some("see the table in the manual"),
        });
    };
    let is_advertised = choice.variant.transports.iter().any(|(transport, _)| *transport == Transport::Advert);
    if let (true, Some(company)) = (is_advertised, facts.companies.first()) {
        air.search(&adapter).await?;
        let changes = air.changes();
        return Ok(Box::new(Advertised { place: place.clone(), adapter, air, company: *company, changes, times: 0 }));
    }
    let turnstile = Turnstile::new(place.bus.as_deref(), &adapter, &place.who, place.links);
    let waits = |holder: &str| {
        if !holder.is_empty() {
            tracing::info!(holder, "Waits for a turn at the Bluetooth adapter.");
        }
    };
    let turn = turnstile.turn(waits).await;
    air.find(&adapter, place.address, HEAR).await?;
    let link = air.connect(&adapter, place.address, CONNECT).await?;
    let Facts { service, notify, write } = Facts::of(facts)?;
    let values = link.notifications(service, notify).await?;
    Ok(Box::new(Linked { values, service, write, link, turn, until: Instant::now() + TURN }))
}

/// What a family names, as numbers.
struct Facts {
    service: Option<Uuid>,
    notify: Uuid,
    write: Uuid,
}

impl Facts {
    fn of(facts: &Ble) -> Result<Self, Error> {
        let uuid = |text: &str| {
            text.parse::<Uuid>().map_err(|error| Error::Config {
                key: "variant".into(),
                reason: error.to_string(),
                hint: None,
            })
        };
        let service = Some(facts.service).filter(|service| !service.is_empty()).map(uuid).transpose()?;
        Ok(Self { service, notify: uuid(facts.notify)?, write: uuid(facts.write)? })
    }
}

/// Those of the choices that a device can be by what it says of itself, the likeliest first.
pub(crate) async fn narrow(place: &Bluetooth, choices: &[Choice]) -> Result<Vec<Choice>, Error> {
    let air = Air::open(place.bus.as_deref()).await?;
    let adapter = air.adapter(place.adapter.as_deref())?.id;
    let device = air.find(&adapter, place.address, HEAR).await?;
    let unrecognised = match likely(&device, choices) {
        Ok(own) => return Ok(own),
        Err(unrecognised) => unrecognised,
    };
    // What is known from before may be no more than a name. Where it says nothing anew, that is all there is.
    match air.hear(&adapter, place.address, HEAR).await {
        Ok(device) => likely(&device, choices),
        Err(_) => Err(unrecognised),
    }
}

fn likely(device: &Device, choices: &[Choice]) -> Result<Vec<Choice>, Error> {
    let mut own: Vec<Choice> = choices.iter().filter(|choice| choice.variant.ble.is_some()).copied().collect();
    let known = recognise(device);
    if let Some(known) = known {
        let is_it = |choice: &Choice| choice.family.device == known.kind;
        if own.iter().any(is_it) {
            own.retain(is_it);
        }
        let is_variant = |choice: &Choice| known.variant.is_some_and(|name| choice.variant.is_called(name));
        own.sort_by_key(|choice| !is_variant(choice));
    }
    let is_one_family = own.iter().all(|choice| choice.family.device == own[0].family.device);
    if own.is_empty() || !is_one_family {
        let name = device.name.as_deref().map(|name| format!(" (`{name}`)")).unwrap_or_default();
        return Err(Error::Unrecognised { place: device.address.to_string(), name });
    }
    Ok(own)
}

/// A battery that is connected. The fields are let go in their order: the link before the turn.
struct Linked {
    values: Notifications,
    service: Option<Uuid>,
    write: Uuid,
    link: Link,
    turn: Turn,
    until: Instant,
}

impl Wire for Linked {
    fn read(&mut self) -> Promise<'_, Vec<u8>> {
        Box::pin(async {
            let Self { values, turn, until, .. } = self;
            let handed_over = async {
                turn.wanted().await;
                sleep_until(*until).await;
            };
            tokio::select! {
                biased;
                value = values.next() => value.map_err(lost),
                () = handed_over => Err(io::Error::new(HANDED_OVER, "others wait for the adapter")),
            }
        })
    }

    fn write<'a>(&'a mut self, question: &'a Question) -> Promise<'a, ()> {
        Box::pin(async {
            let own = question.characteristic.and_then(|text| text.parse::<Uuid>().ok());
            let written = match own {
                // It may lie in another service.
                Some(uuid) => self.link.write(None, uuid, &question.bytes).await,
                None => self.link.write(self.service, self.write, &question.bytes).await,
            };
            written.map_err(lost)
        })
    }

    fn loudness(&self) -> Option<Loudness> {
        loudness(&self.link.device()?)
    }
}

/// How loud a device was heard, and when.
fn loudness(device: &Device) -> Option<Loudness> {
    Some(Loudness { dbm: device.rssi?, age: device.heard?.elapsed() })
}

fn lost(error: fieldrail_link_ble::Error) -> io::Error {
    io::Error::other(error)
}

/// A device that tells all in advertisements.
struct Advertised {
    place: Bluetooth,
    adapter: String,
    air: Air,
    company: u16,
    changes: watch::Receiver<u64>,
    /// How often it was heard when it was looked at last.
    times: u64,
}

impl Advertised {
    /// What it says under its company's number, if that is new.
    fn news(&mut self) -> Option<Vec<u8>> {
        let device = self.air.device(&self.adapter, self.place.address)?;
        if std::mem::replace(&mut self.times, device.times) == device.times {
            return None;
        }
        device.manufacturer.get(&self.company).cloned()
    }
}

impl Wire for Advertised {
    fn read(&mut self) -> Promise<'_, Vec<u8>> {
        Box::pin(async {
            loop {
                if let Some(said) = self.news() {
                    return Ok(said);
                }
                self.air.adapter(self.place.adapter.as_deref()).map_err(lost)?;
                if self.changes.changed().await.is_err() {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
            }
        })
    }

    fn write<'a>(&'a mut self, _: &'a Question) -> Promise<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn only_listens(&self) -> bool {
        true
    }

    fn loudness(&self) -> Option<Loudness> {
        loudness(&self.air.device(&self.adapter, self.place.address)?)
    }
}

#[cfg(test)]
#[path = "ble/tests.rs"]
mod tests;
