//! What the driver knows: who needs what, the values, the writes, and how the link stands. No I/O of its own; the loop in
//! [`crate::Running`] brings requests, the tasks of [`crate::connection`] bring what the device says.

mod samples;
mod wanted;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fieldrail_driver::{Failure, Outbox, Reading, State, Tag};
use fieldrail_model::{Quality, Value};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::catalog::{Catalog, Place, Program};
use crate::codec::ams::AmsAddress;
use crate::codec::text::CodePage;
use crate::config::Config;
use crate::device::Device;
use crate::error::Error;
use crate::left::{Held, Left};
use crate::load;
use crate::own::Own;
use crate::writes::Writes;

pub(crate) use wanted::{Wanted, Way};

/// A folded name.
pub(crate) type Key = Rc<str>;

/// Samples of notifications whose handle is not known yet.
const MOST_EARLY: usize = 2048;

/// How the link stands, for the daemon.
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) failure: Failure,
    /// Degraded, and the PLC answers all the same.
    pub(crate) answers: bool,
}

/// Since when, and why, the first end point is not in use.
#[derive(Debug, Clone)]
pub(crate) struct Away {
    pub(crate) since: SystemTime,
    pub(crate) from: String,
    pub(crate) why: String,
}

/// An answer that only the port can give.
pub(crate) enum Reply {
    Returned(u64, Result<serde_json::Value, Failure>),
    Values(u64, Vec<Reading>),
}

/// Bells that wake the tasks.
#[derive(Default)]
pub(crate) struct Bells {
    /// The loop: there is a standing, a reply, or an earlier deadline.
    pub(crate) changed: Notify,
    /// The poller: there is something new to read.
    pub(crate) poll: Notify,
    /// The task of notifications: the demand has changed.
    pub(crate) notify: Notify,
    /// The task of proofs: samples wait for theirs.
    pub(crate) proof: Notify,
    /// The task of notifications: the program runs again, so that what was given up is worth another try.
    pub(crate) again: Notify,
    /// The writer: there is something to write.
    pub(crate) write: Notify,
    /// The connection: the device has answered what it is to send.
    pub(crate) asked: Notify,
    /// The connection: some writes have ended.
    pub(crate) written: Notify,
    /// The connection: the program has changed.
    pub(crate) program: Notify,
    /// The connection: try again now.
    pub(crate) retry: Notify,
    /// The connection: say goodbye.
    pub(crate) leave: Notify,
}

/// The state of the driver.
pub(crate) struct Session {
    pub(crate) config: Config,
    pub(crate) outbox: Outbox,
    pub(crate) bells: Rc<Bells>,
    pub(crate) catalog: Catalog,
    /// Whether the catalog is that of the program that runs.
    pub(crate) loaded: bool,
    pub(crate) file: Option<Program>,
    pub(crate) cache: Option<std::path::PathBuf>,
    /// The instance's own folder.
    pub(crate) folder: Option<std::path::PathBuf>,
    pub(crate) wanted: HashMap<Key, Wanted>,
    pub(crate) patterns: Vec<(String, crate::pattern::Pattern, Vec<Key>)>,
    /// Whose notification a handle is.
    pub(crate) handles: HashMap<u32, Key>,
    early: HashMap<u32, Bytes>,
    /// Samples of which it is not sure of which program they are.
    pub(crate) unproved: Vec<(u32, Bytes)>,
    /// Notifications that nobody needs any more.
    pub(crate) spare: Vec<u32>,
    /// Handles for writing that a broken link left at the device.
    pub(crate) left: Vec<u32>,
    /// The same on the disk, with those that are in use.
    pub(crate) journal: Left,
    /// Whether the device is being asked to send something, or to send it no more.
    pub(crate) asking: bool,
    /// The notification that proves that notifications come, and when it last came.
    pub(crate) beat: Option<(u32, Instant)>,
    pub(crate) device: Option<Rc<Device>>,
    pub(crate) writes: Writes,
    facts: HashMap<Own, Value>,
    /// Why values are not good, while they are not.
    pub(crate) doubt: Option<(Quality, Arc<str>)>,
    /// Tags to renew.
    fresh: Vec<Tag>,
    /// Polled tags for which something else than a round has spoken.
    unsettled: HashSet<Tag>,
    /// Names to be read at once.
    soon: Vec<Key>,
    /// Grows with each change of what is polled, or where it lies.
    epoch: u64,
    pub(crate) standing: Option<Standing>,
    pub(crate) away: Option<Away>,
    pub(crate) replies: Vec<Reply>,
    samples: u64,
    renewals: u64,
    pub(crate) reconnects: u64,
    /// Whether the device has told of another program than the one that is known.
    pub(crate) program_changed: bool,
    /// The version of the program when it was last loaded.
    pub(crate) last_version: Option<u8>,
}

impl Session {
    pub(crate) fn new(config: Config, outbox: Outbox, folder: Option<&std::path::Path>, target: AmsAddress) -> Self {
        let cache = folder.map(|folder| load::file_in(folder, target));
        let pulses = folder.map(|folder| folder.join("pulses.json"));
        let journal = Left::new(folder);
        Self {
            bells: Rc::default(),
            catalog: Catalog::default(),
            loaded: false,
            file: None,
            wanted: HashMap::new(),
            patterns: Vec::new(),
            handles: HashMap::new(),
            early: HashMap::new(),
            unproved: Vec::new(),
            spare: Vec::new(),
            left: journal.held().handles.clone(),
            asking: false,
            beat: None,
            device: None,
            writes: Writes::new(outbox.clone(), pulses),
            facts: HashMap::new(),
            doubt: Some((Quality::NotConnected, "the PLC has not answered yet".into())),
            fresh: Vec::new(),
            unsettled: HashSet::new(),
            soon: Vec::new(),
            epoch: 0,
            standing: None,
            away: None,
            replies: Vec::new(),
            samples: 0,
            renewals: 0,
            reconnects: 0,
            program_changed: false,
            last_version: journal.held().version,
            journal,
            cache,
            folder: folder.map(Into::into),
            config,
            outbox,
        }
    }

    /// What is known before the device answers: the file, and the symbols as they were read last.
    pub(crate) fn remember(&mut self, file: Option<Program>) {
        let known = self.cache.as_deref().and_then(load::remembered);
        self.catalog = Catalog::new(known, file.as_ref(), CodePage::Windows1252);
        self.file = file;
    }

    /// Takes another file, or none. On a link the symbols are read anew as after a change of the program.
    pub(crate) fn take_file(&mut self, file: Option<Program>) {
        if self.device.is_some() {
            self.file = file;
            self.program_changed = true;
            self.bells.program.notify_one();
        } else {
            self.remember(file);
            self.resolve_all();
        }
    }

    /// Takes the symbols of the program that runs.
    pub(crate) fn take_program(&mut self, program: Option<(Program, CodePage)>) {
        let (program, page) = program.map_or((None, CodePage::Windows1252), |(program, page)| (Some(program), page));
        self.catalog = Catalog::new(program, self.file.as_ref(), page);
        self.loaded = true;
        self.resolve_all();
    }

    pub(crate) fn stand(&mut self, state: State, failure: Failure) {
        self.standing = Some(Standing { state, failure, answers: false });
        self.bells.changed.notify_one();
    }

    /// It works, and not in the way it should.
    pub(crate) fn make_do(&mut self, failure: Failure) {
        self.standing = Some(Standing { state: State::Degraded, failure, answers: true });
        self.bells.changed.notify_one();
    }

    /// The device on the link, if there is one and its symbols are known.
    pub(crate) fn ready(&self) -> Option<Rc<Device>> {
        self.device.clone().filter(|_| self.loaded)
    }

    pub(crate) fn reply(&mut self, reply: Reply) {
        self.replies.push(reply);
        self.bells.changed.notify_one();
    }

    /// Something that the device says of itself.
    pub(crate) fn fact(&mut self, own: Own, value: Value) {
        self.facts.insert(own, value);
        self.tell_fact(own);
    }

    fn tell_fact(&mut self, own: Own) {
        let Some(value) = self.facts.get(&own).cloned() else { return };
        // The state is known without a link too: that it is not connected is said by the quality.
        self.emit(&Key::from(own.name()), Ok(value));
    }

    /// The link stands: values become good as they come.
    pub(crate) fn connected(&mut self, device: Rc<Device>) {
        self.device = Some(device);
        self.loaded = false;
    }

    /// The link broke, or the program is another: all values are in doubt until they come anew.
    pub(crate) fn lose(&mut self, quality: Quality, why: &Arc<str>) {
        self.handles.clear();
        self.early.clear();
        self.unproved.clear();
        self.spare.clear();
        self.asking = false;
        self.beat = None;
        self.loaded = false;
        self.doubt_all(quality, why);
    }

    /// A sample of a notification.
    pub(crate) fn notified(&mut self, handle: u32, data: &Bytes) {
        if let Some((beat, time)) = &mut self.beat
            && *beat == handle
        {
            *time = Instant::now();
            let version = self.device.as_ref().and_then(|device| device.version.get());
            if let (Some(&found), Some(version)) = (data.first(), version)
                && found != version
            {
                self.program_changed = true;
                self.bells.program.notify_one();
            }
            return;
        }
        let Some(key) = self.handles.get(&handle).cloned() else {
            if self.early.len() < MOST_EARLY {
                self.early.insert(handle, data.clone());
            }
            return;
        };
        if data.is_empty() {
            // The device cannot read it any more: the poller finds out why.
            self.poll_again(&key);
            return;
        }
        self.unproved(handle, data);
    }

    /// A notification was added for a name; a sample that was faster is taken now.
    pub(crate) fn added(&mut self, key: &Key, handle: u32) {
        let early = self.early.remove(&handle);
        match self.wanted.get_mut(key) {
            Some(wanted) => {
                wanted.way = Way::Notified { handle, heard: false };
                self.handles.insert(handle, Rc::clone(key));
                self.epoch += 1;
                if let Some(data) = early {
                    self.notified(handle, &data);
                }
            }
            None => self.spare.push(handle),
        }
    }

    /// The device is being asked to send something, or has answered.
    pub(crate) fn ask(&mut self, asking: bool) {
        self.asking = asking;
        if !asking {
            self.bells.asked.notify_one();
        }
    }

    /// Notes on the disk what the device holds for us.
    pub(crate) fn note_held(&mut self, is_new_link: bool) {
        let Some(device) = &self.device else { return };
        let mut handles = device.held();
        handles.extend(&self.left);
        let held = Held { version: device.version.get().or(self.last_version), handles };
        self.journal.note(held, is_new_link);
    }

    pub(crate) fn poll_again(&mut self, key: &Key) {
        self.soon.push(Rc::clone(key));
        self.bells.poll.notify_one();
    }

    /// Reads these soon: they were just written.
    pub(crate) fn look_at(&mut self, place: &Place) {
        let of_symbol = |wanted: &Wanted| wanted.place.as_ref().is_some_and(|other| other.symbol == place.symbol);
        let written = self.wanted.iter().filter(|(_, wanted)| of_symbol(wanted)).map(|(key, _)| Rc::clone(key));
        self.soon.extend(written);
        self.bells.poll.notify_one();
    }

    /// What is polled has changed: the poller makes a new plan of it.
    pub(crate) fn replan(&mut self) {
        self.epoch += 1;
        self.bells.poll.notify_one();
    }

    /// Grows with each change of what is polled, or where it lies.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What is to be read at once, each once.
    pub(crate) fn take_soon(&mut self) -> Vec<(Key, Place)> {
        let mut soon = std::mem::take(&mut self.soon);
        soon.sort_unstable();
        soon.dedup();
        let place = |key: Key| {
            let wanted = self.wanted.get(&key).filter(|wanted| wanted.is_polled())?;
            Some((key, wanted.place.clone()?))
        };
        soon.into_iter().filter_map(place).collect()
    }

    /// Whether a name is polled, at this offset.
    pub(crate) fn is_polled_at(&self, key: &Key, offset: u32) -> bool {
        let wanted = self.wanted.get(key).filter(|wanted| wanted.is_polled());
        wanted.and_then(|wanted| wanted.place.as_ref()).is_some_and(|place| place.offset == offset)
    }

    /// Figures for the instance page.
    pub(crate) fn figures(&self) -> Vec<(&'static str, f64)> {
        let client = self.device.as_ref().map(|device| device.client.figures()).unwrap_or_default();
        let notified = self.wanted.values().filter(|wanted| matches!(wanted.way, Way::Notified { .. })).count();
        [
            ("requests", client.requests),
            ("answers_missed", client.silent),
            ("answers_stray", client.stray),
            ("notification_frames", client.notifications),
            ("network_bytes_sent", client.bytes_out),
            ("network_bytes_recv", client.bytes_in),
            ("tags", self.wanted.len() as u64),
            ("tags_notified", notified as u64),
            ("symbols", self.catalog.len() as u64),
            ("samples", self.samples),
            ("renewals", self.renewals),
            ("reconnects", self.reconnects),
            ("writes_waiting", self.writes.len() as u64),
        ]
        .map(|(name, n)| (name, n as f64))
        .into()
    }

    /// The version of the program whose handles may still be at the device.
    pub(crate) fn left_version(&self) -> Option<u8> {
        self.last_version
    }

    /// What the device said of itself.
    pub(crate) fn known_fact(&self, own: Own) -> Option<Value> {
        self.facts.get(&own).cloned()
    }

    /// Forgets samples of unknown handles: those of a notification to come are no older than its request.
    pub(crate) fn forget_early(&mut self) {
        self.early.clear();
    }

    /// Whether a sample of this handle came before the handle was known.
    pub(crate) fn take_early(&mut self, handle: u32) -> bool {
        self.early.remove(&handle).is_some()
    }

    /// How long a variable is polled apart unless somebody says otherwise.
    pub(crate) fn poll(&self) -> Duration {
        Duration::from_millis(self.config.poll_ms.into())
    }
}

/// What happens to writes and reads without a link.
pub(crate) fn no_link() -> Error {
    Error::Broken("there is no link to the PLC".into())
}
