//! Reading what is not sent by itself: every interval, many variables in one request.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use fieldrail_driver::{Failure, Reading};
use fieldrail_model::{Quality, Value};
use tokio::time::{Instant, sleep_until};

use crate::catalog::Place;
use crate::device::{Device, End};
use crate::error::Error;
use crate::layout::Layout;
use crate::rounds::Rounds;
use crate::session::{Key, Reply, Session, no_link};
use crate::spans::spans;
use crate::{load, value};

/// How long the poller sleeps while nobody needs anything.
const IDLE: Duration = Duration::from_hours(1);

/// Polls that may fail in a row before their values are in doubt.
const MOST_FAILED: u32 = 3;

/// Polls until the link breaks or the program changes.
pub(crate) async fn poll(session: &RefCell<Session>, device: &Device) -> Error {
    let bells = Rc::clone(&session.borrow().bells);
    let mut rounds = Rounds::default();
    let mut failed = 0;
    loop {
        let woken = bells.poll.notified();
        if device.by_name.get()
            && let Err(error) = ask_names(session, device).await
        {
            return error;
        }
        let now = Instant::now();
        rounds.follow(&session.borrow(), now);
        let soon = session.borrow_mut().take_soon();
        let next = rounds.next_due();
        if soon.is_empty() && next.is_none_or(|next| next > now) {
            tokio::select! {
                () = woken => {}
                () = sleep_until(next.unwrap_or(now + IDLE)) => {}
            }
            continue;
        }
        // While the daemon is behind, the device is not asked.
        let outbox = session.borrow().outbox.clone();
        outbox.room().await;
        let end = match read_soon(session, device, &soon).await {
            Ok(()) => rounds.poll(session, device, now).await,
            Err(error) => Err(error),
        };
        match end {
            Ok(()) => failed = 0,
            // One missed answer is no broken link; the watcher counts them.
            Err(error @ (Error::Silent { .. } | Error::Refused(_))) => {
                failed += 1;
                if failed >= MOST_FAILED {
                    let mut session = session.borrow_mut();
                    for (key, _) in &soon {
                        session.arrive(key, Err(&error));
                    }
                    rounds.fail(&mut session, &error);
                }
            }
            Err(error) => return error,
        }
    }
}

/// Reads what is to be read at once, each for itself; from then on it is polled with the others.
async fn read_soon(session: &RefCell<Session>, device: &Device, soon: &[(Key, Place)]) -> Result<(), Error> {
    if soon.is_empty() {
        return Ok(());
    }
    let places: Vec<&Place> = soon.iter().map(|(_, place)| place).collect();
    let ends = read(device, &places).await?;
    let mut session = session.borrow_mut();
    for ((key, place), end) in soon.iter().zip(&ends) {
        // It may have been found elsewhere, or sent by itself, meanwhile.
        if session.is_polled_at(key, place.offset) {
            session.arrive(key, end.as_deref());
        }
    }
    session.renew();
    Ok(())
}

/// Reads places: pieces of symbols in one request, cut here.
///
/// # Errors
/// As [`Device::read_all`].
pub(crate) async fn read(device: &Device, places: &[&Place]) -> Result<Vec<End<bytes::Bytes>>, Error> {
    let spans = spans(places);
    let parts: Vec<_> = spans.iter().map(|span| span.part).collect();
    let read = device.read_all(&parts).await?;
    let mut ends: Vec<End<bytes::Bytes>> = places.iter().map(|_| Err(Error::Unexpected)).collect();
    for (span, piece) in spans.iter().zip(read) {
        for &(at, begin) in &span.members {
            let size = places[at].size as usize;
            ends[at] = match &piece {
                Ok(bytes) if bytes.len() >= begin + size => Ok(bytes.slice(begin..begin + size)),
                Ok(_) => Err(Error::Unexpected),
                Err(error) => Err(error.clone()),
            };
        }
    }
    Ok(ends)
}

/// Asks a device without a symbol table for names.
async fn ask_names(session: &RefCell<Session>, device: &Device) -> Result<(), Error> {
    let unasked = session.borrow().unasked();
    for (key, name) in unasked {
        ask_name(session, device, &name).await?;
        let mut session = session.borrow_mut();
        if let Some(wanted) = session.wanted.get_mut(&key) {
            wanted.asked = true;
        }
        let found = session.resolve(&key);
        if found.is_ok() && session.wanted.get(&key).is_some_and(|wanted| wanted.place.is_none()) {
            let error = Error::UnknownSymbol { tag: name, names: Vec::new() };
            session.refuse(&key, &error);
        }
    }
    Ok(())
}

/// Asks a device without a symbol table for one name; that it does not know it is no error.
pub(crate) async fn ask_name(session: &RefCell<Session>, device: &Device, name: &str) -> Result<(), Error> {
    let is_known = || session.borrow().catalog.find(name).is_ok_and(|place| place.is_some());
    if !device.by_name.get() || is_known() {
        return Ok(());
    }
    // The catalog is not held while the device is waited for.
    let catalog = std::mem::take(&mut session.borrow_mut().catalog);
    let learned = load::learn(device, &catalog, name).await;
    let mut session = session.borrow_mut();
    session.catalog = catalog;
    match learned {
        Ok((symbol, types)) => {
            for data_type in types {
                session.catalog.learn_type(data_type);
            }
            session.catalog.learn(symbol);
            Ok(())
        }
        Err(error) if error.ends_link() || matches!(error, Error::Silent { .. }) => Err(error),
        Err(_) => Ok(()),
    }
}

/// Answers a question for values that are read once.
pub(crate) async fn answer(session: Rc<RefCell<Session>>, request: u64, tags: Vec<String>) {
    let device = session.borrow().ready();
    session.borrow().catalog.refill_near();
    let mut readings: Vec<Reading> = Vec::with_capacity(tags.len());
    let mut places: Vec<(usize, Place)> = Vec::new();
    for tag in tags {
        if let Some(device) = &device {
            let _ = ask_name(&session, device, &tag).await;
        }
        let (reading, place) = session.borrow().prepare(tag, device.is_some());
        places.extend(place.map(|place| (readings.len(), place)));
        readings.push(reading);
    }
    if let Some(device) = device
        && !places.is_empty()
    {
        let wanted: Vec<&Place> = places.iter().map(|(_, place)| place).collect();
        let ends = read(&device, &wanted).await;
        let session = session.borrow();
        for (number, (at, place)) in places.iter().enumerate() {
            let end = match &ends {
                Ok(ends) => ends[number].clone(),
                Err(error) => Err(error.clone()),
            };
            session.fill(&mut readings[*at], place, end);
        }
    }
    session.borrow_mut().reply(Reply::Values(request, readings));
}

impl Session {
    /// The reading of a tag before the device was asked, and where to ask.
    fn prepare(&self, tag: String, is_linked: bool) -> (Reading, Option<Place>) {
        let reading = |tag: String, quality, failure: Failure| Reading {
            tag,
            value: Value::Null,
            quality,
            note: Some(failure.message.into()),
        };
        if let Some(own) = crate::own::Own::parse(&tag)
            && own.place(&self.catalog).is_none()
        {
            let value = self.known_fact(own);
            let quality = if value.is_some() { Quality::Good } else { Quality::NoData };
            let value = value.unwrap_or_default();
            return (Reading { tag: own.name().into(), value, quality, note: None }, None);
        }
        if !is_linked {
            let quality = self.doubt.as_ref().map_or(Quality::NotConnected, |(quality, _)| *quality);
            return (reading(tag, quality, no_link().into()), None);
        }
        let place = crate::own::Own::parse(&tag).and_then(|own| own.place(&self.catalog));
        match place.map_or_else(|| self.catalog.resolve(&tag), Ok) {
            Err(error) => (reading(tag, Quality::NotFound, error.into()), None),
            Ok(place) => {
                if let Layout::Unknown(reason) = place.layout {
                    let error = Error::UnknownType { tag: place.name.clone(), kind: place.type_name, reason };
                    return (reading(place.name, Quality::TypeMismatch, error.into()), None);
                }
                let own = crate::own::Own::parse(&tag).map(|own| own.name().to_owned());
                let name = own.unwrap_or_else(|| place.name.clone());
                (reading(name, Quality::Bad, Failure::new("")), Some(place))
            }
        }
    }

    /// Puts what the device said into a reading.
    fn fill(&self, reading: &mut Reading, place: &Place, end: End<bytes::Bytes>) {
        let decoded = end.map_err(Failure::from).and_then(|bytes| {
            value::decode(&place.layout, place.bit, &bytes, self.catalog.page).map_err(|why| Failure::new(why.0))
        });
        match decoded {
            Ok(value) => {
                let own = crate::own::Own::parse(&reading.tag);
                reading.value = own.map_or(value.clone(), |own| own.scaled(&value));
                (reading.quality, reading.note) = match &self.doubt {
                    None => (Quality::Good, None),
                    Some((quality, note)) => (*quality, Some(std::sync::Arc::clone(note))),
                };
            }
            Err(failure) => {
                reading.quality = Quality::DeviceFailure;
                reading.note = Some(failure.message.into());
            }
        }
    }
}
