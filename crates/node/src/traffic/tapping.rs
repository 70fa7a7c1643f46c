//! Taps of people: what the router's taps see, each to who asked for it, in words and plain data.
//!
//! Bounded: who does not read loses events, and is told how many.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fieldrail_model::Value;
use fieldrail_router::{Outcome, Stage, TapId, Tapped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::Engine;
use crate::clock::to_wall;

/// Events that may wait for one reader.
const WAITING: usize = 10_000;

/// What somebody wants to see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TapWish {
    /// Addresses or patterns, where values come from or go to.
    pub patterns: Vec<String>,
    /// `input`, `step`, `dropped`, `output`; none stands for all.
    #[serde(default)]
    pub stages: Vec<String>,
    /// Only this route.
    #[serde(default)]
    pub route: Option<String>,
}

/// What a tap saw.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TapEvent {
    /// `input`, `step`, `dropped` or `output`.
    pub stage: &'static str,
    /// When, in milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// The route; none at the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The datapoint whose sample it is.
    pub source: String,
    /// Where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The number of the step, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// Why it goes no further: `condition`, `quality`, `priority`, `loop`, `held`, `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<&'static str>,
    /// The value there.
    #[schemars(with = "serde_json::Value")]
    pub value: Value,
    /// Its quality there, for example `good` or `bad:stale`.
    pub quality: String,
    /// Why the quality is not good, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl TapEvent {
    fn new(engine: &Engine, tapped: &Tapped) -> Self {
        let router = &engine.router;
        Self {
            stage: tapped.stage.name(),
            time_ms: to_wall(tapped.at).millis(),
            route: tapped.route.map(|route| router.rules().route(route).id.clone()),
            source: router.space.address(tapped.source).to_string(),
            target: tapped.target.map(|target| router.target(target).address.to_string()),
            step: tapped.step.map(|step| step + 1),
            dropped: tapped.dropped.map(fieldrail_router::Ran::word),
            value: tapped.value.clone(),
            quality: tapped.quality.to_string(),
            note: tapped.note.as_deref().map(Into::into),
        }
    }
}

/// One reader.
struct Reader {
    sender: mpsc::Sender<TapEvent>,
    missed: Arc<AtomicU64>,
}

/// All readers.
#[derive(Default)]
pub(crate) struct Tapping {
    last: AtomicU64,
    readers: Mutex<HashMap<TapId, Reader>>,
}

/// What a reader holds.
pub(crate) struct Opened {
    pub(crate) id: TapId,
    pub(crate) events: mpsc::Receiver<TapEvent>,
    pub(crate) missed: Arc<AtomicU64>,
}

impl Tapping {
    fn readers(&self) -> MutexGuard<'_, HashMap<TapId, Reader>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new reader.
    pub(crate) fn open(&self) -> Opened {
        let id = TapId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        let (sender, events) = mpsc::channel(WAITING);
        let missed = Arc::new(AtomicU64::new(0));
        self.readers().insert(id, Reader { sender, missed: Arc::clone(&missed) });
        Opened { id, events, missed }
    }

    /// The reader is gone.
    pub(crate) fn close(&self, id: TapId) {
        self.readers().remove(&id);
    }

    /// Hands on what the taps saw.
    pub(crate) fn tell(&self, engine: &Engine, outcome: &mut Outcome) {
        let readers = self.readers();
        for tapped in outcome.tapped.drain(..) {
            let Some(reader) = readers.get(&tapped.tap) else { continue };
            if reader.sender.try_send(TapEvent::new(engine, &tapped)).is_err() {
                reader.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
        if outcome.tap_missed > 0 {
            readers.values().for_each(|reader| {
                reader.missed.fetch_add(outcome.tap_missed, Ordering::Relaxed);
            });
        }
    }
}

/// The stage with this name.
pub(crate) fn stage(name: &str) -> Option<Stage> {
    Stage::ALL.into_iter().find(|stage| stage.name() == name)
}
