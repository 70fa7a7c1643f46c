//! Opens a line, and where it is not said finds out which battery is on it: first it listens for those that speak by
//! themselves, then it asks in the manner of each, at the speed of each. It only ever reads.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::battery::{Battery, Need, Transport};
use crate::bus::{Batteries, Way};
use crate::error::Error;
use crate::exchange::ask;
use crate::setup::{Choice, LineSetup, PackSetup};
use crate::transport::{self, Place};

/// How long a TCP connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a battery that speaks by itself is waited for; they do so once a second.
const LISTEN: Duration = Duration::from_millis(1300);

/// How long a battery may take to answer while it is looked for.
const ANSWER: Duration = Duration::from_millis(350);

/// The same over Bluetooth.
const OVER_A_LINK: Duration = Duration::from_millis(1500);

/// The speed where a protocol names none.
const USUAL_BAUD: u32 = 9600;

/// The most bytes that are listened to.
const MAX_HEARD: usize = 64 * 1024;

/// A line that is open, with a decoder for each of its packs.
pub(crate) struct Open {
    pub(crate) wire: Way,
    pub(crate) choice: Choice,
    pub(crate) batteries: Batteries,
}

/// Opens a line. `known` is what was spoken on it before.
///
/// # Errors
/// It does not open, or no battery answers.
pub(crate) async fn open(
    line: &LineSetup,
    packs: &[PackSetup],
    known: Option<Choice>,
    timeout: Duration,
) -> Result<Open, Error> {
    let narrowed;
    let line = match (&line.place, known) {
        (Place::Bluetooth(place), None) if line.choices.len() > 1 => {
            narrowed = LineSetup { choices: transport::narrow(place, &line.choices).await?, ..line.clone() };
            &narrowed
        }
        _ => line,
    };
    let only = if let [only] = line.choices[..] { Some(only) } else { None };
    match known.or(only) {
        Some(choice) => {
            let wire = transport::open(&line.place, choice, baud(line, choice), CONNECT).await?;
            Ok(Open { wire, choice, batteries: batteries(line, packs, choice)? })
        }
        None => look(line, packs, timeout.min(ANSWER)).await,
    }
}

fn baud(line: &LineSetup, choice: Choice) -> u32 {
    line.baud.or_else(|| choice.variant.bauds.first().copied()).unwrap_or(USUAL_BAUD)
}

fn batteries(line: &LineSetup, packs: &[PackSetup], choice: Choice) -> Result<Batteries, Error> {
    line.packs.iter().map(|&pack| Ok((pack, battery(line, &packs[pack], choice)?))).collect()
}

fn battery(line: &LineSetup, pack: &PackSetup, choice: Choice) -> Result<Box<dyn Battery>, Error> {
    let mut setup = pack.battery.clone();
    let is_advertised = choice.variant.transports.iter().all(|(own, _)| *own == Transport::Advert);
    if is_advertised && matches!(line.place, Place::Bluetooth(_)) {
        setup.transport = Transport::Advert;
    }
    if let (Place::File(_), Some((own, _))) = (&line.place, choice.variant.transports.first()) {
        setup.transport = *own;
    }
    (choice.variant.make)(&setup).map_err(|fault| Error::Garbled { who: pack.shown(), fault })
}

/// Tries one after the other.
async fn look(line: &LineSetup, packs: &[PackSetup], patience: Duration) -> Result<Open, Error> {
    let mut asked = Vec::new();
    // Over a link many answer a question as slowly as a phone would see it.
    let patience = if matches!(line.place, Place::Bluetooth(_)) { patience.max(OVER_A_LINK) } else { patience };
    for ((baud, _), choices) in by_way(line) {
        let Some(first) = choices.first() else { continue };
        let mut wire = transport::open(&line.place, *first, baud, CONNECT).await?;
        if let Some(choice) = hear(&mut wire, line, packs, &choices).await? {
            return Ok(Open { batteries: batteries(line, packs, choice)?, wire, choice });
        }
        for choice in choices.iter().copied().filter(|choice| !choice.variant.is_passive) {
            if answers(&mut wire, line, packs, choice, patience).await? {
                return Ok(Open { batteries: batteries(line, packs, choice)?, wire, choice });
            }
        }
        asked.extend(choices.iter().map(Choice::to_string));
    }
    Err(Error::Unknown { place: line.place.to_string(), asked: asked.join(", ") })
}

/// A speed, and over Bluetooth the characteristics.
type Apart = (u32, Option<(&'static str, &'static str)>);

/// The choices by what they need the line to be; those that speak by themselves first.
fn by_way(line: &LineSetup) -> Vec<(Apart, Vec<Choice>)> {
    let mut groups: Vec<(Apart, Vec<Choice>)> = Vec::new();
    for &choice in &line.choices {
        let speed = if line.place.has_speed() { baud(line, choice) } else { 0 };
        let facts = choice.variant.ble.filter(|_| matches!(line.place, Place::Bluetooth(_)));
        let own = (speed, facts.map(|facts| (facts.notify, facts.write)));
        match groups.iter_mut().find(|(speed, _)| *speed == own) {
            Some((_, choices)) => choices.push(choice),
            None => groups.push((own, vec![choice])),
        }
    }
    groups
}

/// Listens for a battery that speaks by itself.
async fn hear(
    wire: &mut Way,
    line: &LineSetup,
    packs: &[PackSetup],
    choices: &[Choice],
) -> Result<Option<Choice>, Error> {
    let is_heard = |choice: &&Choice| choice.variant.is_passive || wire.only_listens();
    let passive: Vec<Choice> = choices.iter().filter(is_heard).copied().collect();
    if passive.is_empty() {
        return Ok(None);
    }
    let until = Instant::now() + LISTEN;
    let mut heard: Vec<Vec<u8>> = Vec::new();
    while let Ok(read) = timeout_at(until, wire.read()).await {
        heard.push(read.map_err(|error| lost(line, &error))?);
        if heard.iter().map(Vec::len).sum::<usize>() > MAX_HEARD {
            break;
        }
    }
    let mut best: Option<(Choice, usize)> = None;
    for choice in passive {
        let Some(pack) = line.packs.first().map(|&pack| &packs[pack]) else { continue };
        let Ok(mut battery) = battery(line, pack, choice) else { continue };
        let mut found: Vec<_> = heard.iter().flat_map(|bytes| battery.feed(bytes)).collect();
        found.extend(battery.quiet());
        let values = found.iter().flatten().map(|found| found.reading.len()).sum();
        if values > best.map_or(0, |(_, most)| most) {
            best = Some((choice, values));
        }
    }
    Ok(best.map(|(choice, _)| choice))
}

/// Whether any battery of the line answers in this manner.
async fn answers(
    wire: &mut Way,
    line: &LineSetup,
    packs: &[PackSetup],
    choice: Choice,
    patience: Duration,
) -> Result<bool, Error> {
    for &pack in &line.packs {
        let Ok(mut battery) = battery(line, &packs[pack], choice) else { continue };
        let first = battery.opening().into_iter().chain(battery.poll(Need { cells: false, identity: false }));
        for question in first.take(3).collect::<Vec<_>>() {
            let heard = ask(&mut **wire, &mut *battery, &question, patience).await;
            let heard = heard.map_err(|error| lost(line, &error))?;
            if !heard.reading.is_empty() {
                return Ok(true);
            }
            if !heard.is_answered {
                break;
            }
        }
    }
    Ok(false)
}

fn lost(line: &LineSetup, error: &std::io::Error) -> Error {
    let why = error.to_string();
    match &line.place {
        Place::Tcp { host, port } => {
            fieldrail_link_serial::Error::Connect { host: host.clone(), port: *port, why }.into()
        }
        Place::Bluetooth(place) => {
            fieldrail_link_ble::Error::NotConnected { address: place.address, reason: why }.into()
        }
        Place::Device(path) | Place::File(path) => Error::Capture { file: path.clone(), why },
    }
}
