//! What the router knows again after a restart: the last values of computed datapoints, in `state/router.db`.
//!
//! What a person or a machine sets is on disk before it is acknowledged. What routes compute is put there once a second.

use std::path::Path;
use std::sync::{PoisonError, mpsc};
use std::time::Duration;

use fieldrail_model::{Class, Level, Quality, Sample, Timestamp, Value};
use fieldrail_router::PointId;
use fieldrail_store::{Outbox, OutboxLimits};
use fieldrail_supervisor::Receipt;
use serde::{Deserialize, Serialize};

use crate::clock::{from_wall, to_wall};
use crate::logbook::Logbook;
use crate::{Error, Node, Result};

/// The file in the state folder.
const FILE: &str = "router.db";

/// What stands before the address in the key.
const COMPUTED: &str = "calc/";

/// How long an asker waits for the disk.
const DISK: Duration = Duration::from_secs(5);

/// The last value of a computed datapoint.
#[derive(Serialize, Deserialize)]
struct Kept {
    value: Value,
    quality: Quality,
    note: Option<String>,
    /// Microseconds since 1970 UTC.
    source_time: i64,
    /// A route made it; a value that somebody set stands as it was.
    is_made: bool,
}

/// Opens the file, or begins one.
pub(crate) fn open(state: &Path, logbook: &Logbook) -> Result<Outbox> {
    let outbox = Outbox::open(&state.join(FILE), OutboxLimits::default()).map_err(|error| Error::Unavailable {
        message: format!("cannot open {}: {error}", state.join(FILE).display()),
        hint: error.hint().map(Into::into),
    })?;
    if let Some(aside) = outbox.set_aside() {
        let message = format!(
            "What the router remembers was damaged; it lies in {} and is begun anew. Values of durable routes that \
             waited in it are lost.",
            aside.display()
        );
        logbook.write(Level::Error, None, message);
    }
    Ok(outbox)
}

impl Node {
    /// Puts back the last values of computed datapoints. What a route had made is uncertain until it makes it again.
    pub(crate) fn remember_computed(&self) {
        let kept = match self.traffic.outbox.recall(COMPUTED) {
            Ok(kept) => kept,
            Err(error) => {
                let message = format!("The last values of computed datapoints cannot be read: {error}");
                return self.logbook.write(Level::Error, None, message);
            }
        };
        let mut engine = self.traffic.engine();
        for (key, blob) in kept {
            let (Some(address), Ok(kept)) = (key.strip_prefix(COMPUTED), rmp_serde::from_slice::<Kept>(&blob)) else {
                continue;
            };
            let Some(point) = engine.point_at(address) else { continue };
            let time = from_wall(Timestamp(kept.source_time));
            let mut sample = Sample::good(kept.value, time);
            sample.receive_time = crate::clock::now();
            sample.note = kept.note.map(Into::into);
            sample.quality = match kept.quality.class() {
                Class::Good if kept.is_made => Quality::LastUsable,
                _ => kept.quality,
            };
            engine.router.restore(point, sample);
        }
    }

    /// Puts the computed datapoints on disk that changed, at most once a second each.
    pub(crate) fn keep_computed(&self) {
        for point in self.traffic.take_computed() {
            self.keep(point, None);
        }
    }

    /// Puts one computed datapoint on disk, and waits until it is there.
    pub(crate) fn keep_now(&self, point: PointId) -> Result<()> {
        let receipt = Receipt::new();
        let kept = receipt.clone();
        self.keep(point, Some(Box::new(move || kept.give())));
        self.wait_for_disk(Some(receipt))
    }

    pub(crate) fn keep(&self, point: PointId, receipt: Option<Box<dyn FnOnce() + Send>>) {
        let engine = self.traffic.engine();
        let Some(sample) = engine.router.space.sample(point) else { return };
        let kept = Kept {
            value: sample.value.clone(),
            quality: sample.quality,
            note: sample.note.as_deref().map(Into::into),
            source_time: to_wall(sample.source_time).0,
            is_made: sample.origin.is_some(),
        };
        let key = format!("{COMPUTED}{}", engine.router.space.address(point));
        drop(engine);
        let kept = rmp_serde::to_vec(&kept)
            .map_err(|error| error.to_string())
            .and_then(|blob| self.traffic.outbox.remember(&key, blob, receipt).map_err(|error| error.to_string()));
        if let Err(error) = kept {
            self.logbook.write(Level::Warn, None, format!("`{key}` is not kept over a restart: {error}"));
        }
    }

    /// Waits until values of durable routes are on disk.
    pub(crate) fn wait_for_disk(&self, receipt: Option<Receipt>) -> Result<()> {
        let Some(receipt) = receipt else { return Ok(()) };
        let (sender, given) = mpsc::sync_channel(1);
        receipt.then(move || {
            let _ = sender.send(());
        });
        given.recv_timeout(DISK).map_err(|_| self.not_on_disk())
    }

    fn not_on_disk(&self) -> Error {
        let trouble = self.traffic.outbox.trouble();
        Error::unavailable(
            format!("the value is not on disk yet: {}", trouble.as_deref().unwrap_or("the disk is slow")),
            "it is tried again; look whether the disk is full",
        )
    }
}

impl crate::traffic::Traffic {
    /// The computed datapoints that changed since the last second.
    fn take_computed(&self) -> Vec<PointId> {
        self.computed.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }
}
