//! A recording that runs: what comes into the router, encoded, on its way to whoever asked for it.
//!
//! Bounded: what the asker does not take fast enough ends the recording, so that it is never one with a hole.

use fieldrail_model::{Sample, Timestamp};
use fieldrail_router::recording::{Encoder, Entry, MAGIC};
use fieldrail_router::{PointId, Router};
use tokio::sync::mpsc;

/// A piece is handed on when it has so many bytes.
const PIECE: usize = 64 * 1024;

/// Pieces that may wait for the asker.
const WAITING: usize = 256;

/// One recording.
pub(crate) struct Recorder {
    encoder: Encoder,
    piece: Vec<u8>,
    /// Datapoints that have a name in the recording.
    named: Vec<bool>,
    sender: mpsc::Sender<Vec<u8>>,
}

impl Recorder {
    /// Begins with everything that stands now.
    pub(crate) fn begin(router: &Router) -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let mut recorder = Self { encoder: Encoder::default(), piece: MAGIC.to_vec(), named: Vec::new(), sender };
        for point in router.space.page("", None) {
            if let Some(sample) = router.space.sample(point) {
                recorder.name(router, point);
                recorder.encoder.encode(&Entry::Stands(point.0, sample.clone()), &mut recorder.piece);
            }
        }
        (recorder, receiver)
    }

    fn name(&mut self, router: &Router, point: PointId) {
        let place = point.0 as usize;
        if self.named.len() <= place {
            self.named.resize(place + 1, false);
        }
        if std::mem::replace(&mut self.named[place], true) {
            return;
        }
        let address = router.space.address(point).shared();
        self.encoder.encode(&Entry::Name(point.0, address.clone()), &mut self.piece);
        if let Some(deadline) = router.space.deadline(point) {
            let us = u64::try_from(deadline.as_micros()).unwrap_or(u64::MAX);
            self.encoder.encode(&Entry::Deadline(point.0, us), &mut self.piece);
        }
    }

    /// A sample comes in. False once the asker is gone or too slow.
    pub(crate) fn sample(&mut self, router: &Router, point: PointId, sample: &Sample, now: Timestamp) -> bool {
        self.name(router, point);
        let sample = Sample { receive_time: now, ..sample.clone() };
        self.encoder.encode(&Entry::Sample(point.0, sample), &mut self.piece);
        self.piece.len() < PIECE || self.flush()
    }

    /// A renewal comes in. False once the asker is gone or too slow.
    pub(crate) fn renewal(&mut self, router: &Router, point: PointId, now: Timestamp) -> bool {
        self.name(router, point);
        self.encoder.encode(&Entry::Renewal(point.0, now), &mut self.piece);
        self.piece.len() < PIECE || self.flush()
    }

    /// Hands on what there is.
    pub(crate) fn flush(&mut self) -> bool {
        if self.piece.is_empty() {
            return !self.sender.is_closed();
        }
        self.sender.try_send(std::mem::take(&mut self.piece)).is_ok()
    }
}
