//! Recordings of what comes in, and what other rules would have made of them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::{Quality, Timestamp, Value};
use fieldrail_router::recording::{Decoder, MAGIC};
use fieldrail_router::replay::Example;
use fieldrail_router::{Comparison, Problem, RoutingFile, Rules, Severity};
use fieldrail_store::read_file;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::check::{Surroundings, finding};
use crate::files::FileName;
use crate::people::{Role, Who};
use crate::traffic::{House, Recorder};
use crate::{Error, Node, Result};

/// How often a recording hands on what it has, so that a quiet house records too.
const BEAT: Duration = Duration::from_millis(500);

/// Recordings at one time.
const MOST: usize = 4;

/// A recording that runs; it ends when this is dropped.
pub struct Recording {
    node: Arc<Node>,
    pieces: mpsc::Receiver<Vec<u8>>,
}

impl Recording {
    /// Begins to record everything that comes into the router.
    ///
    /// # Errors
    /// The asker is no administrator, or too many recordings run.
    pub fn begin(node: Arc<Node>, who: &Who) -> Result<Self> {
        who.must_be(Role::Admin)?;
        let mut engine = node.traffic.engine();
        engine.recorders.retain_mut(Recorder::flush);
        if engine.recorders.len() >= MOST {
            return Err(Error::unavailable(format!("{MOST} recordings run already"), "end one of them"));
        }
        let (recorder, pieces) = Recorder::begin(&engine.router);
        engine.recorders.push(recorder);
        drop(engine);
        Ok(Self { node, pieces })
    }

    /// The next piece of the recording; `None` when it has ended because it was not read fast enough.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            match tokio::time::timeout(BEAT, self.pieces.recv()).await {
                Ok(piece) => return piece,
                Err(_) => self.node.traffic.engine().recorders.retain_mut(Recorder::flush),
            }
        }
    }
}

/// One difference, with its values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanExample {
    /// When, in milliseconds since 1970 UTC.
    pub time_ms: i64,
    /// What the old rules send; none if nothing.
    pub before: Option<Value>,
    /// Its quality.
    pub before_quality: Option<Quality>,
    /// What the new rules send; none if nothing.
    pub after: Option<Value>,
    /// Its quality.
    pub after_quality: Option<Quality>,
}

impl From<&Example> for PlanExample {
    fn from(example: &Example) -> Self {
        Self {
            time_ms: example.time.millis(),
            before: example.before.as_ref().map(|(value, _)| value.clone()),
            before_quality: example.before.as_ref().map(|(_, quality)| *quality),
            after: example.after.as_ref().map(|(value, _)| value.clone()),
            after_quality: example.after.as_ref().map(|(_, quality)| *quality),
        }
    }
}

/// What changes for one target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedTarget {
    /// The target.
    pub address: String,
    /// Values that the old rules send.
    pub before: u64,
    /// Values that the new rules send.
    pub after: u64,
    /// Values that both send, and not the same.
    pub changed: u64,
    /// Values that only the old rules send.
    pub gone: u64,
    /// Values that only the new rules send.
    pub new: u64,
    /// The first differences.
    pub examples: Vec<PlanExample>,
}

/// What other rules would have made of a recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Samples in the recording.
    pub samples: u64,
    /// The time of the first one, in milliseconds since 1970 UTC.
    pub from_ms: Option<i64>,
    /// The time of the last one.
    pub to_ms: Option<i64>,
    /// Why the recording was not read to its end.
    pub cut: Option<String>,
    /// The targets with a difference, by address.
    pub changes: Vec<PlannedTarget>,
    /// Targets without one.
    pub unchanged: usize,
    /// Seconds that it took.
    pub seconds: f64,
}

/// Runs the rules in the configuration folder and those in the file `new` over a recording. `progress` hears how many bytes
/// of how many were read.
///
/// # Errors
/// A file cannot be read, or rules are wrong.
pub fn plan(
    config: &Path,
    plugins: &[PathBuf],
    new: &Path,
    recording: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<Plan> {
    let begun = std::time::Instant::now();
    let surroundings = Surroundings::read(config, plugins);
    let house = surroundings.house();
    let before = compile(&config.join(FileName::Routing.as_str()), &house)?;
    let after = compile(new, &house)?;
    let mut comparison = Comparison::new(before, after);
    let cut = run(recording, &mut comparison, &mut progress)?;
    let (samples, span) = (comparison.samples(), comparison.span());
    let targets = comparison.finish();
    let all = targets.len();
    let changes: Vec<PlannedTarget> = targets
        .into_iter()
        .filter(|(_, change)| change.is_one())
        .map(|(address, change)| PlannedTarget {
            address,
            before: change.before,
            after: change.after,
            changed: change.changed,
            gone: change.gone,
            new: change.new,
            examples: change.examples.iter().map(PlanExample::from).collect(),
        })
        .collect();
    let ms = |time: Timestamp| time.millis();
    Ok(Plan {
        samples,
        from_ms: span.map(|(first, _)| ms(first)),
        to_ms: span.map(|(_, last)| ms(last)),
        cut,
        unchanged: all - changes.len(),
        changes,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

fn compile(path: &Path, house: &House<'_>) -> Result<Rules> {
    let file = read_file::<RoutingFile>(path, FileName::Routing.options())?;
    Rules::compile(&file.value, house).map_err(|problems: Vec<Problem>| {
        let worst = problems.iter().find(|problem| problem.severity == Severity::Error).or(problems.first());
        let found = worst.map(|problem| finding(&file.value, Some(&file), problem));
        found.map_or_else(
            || Error::Internal("rules were refused without a reason".into()),
            |found| Error::Invalid {
                message: format!("{}: {}", path.display(), found.message),
                hint: found.hint,
                key: Some(found.key),
            },
        )
    })
}

/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;

/// Feeds the recording to the comparison. Returns why it was not read to its end.
fn run(path: &Path, comparison: &mut Comparison, progress: &mut impl FnMut(u64, u64)) -> Result<Option<String>> {
    let cannot = |error: std::io::Error| Error::Unavailable {
        message: format!("cannot read {}: {error}", path.display()),
        hint: Some("make one with `fieldrail record FILE`".into()),
    };
    let mut file = std::fs::File::open(path).map_err(cannot)?;
    let total = file.metadata().map_err(cannot)?.len();
    let mut magic = [0; MAGIC.len()];
    if file.read_exact(&mut magic).is_err() || magic != MAGIC {
        let hint = "make one with `fieldrail record FILE`";
        return Err(Error::invalid(format!("{} is no recording", path.display()), hint));
    }
    let (mut decoder, mut bytes, mut read) = (Decoder::default(), Vec::new(), magic.len() as u64);
    loop {
        let kept = bytes.len();
        bytes.resize(kept + CHUNK, 0);
        let length = file.read(&mut bytes[kept..]).map_err(cannot)?;
        bytes.truncate(kept + length);
        read += length as u64;
        let mut at = 0;
        loop {
            match decoder.next(&bytes[at..]) {
                Ok(Some((entry, length))) => {
                    comparison.take(entry);
                    at += length;
                }
                Ok(None) => break,
                Err(damaged) => return Ok(Some(format!("{damaged}; what comes after it was left out"))),
            }
        }
        bytes.drain(..at);
        progress(read, total);
        if length == 0 {
            let torn = (!bytes.is_empty()).then(|| "the recording ends in the middle of an entry".into());
            return Ok(torn);
        }
    }
}
