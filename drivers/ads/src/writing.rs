//! Sending writes: many in one request, by handles, so that the device itself notices when its program has changed.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use tokio::time::Instant;

use crate::catalog::Place;
use crate::client::Urgency;
use crate::codec::groups;
use crate::codec::sums::Part;
use crate::codes::{INVALID_HANDLE, VERSION};
use crate::device::Device;
use crate::error::Error;
use crate::layout::Layout;
use crate::poll;
use crate::session::Session;
use crate::value::{self, Run};
use crate::writes::Write;

/// A write that knows where it goes.
struct Job {
    write: Write,
    place: Place,
    runs: Vec<Run>,
}

impl Job {
    /// Whether it is the whole variable, which goes by handle.
    fn is_whole(&self) -> bool {
        matches!(&self.runs[..], [run] if run.offset == 0 && run.bytes.len() == self.place.size as usize)
    }
}

/// Writes until the link breaks or the program changes.
pub(crate) async fn write(session: &RefCell<Session>, device: &Device) -> Error {
    let bells = Rc::clone(&session.borrow().bells);
    loop {
        let woken = bells.write.notified();
        let writes = session.borrow_mut().writes.take(Instant::now());
        if writes.is_empty() {
            bells.changed.notify_one();
            woken.await;
            continue;
        }
        let end = send(session, device, writes).await;
        session.borrow_mut().writes.under_way = 0;
        // The loop may have to sleep for another time now.
        bells.changed.notify_one();
        bells.written.notify_one();
        if let Err(error) = end {
            return error;
        }
    }
}

/// Sends some writes. Each gets its end, whatever happens.
async fn send(session: &RefCell<Session>, device: &Device, writes: Vec<Write>) -> Result<(), Error> {
    // What is not done when this future is dropped has an end too.
    let mut batch = Batch { session, left: writes };
    session.borrow().catalog.refill_near();
    for at in (0..batch.left.len()).rev() {
        let tag = batch.left[at].tag.clone();
        poll::ask_name(session, device, &tag).await?;
        let prepared = prepare(&session.borrow(), &batch.left[at]);
        if let Err(error) = prepared {
            let write = batch.left.remove(at);
            session.borrow_mut().writes.end(&write, &Err(error));
        }
    }
    let mut jobs = Vec::with_capacity(batch.left.len());
    for write in &batch.left {
        let (place, runs) = prepare(&session.borrow(), write)?;
        jobs.push(Job { write: write.clone(), place, runs });
    }
    for job in &jobs {
        session.borrow_mut().writes.begin_pulse(&job.write);
    }
    let by_address = session.borrow().catalog.is_from_file();
    let (whole, in_parts): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.is_whole() && !by_address);
    let mut changed = Ok(());
    let ends = send_whole(device, &whole).await;
    session.borrow_mut().note_held(false);
    for (job, end) in whole.iter().zip(ends?) {
        if end.as_ref().err().and_then(Error::code) == Some(VERSION) {
            batch.later(job);
            changed = Err(Error::Changed);
            continue;
        }
        let end = if end.is_ok() { confirm(session, device, job).await } else { end };
        changed = changed.and(batch.end(job, &end));
    }
    for job in in_parts {
        let read_back = session.borrow().config.read_back;
        let end = send_parts(device, &job, read_back).await;
        if matches!(end, Err(Error::Changed)) {
            batch.later(&job);
            changed = Err(Error::Changed);
            continue;
        }
        changed = changed.and(batch.end(&job, &end));
    }
    changed
}

/// Writes that have no end yet.
struct Batch<'a> {
    session: &'a RefCell<Session>,
    left: Vec<Write>,
}

impl Batch<'_> {
    /// One goes out again when the symbols of the new program are known.
    fn later(&mut self, job: &Job) {
        self.left.retain(|write| write.tag != job.write.tag);
        self.session.borrow_mut().writes.later(job.write.clone());
    }

    /// One has ended. The error is that of the whole link or program.
    fn end(&mut self, job: &Job, end: &Result<(), Error>) -> Result<(), Error> {
        self.left.retain(|write| write.tag != job.write.tag);
        let mut session = self.session.borrow_mut();
        if end.is_ok() {
            session.look_at(&job.place);
        }
        session.writes.end(&job.write, end);
        match end {
            Err(error) if error.ends_link() => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let doubt = Error::Broken("the link broke before the PLC had answered; the write may have arrived".into());
        for write in self.left.drain(..) {
            self.session.borrow_mut().writes.end(&write, &Err(doubt.clone()));
        }
    }
}

/// Where a write goes, and its bytes.
fn prepare(session: &Session, write: &Write) -> Result<(Place, Vec<Run>), Error> {
    let read_only = |reason| Error::ReadOnly { tag: write.tag.clone(), reason };
    if crate::own::Own::parse(&write.tag).is_some() {
        return Err(read_only("it is what the PLC says of itself"));
    }
    let place = session.catalog.resolve(&write.tag)?;
    if let Some(reason) = place.read_only {
        return Err(read_only(reason));
    }
    if matches!(place.layout, Layout::Bit) && session.catalog.is_from_file() {
        return Err(read_only("a single bit needs the symbols of the PLC, and it gives none"));
    }
    if let Layout::Unknown(reason) = place.layout {
        return Err(Error::UnknownType { tag: place.name, kind: place.type_name, reason });
    }
    let runs = value::encode(&place.layout, &write.value, session.catalog.page).map_err(|reason| Error::Value {
        tag: place.name.clone(),
        kind: place.type_name.clone(),
        reason: reason.0,
    })?;
    Ok((place, runs))
}

/// Writes whole variables by handle. A handle that the device does not take any more is made anew once.
async fn send_whole(device: &Device, jobs: &[Job]) -> Result<Vec<Result<(), Error>>, Error> {
    let mut ends = send_once(device, jobs).await?;
    for (job, end) in jobs.iter().zip(&mut ends) {
        if end.as_ref().err().and_then(Error::code) != Some(INVALID_HANDLE) {
            continue;
        }
        device.drop_handle(&job.place.name).await;
        if let Some(again) = send_once(device, std::slice::from_ref(job)).await?.pop() {
            *end = again;
        }
    }
    Ok(ends)
}

async fn send_once(device: &Device, jobs: &[Job]) -> Result<Vec<Result<(), Error>>, Error> {
    let names: Vec<String> = jobs.iter().map(|job| job.place.name.clone()).collect();
    let handles = device.handles(&names).await?;
    let mut parts = Vec::new();
    for (job, handle) in jobs.iter().zip(&handles) {
        if let Ok(handle) = handle {
            let part = Part { group: groups::VALUE_BY_HANDLE, offset: *handle, length: job.place.size };
            let bytes = job.runs.first().map(|run| run.bytes.clone()).unwrap_or_default();
            parts.push((part, Bytes::from(bytes)));
        }
    }
    let mut written = device.write_all(&parts).await?.into_iter();
    let end = |handle: Result<u32, Error>| handle.and_then(|_| written.next().unwrap_or(Err(Error::Unexpected)));
    Ok(handles.into_iter().map(end).collect())
}

/// Writes the parts of a structure that are named, by their addresses, and reads them back if that is configured.
async fn send_parts(device: &Device, job: &Job, read_back: bool) -> Result<(), Error> {
    let part = |run: &Run| {
        let length = u32::try_from(run.bytes.len()).unwrap_or(u32::MAX);
        let offset = job.place.offset.saturating_add(run.offset);
        (Part { group: job.place.group, offset, length }, Bytes::from(run.bytes.clone()))
    };
    let parts: Vec<(Part, Bytes)> = job.runs.iter().map(part).collect();
    device.write_addresses(&parts).await?.into_iter().collect::<Result<(), Error>>()?;
    if !read_back {
        return Ok(());
    }
    let only: Vec<Part> = parts.iter().map(|(part, _)| *part).collect();
    for (found, (_, wrote)) in device.read_all(&only).await?.into_iter().zip(parts) {
        if found? != wrote {
            return Err(Error::Overwritten { tag: job.place.name.clone(), found: "something else".into() });
        }
    }
    Ok(())
}

/// Reads a variable back, if that is configured.
async fn confirm(session: &RefCell<Session>, device: &Device, job: &Job) -> Result<(), Error> {
    if !session.borrow().config.read_back {
        return Ok(());
    }
    let handle =
        device.handles(std::slice::from_ref(&job.place.name)).await?.pop().unwrap_or(Err(Error::Unexpected))?;
    let part = Part { group: groups::VALUE_BY_HANDLE, offset: handle, length: job.place.size };
    let found = device.client.read(Urgency::Urgent, part).await?;
    if job.runs.iter().all(|run| found.get(..run.bytes.len()) == Some(&run.bytes)) {
        return Ok(());
    }
    // Text may differ behind its end.
    let page = session.borrow().catalog.page;
    let found = value::decode(&job.place.layout, 0, &found, page).map_err(|_| Error::Unexpected)?;
    let wrote = value::decode(&job.place.layout, 0, &job.runs[0].bytes, page).map_err(|_| Error::Unexpected)?;
    if found == wrote {
        return Ok(());
    }
    Err(Error::Overwritten { tag: job.place.name.clone(), found: found.to_string().chars().take(64).collect() })
}
