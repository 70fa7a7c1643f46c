//! Alarms: datapoints with the role `alarm`. What is active, what nobody has acknowledged, and what was.
//!
//! [`machine`] is one alarm, pure; [`file`] keeps them over a restart; [`view`] is what people see and do. One task looks at
//! the datapoints as they change and when a delay is over.

mod file;
mod machine;
mod view;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fieldrail_model::{Level, Timestamp, Value};
use fieldrail_router::PointId;
use tokio::sync::Notify;

use crate::datapoints::{AlarmSpec, Role, Severity};
use crate::demand::Need;
use crate::live::{Client, Watchers};
use crate::node::lock;
use crate::own::about::kind;
use crate::traffic::Told;
use crate::{Node, clock};
use file::{Event, Kept};
use machine::{Alarm, Says, Step};

pub use view::{Acknowledge, AlarmEvent, AlarmView, Alarms as AlarmPage, AlarmsWanted};

/// Alarms of one house, at the most; what is declared beyond is logged and passed over.
const MOST: usize = 10_000;

/// Events that are kept.
const MOST_EVENTS: usize = 500;

/// How long the task waits if nothing is due.
const IDLE: Duration = Duration::from_mins(1);

/// One alarm with what was said about it.
struct Declared {
    name: Option<String>,
    spec: AlarmSpec,
    point: PointId,
    alarm: Alarm,
}

/// All alarms.
pub(crate) struct Alarms {
    path: PathBuf,
    inner: Mutex<Inner>,
    client: Arc<Client>,
    /// There are other alarms now.
    wake: Arc<Notify>,
    /// One writer of the file at a time.
    saving: Mutex<()>,
}

#[derive(Default)]
struct Inner {
    all: BTreeMap<String, Declared>,
    /// What was read from the file and is not declared yet.
    kept: BTreeMap<String, Alarm>,
    /// The newest last.
    events: VecDeque<Event>,
    next_event: u64,
    needs: Vec<(fieldrail_model::InstanceId, Need)>,
    watched: Vec<PointId>,
    trouble: Option<String>,
}

impl Alarms {
    /// Opens the file. Beside it, what is wrong with it.
    pub(crate) fn open(state: &Path) -> (Self, Option<String>) {
        let path = state.join("alarms.json");
        let (Kept { alarms, events }, fault) = file::load(&path);
        let next_event = events.back().map_or(1, |last| last.id + 1);
        let inner = Inner { kept: alarms, events, next_event, ..Inner::default() };
        let (client, wake) = (Watchers::client(), Arc::new(Notify::new()));
        (Self { path, inner: Mutex::new(inner), client, wake, saving: Mutex::default() }, fault)
    }

    /// Puts them on disk as they are now.
    fn save(&self) {
        let _one = lock(&self.saving);
        let kept = {
            let inner = lock(&self.inner);
            let declared = inner.all.iter().map(|(address, declared)| (address.clone(), declared.alarm.clone()));
            let there = declared.chain(inner.kept.clone()).filter(|(_, alarm)| alarm.activated.is_some());
            Kept { alarms: there.collect(), events: inner.events.clone() }
        };
        let trouble = file::save(&self.path, &kept).err();
        let before = std::mem::replace(&mut lock(&self.inner).trouble, trouble.clone());
        match (before, trouble) {
            (None, Some(trouble)) => tracing::error!("The alarms cannot be kept over a restart: {trouble}."),
            (Some(_), None) => tracing::info!("The alarms are kept again."),
            _ => {}
        }
    }

    /// Why they cannot be kept over a restart.
    pub(crate) fn trouble(&self) -> Option<String> {
        lock(&self.inner).trouble.clone()
    }
}

impl Inner {
    /// Takes note of what has happened.
    fn note(&mut self, address: &str, step: Step, wall: Timestamp) -> Option<(Level, String)> {
        let declared = self.all.get_mut(address)?;
        let alarm = &mut declared.alarm;
        let at = match step {
            Step::Activated => &mut alarm.activated,
            Step::Cleared => &mut alarm.cleared,
            Step::Acknowledged => &mut alarm.acknowledged,
        };
        *at = Some(wall);
        let who = if step == Step::Acknowledged { (alarm.by.clone(), alarm.comment.clone()) } else { (None, None) };
        let name = declared.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let severity = declared.spec.severity;
        let (level, words) = match step {
            Step::Activated => (level(severity), "is active".to_owned()),
            Step::Cleared => (Level::Info, "is cleared".to_owned()),
            Step::Acknowledged => {
                let by = who.0.as_deref().unwrap_or("?");
                let comment = who.1.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
                (Level::Info, format!("was acknowledged by {by}{comment}"))
            }
        };
        let event = Event { id: self.next_event, address: address.into(), step, at: wall, by: who.0, comment: who.1 };
        self.next_event += 1;
        self.events.push_back(event);
        if self.events.len() > MOST_EVENTS {
            self.events.pop_front();
        }
        Some((level, format!("The alarm {address}{name} {words}.")))
    }

    fn counts(&self) -> (u64, u64) {
        let count = |is: fn(&Alarm) -> bool| self.all.values().filter(|declared| is(&declared.alarm)).count() as u64;
        (count(|alarm| alarm.active), count(|alarm| alarm.waits))
    }

    /// When an alarm has to be looked at though nothing comes.
    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        self.all.values().filter_map(|declared| declared.alarm.due(&declared.spec, now)).min()
    }
}

fn level(severity: Severity) -> Level {
    match severity {
        Severity::Info => Level::Info,
        Severity::Warning => Level::Warn,
        Severity::Critical => Level::Error,
    }
}

impl Node {
    /// Takes what is declared into force: datapoints with the role, and those of the house itself.
    pub(crate) fn apply_alarms(&self) {
        let mut engine = self.traffic.engine();
        let said = engine.about.iter().filter(|(_, about)| about.role == Some(Role::Alarm));
        let mut declared: Vec<(String, Option<String>, AlarmSpec)> = said
            .map(|(address, about)| (address.to_string(), about.name.clone(), about.alarm.unwrap_or_default()))
            .collect();
        for folder in ["config", "state"] {
            let address = format!("system.box.disk.{folder}.is_low");
            if !engine.about.contains_key(address.as_str()) {
                let name = kind(&address).map(|kind| kind.name.to_owned());
                declared.push((address, name, AlarmSpec::default()));
            }
        }
        declared.sort_by(|a, b| a.0.cmp(&b.0));
        let too_many = declared.len().saturating_sub(MOST);
        declared.truncate(MOST);
        let mut needs = Vec::new();
        let mut found = Vec::with_capacity(declared.len());
        for (address, name, spec) in declared {
            if let Some((id, tag)) = engine.split(&address) {
                needs.push((id.clone(), Need { tag: tag.into(), pattern: false }));
            }
            found.extend(engine.point_at(&address).map(|point| (address, name, spec, point)));
        }
        drop(engine);
        if too_many > 0 {
            let message = format!("{too_many} alarms are too many; a house may have {MOST}.");
            self.logbook.write(Level::Error, None, message);
        }
        let (old_needs, unwatched, points) = {
            let mut inner = lock(&self.alarms.inner);
            let mut before = std::mem::take(&mut inner.all);
            let points: Vec<PointId> = found.iter().map(|(.., point)| *point).collect();
            for (address, name, spec, point) in found {
                let known = before.remove(&address).map(|declared| declared.alarm);
                let alarm = known.or_else(|| inner.kept.remove(&address)).unwrap_or_default();
                inner.all.insert(address, Declared { name, spec, point, alarm });
            }
            let watched = std::mem::replace(&mut inner.watched, points.clone());
            let there: HashSet<PointId> = points.iter().copied().collect();
            let unwatched: Vec<PointId> = watched.into_iter().filter(|point| !there.contains(point)).collect();
            (std::mem::replace(&mut inner.needs, needs.clone()), unwatched, points)
        };
        self.traffic.need(needs);
        self.traffic.release(old_needs);
        self.traffic.unwatch(&self.alarms.client, &unwatched);
        self.traffic.watch(&self.alarms.client, &points);
        self.alarms.wake.notify_one();
    }

    /// Looks at the alarms as their datapoints change.
    pub(crate) fn watch_alarms(self: &Arc<Self>) {
        let node = Arc::downgrade(self);
        let (client, wake) = (Arc::clone(&self.alarms.client), Arc::clone(&self.alarms.wake));
        tokio::spawn(async move {
            loop {
                let due = {
                    let Some(node) = node.upgrade() else { return };
                    client.take();
                    node.look_at_alarms().await;
                    let now = clock::now();
                    lock(&node.alarms.inner).due(now).map_or(IDLE, |due| now.age(due)).min(IDLE)
                };
                tokio::select! {
                    () = client.wait() => {}
                    () = wake.notified() => {}
                    () = tokio::time::sleep(due) => {}
                }
            }
        });
    }

    /// Looks at all of them, and tells what has changed.
    async fn look_at_alarms(self: &Arc<Self>) {
        let points: Vec<PointId> = lock(&self.alarms.inner).all.values().map(|declared| declared.point).collect();
        let (now, wall) = (clock::now(), clock::wall());
        let says: Vec<Says> = {
            let engine = self.traffic.engine();
            points.iter().map(|point| Says::of(engine.router.space.sample(*point))).collect()
        };
        let mut lines = Vec::new();
        let mut last = None;
        {
            let mut inner = lock(&self.alarms.inner);
            let mut steps = Vec::new();
            for (says, (point, (address, declared))) in says.iter().zip(points.iter().zip(&mut inner.all)) {
                // The list may be another one by now; then this is done again at once.
                if declared.point == *point
                    && let Some(step) = declared.alarm.look(*says, &declared.spec, now)
                {
                    steps.push((address.clone(), step));
                }
            }
            for (address, step) in steps {
                lines.extend(inner.note(&address, step, wall));
                if step == Step::Activated {
                    last = Some(address);
                }
            }
        }
        self.tell_alarms(lines, last).await;
    }

    /// The log, the file, and the datapoints of the house.
    async fn tell_alarms(self: &Arc<Self>, lines: Vec<(Level, String)>, last: Option<String>) {
        let has_changed = !lines.is_empty();
        for (level, line) in lines {
            self.logbook.write(level, None, line);
        }
        let (active, waiting) = lock(&self.alarms.inner).counts();
        let count = |tag: &str, count: u64| Told::exact(format!("system.alarms.{tag}"), Value::uint(count));
        let mut told = vec![count("active_count", active), count("unacknowledged_count", waiting)];
        told.extend(last.map(|address| Told::text("system.alarms.last".into(), &address)));
        self.traffic.tell(&told);
        if has_changed {
            let node = Arc::clone(self);
            // It waits for the disk.
            let _ = tokio::task::spawn_blocking(move || node.alarms.save()).await;
        }
    }
}
