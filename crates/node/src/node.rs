//! The house: files, people, plugins, processes and traffic in one place.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use fieldrail_model::{Address, InstanceId, Level};
use fieldrail_router::{Problem, Rules};
use fieldrail_store::{Change, FileError, Watcher};
use fieldrail_supervisor::{Spec, Supervisor};
use tokio::runtime::Handle;

use crate::alarms::Alarms;
use crate::audit::{Audit, BY_HAND, Deed};
use crate::certificate::Certificates;
use crate::connections::{Connection, VIRTUAL};
use crate::dashboards::{ChartNeeds, Dashboards, Tries};
use crate::datapoints::About;
use crate::demand::Need;
use crate::errors::Errors;
use crate::files::{self, FileName, Files};
use crate::instances::{Rates, Refusal};
use crate::logbook::Logbook;
use crate::machine::Machine;
use crate::own::Own;
use crate::panic::Panic;
use crate::people::People;
use crate::plugins::{Plugin, Plugins};
use crate::pulses::Pulses;
use crate::reserve::Reserve;
use crate::traffic::{Facts, House, Traffic};
use crate::{Error, Result};

/// Where a house lives.
#[derive(Debug, Clone)]
pub struct Options {
    /// What people decide.
    pub config: PathBuf,
    /// What the box remembers.
    pub state: PathBuf,
    /// Folders with plugins.
    pub plugins: Vec<PathBuf>,
    /// With which arguments this very program calls [`crate::confine`] with those that follow; none means that no plugin is
    /// walled in.
    pub confiner: Option<Vec<String>>,
}

/// One house.
pub struct Node {
    pub(crate) files: Files,
    people: People,
    pub(crate) plugins: Plugins,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) supervisor: Arc<Supervisor>,
    /// For work that begins on the watcher's thread.
    pub(crate) runtime: Handle,
    pub(crate) logbook: Arc<Logbook>,
    pub(crate) config: PathBuf,
    pub(crate) errors: Arc<Errors>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) state: PathBuf,
    /// The connections in force.
    pub(crate) running: Mutex<BTreeMap<InstanceId, Connection>>,
    /// What the HTTPS listener shows.
    pub(crate) certificates: Certificates,
    /// Why the rules on disk are not in force.
    pub(crate) rules_fault: Mutex<Option<FileError>>,
    /// What the rules in force need of the instances.
    rule_needs: Mutex<Vec<(InstanceId, Need)>>,
    /// What each instance with a process runs with, and whether it is to run.
    pub(crate) specs: Mutex<BTreeMap<InstanceId, (bool, Spec)>>,
    /// Why an instance is configured and cannot even be started.
    pub(crate) refused: Mutex<BTreeMap<InstanceId, Refusal>>,
    pub(crate) rates: Rates,
    /// One change of the configuration at a time.
    pub(crate) changing: Mutex<()>,
    pub(crate) started: std::time::Instant,
    pub(crate) panic: Panic,
    pub(crate) alarms: Alarms,
    pub(crate) dashboards: Dashboards,
    /// What the saved charts need of the instances.
    pub(crate) chart_needs: Mutex<ChartNeeds>,
    /// Wrong tries at the PIN of the house.
    pub(crate) pin_tries: Tries,
    /// Searches through the trees of devices that may go on at one time.
    pub(crate) searches: tokio::sync::Semaphore,
    /// Turns of the daemon's pulse: it stands still when the router does.
    pub(crate) turns: AtomicU64,
    /// Somebody wants the daemon to begin anew.
    pub(crate) restart: tokio::sync::watch::Sender<bool>,
    /// What the house says of itself.
    pub(crate) own: Own,
    /// Room on the disk for what must be written.
    pub(crate) reserve: Arc<Reserve>,
    /// The thread that looks at the box, ended by dropping its sender.
    pub(crate) watching: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
    watcher: Mutex<Option<Watcher>>,
}

impl Node {
    /// Opens the house and starts what is configured. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// The folders cannot be used. Broken files are no error: what can run does, and the log says what cannot.
    pub fn open(options: &Options) -> Result<Arc<Self>> {
        make_folder(&options.config)?;
        make_folder(&options.state)?;
        let reserve = Arc::new(Reserve::of(options));
        reserve.give_way();
        let files = Files::open(&options.config)?;
        let restored = crate::restoration::finish(&files, &options.config);
        let users = files::open(&options.config, FileName::Users)?;
        let (people, fault) = People::open_with_sessions(users, &options.state);
        let logbook = Arc::new(Logbook::open(&options.config.join("system_logs.db"))?);
        if let Some(restored) = restored {
            logbook.write(Level::Warn, None, restored);
        }
        if let Some(fault) = fault {
            logbook.write(
                Level::Warn,
                None,
                format!("The sessions of before are lost; everybody logs in again. {fault}"),
            );
        }
        let outbox = crate::remembered::open(&options.state, &logbook)?;
        let (pulses, fault) = Pulses::open(&options.state);
        if let Some(fault) = fault {
            let message = format!("The journal of running pulses was damaged; look at what they switched. {fault}");
            logbook.write(Level::Error, None, message);
        }
        let errors = Arc::new(Errors::open(fieldrail_store::Errors::new(logbook.logs()), &options.state)?);
        let audit = Arc::new(Audit::open(fieldrail_store::AuditTrail::new(logbook.logs()), Arc::clone(&errors))?);
        let (alarms, fault) = Alarms::open(&options.state);
        if let Some(fault) = fault {
            let message = format!("What was known of alarms was damaged and is begun anew. {fault}");
            logbook.write(Level::Error, None, message);
        }
        let (dashboards, lost) = Dashboards::open(&options.config, &files.widgets)?;
        if let Some(lost) = lost {
            logbook.write(Level::Warn, None, lost);
        }
        let traffic = Traffic::new(Arc::clone(&logbook), Arc::clone(&errors), Arc::clone(&audit), outbox, pulses);
        let mut supervision = fieldrail_supervisor::Options::new(&options.state, crate::clock::wall);
        supervision.confiner.clone_from(&options.confiner);
        supervision.say_time = Arc::new(crate::clock::minute);
        supervision.without_cgroups = files.settings.snapshot().is_some_and(|file| !file.value.cgroups);
        let listener: Arc<dyn fieldrail_supervisor::Listener> = Arc::clone(&traffic) as _;
        let supervisor = Supervisor::new(supervision, listener)
            .map_err(|error| Error::Internal(format!("the supervisor cannot start: {error}")))?;
        let supervisor = Arc::new(supervisor);
        traffic.join(&supervisor);
        let node = Arc::new(Self {
            files,
            people,
            plugins: Plugins::scan(&options.plugins),
            traffic,
            supervisor,
            runtime: Handle::current(),
            logbook,
            config: options.config.clone(),
            errors,
            audit,
            state: options.state.clone(),
            certificates: Certificates::new(&options.state, &options.config),
            running: Mutex::default(),
            rules_fault: Mutex::default(),
            rule_needs: Mutex::default(),
            specs: Mutex::default(),
            refused: Mutex::default(),
            rates: Rates::default(),
            changing: Mutex::default(),
            started: std::time::Instant::now(),
            panic: Panic::open(&options.state),
            alarms,
            dashboards,
            chart_needs: Mutex::default(),
            pin_tries: Tries::default(),
            searches: tokio::sync::Semaphore::new(crate::search::AT_ONCE),
            reserve,
            turns: AtomicU64::default(),
            restart: tokio::sync::watch::Sender::new(false),
            own: Own::new(
                &options.state,
                Machine::new(vec![("config", options.config.clone()), ("state", options.state.clone())]),
            ),
            watching: Mutex::default(),
            watcher: Mutex::default(),
        });
        node.errors.join(&node);
        node.begin(&options.config)?;
        node.look_at_certificate();
        node.watch_itself();
        node.watch_alarms();
        Ok(node)
    }

    fn begin(self: &Arc<Self>, config: &Path) -> Result<()> {
        for fault in self.faults() {
            self.report(&fault);
        }
        self.note_own("daemon.start", "", format!("version {}", env!("CARGO_PKG_VERSION")));
        // Before anything is started.
        self.resume_panic();
        self.apply_datapoints();
        self.remember_computed();
        self.apply_connections();
        // Also in a house whose connections cannot be read.
        self.apply_alarms();
        self.begin_dashboards();
        let weak = Arc::downgrade(self);
        let watcher = Watcher::start(config, move |names| {
            if let Some(node) = weak.upgrade() {
                node.files_changed(names);
            }
        })?;
        *lock(&self.watcher) = Some(watcher);
        let node = Arc::downgrade(self);
        let mut people = self.people.revocations();
        tokio::spawn(async move {
            // Some instances run with a list of who may log in.
            while people.changed().await.is_ok() {
                let Some(node) = node.upgrade() else { return };
                node.apply_connections();
            }
        });
        let node = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut pulse = tokio::time::interval(Duration::from_millis(200));
            pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                pulse.tick().await;
                let Some(node) = node.upgrade() else { return };
                node.traffic.tick();
                let ids = lock(&node.running).keys().cloned().collect::<Vec<_>>();
                node.traffic.expire_commands(&ids);
                node.traffic.rouse(&ids);
                node.end_own_pulses();
                node.keep_computed();
                node.keep_dashboards_later();
                node.rates.take(&node.supervisor);
                node.turns.fetch_add(1, Ordering::Relaxed);
                node.traffic.take_rests(&ids);
            }
        });
        Ok(())
    }

    /// Users, sessions and tokens.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The drivers and plugins at hand.
    pub fn plugins(&self) -> &Plugins {
        &self.plugins
    }

    /// How the daemon itself behaves; the last good settings.
    pub fn settings(&self) -> crate::settings::Settings {
        self.files.settings.snapshot().map(|file| file.value.clone()).unwrap_or_default()
    }

    /// What is wrong with the configuration on disk. What is in force is the last that was right.
    pub fn faults(&self) -> Vec<FileError> {
        let mut faults = self.files.faults();
        faults.extend(lock(&self.rules_fault).clone());
        faults.extend(self.dashboards.desk().fault());
        faults.extend(self.people.fault());
        faults.extend(self.certificates.fault());
        faults
    }

    /// How long the house has been kept.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The house's log.
    pub fn logbook(&self) -> &Logbook {
        &self.logbook
    }

    /// Writes a file that only this user may read.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save_private(&self, path: &Path, contents: &impl serde::Serialize) -> Result<()> {
        Ok(fieldrail_store::state::save(path, contents)?)
    }

    /// Stops everything in order; what does not stop in time is killed.
    pub async fn close(&self) {
        lock(&self.watcher).take();
        self.stop_watching_itself();
        self.supervisor.shutdown(Duration::from_secs(4)).await;
        self.keep_computed();
        self.write_dashboards();
        self.errors.flush();
        self.note_own("daemon.stop", "", "");
        self.audit.close();
        self.logbook.write(Level::Info, None, "Fieldrail has stopped.");
    }

    /// Hand edits: each file that is right takes force, each that is wrong is reported and changes nothing.
    fn files_changed(&self, names: &[String]) {
        let _runtime = self.runtime.enter();
        for name in names {
            let Some(file) = FileName::ALL.into_iter().find(|file| file.as_str() == name) else { continue };
            let fault = match file {
                FileName::Settings => self.on_change(file, self.files.settings.refresh(), |_| {}),
                FileName::Datapoints => self.on_change(file, self.files.datapoints.refresh(), Self::datapoints_changed),
                FileName::Widgets => {
                    self.widgets_file_changed(fieldrail_store::HAND_EDIT);
                    None
                }
                FileName::Connections => {
                    self.on_change(file, self.files.connections.refresh(), Self::apply_connections)
                }
                FileName::Secrets => self.on_change(file, self.files.secrets.refresh(), Self::apply_connections),
                FileName::Routing => self.on_change(file, self.files.routing.refresh(), Self::apply_rules),
                FileName::Users => self.on_change(file, self.people.refresh(), |_| {}),
            };
            if let Some(fault) = fault {
                self.report(&fault);
            }
        }
    }

    /// Somebody changed a file with an editor, or with a command that needs no daemon.
    fn note_hand_edit(&self, file: &str) {
        self.audit.note(Deed {
            by: BY_HAND.into(),
            action: "file.changed".into(),
            target: file.into(),
            outcome: "done".into(),
            ..Deed::default()
        });
    }

    fn on_change<T>(&self, file: FileName, change: Change<T>, apply: impl Fn(&Self)) -> Option<FileError> {
        match change {
            Change::Same => None,
            Change::New(_) => {
                self.note_hand_edit(file.as_str());
                apply(self);
                None
            }
            Change::Broken(fault) => Some(fault),
        }
    }

    pub(crate) fn report(&self, fault: &FileError) {
        let hint = fault.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        tracing::error!("{fault}{hint}");
        self.logbook.write(Level::Error, None, format!("{fault}{hint}; what was in force stays."));
    }

    fn apply_datapoints(&self) {
        if let Some(file) = self.files.datapoints.snapshot() {
            let about = file.value.datapoints.iter().map(|(address, about)| (address.clone(), about.clone())).collect();
            self.traffic.engine().set_about(about);
            self.apply_expectations();
        }
    }

    /// What people say about datapoints may make a rule right or wrong.
    pub(crate) fn datapoints_changed(&self) {
        self.apply_datapoints();
        self.apply_rules();
    }

    /// Compiles the rules on disk and takes them into force, unless they are wrong.
    pub(crate) fn apply_rules(&self) {
        let _one = lock(&self.changing);
        self.apply_rules_locked();
    }

    pub(crate) fn apply_rules_locked(&self) {
        self.apply_alarms();
        let Some(file) = self.files.routing.snapshot() else { return };
        match self.compile(&file.value) {
            Ok(rules) => {
                lock(&self.rules_fault).take();
                for warning in rules.warnings() {
                    self.logbook.write(Level::Warn, None, format!("routing.json: {}", warning.message));
                }
                self.take_rules(rules);
            }
            Err(problems) => {
                let fault = problems.first().map(|problem| crate::check::fault(&file, problem));
                if let Some(fault) = &fault {
                    self.report(fault);
                }
                *lock(&self.rules_fault) = fault;
            }
        }
    }

    /// Checks and compiles rules against the instances and what was said about datapoints.
    pub(crate) fn compile(&self, rules: &fieldrail_router::RoutingFile) -> std::result::Result<Rules, Vec<Problem>> {
        let (instances, about) = self.surroundings();
        Rules::compile(rules, &House { instances: &instances, about: &about })
    }

    /// What rules are checked against, so that the router goes on meanwhile.
    pub(crate) fn surroundings(&self) -> (BTreeMap<InstanceId, Facts>, HashMap<Address, About>) {
        let engine = self.traffic.engine();
        (engine.instances.clone(), engine.about.clone())
    }

    fn take_rules(&self, rules: Rules) {
        let wanted = rules.needs();
        let mut engine = self.traffic.engine();
        engine.router.swap(rules);
        engine.epoch = engine.epoch.wrapping_add(1);
        let ids = engine.router.routes().map(|(_, spec, _)| spec.id.clone());
        self.traffic.latencies.renew(engine.epoch, ids);
        engine.forget_slots();
        let needed = engine.needs_of(&wanted);
        let durable = engine.sources_of_durable_routes();
        drop(engine);
        self.supervisor.keep_all_of(&durable);
        self.traffic.need(needed.clone());
        let before = std::mem::replace(&mut *lock(&self.rule_needs), needed);
        self.traffic.release(before);
    }

    /// The plugin of a connection; none for a virtual one.
    pub(crate) fn plugin_of(&self, connection: &Connection) -> Result<Option<&Arc<Plugin>>> {
        if connection.driver == VIRTUAL { Ok(None) } else { self.plugins.get(&connection.driver).map(Some) }
    }
}

fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::Unavailable {
        message: format!("cannot make the folder {}: {error}", folder.display()),
        hint: Some("may this user write there?".into()),
    })
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
