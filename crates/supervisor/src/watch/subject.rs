//! One process of an instance with its descendants: which they are, what they take, and what holds them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::figures::{Figures, percent};
use super::{Machine, ROUND};
use crate::MemoryStage;
use crate::guard::cycles::CycleMeter;
use crate::guard::pace::{Pacer, Turn};
use crate::instance::Shared;
use crate::instance::health::Measured;
use crate::instance::kept::{Subject, lock};
use crate::life::Event;
use crate::limits::{CYCLE, Limits};
use crate::process::tree::{self, Look, ProcessorClock, Reader, Reading};

/// What an instance gets that is near its limit on memory, as a share of one core.
const NEAR_THE_LIMIT: f64 = 0.1;

/// Between two looks at an instance without the limit in question; another limit has it looked at in the next round.
const NEVER: Duration = Duration::from_mins(1);

/// Between two looks at the memory of an instance, and of one that is beyond half of its limit.
const SELDOM: Duration = Duration::from_millis(100);
const OFTEN: Duration = Duration::from_millis(40);

/// What is known of one process.
pub(super) struct Watched {
    shared: Option<Arc<Shared>>,
    subject: Subject,
    /// What is in force; none before the first time.
    limits: Option<Limits>,
    /// The processes, as far as they are known.
    pids: Vec<u32>,
    /// Whether the process stands in its control group.
    grouped: bool,
    /// The share in force, with what memory takes off.
    share: Option<f64>,
    pacer: Option<Pacer>,
    clock: ProcessorClock,
    cycles: CycleMeter,
    cores: usize,
    memory_due: Instant,
    share_due: Instant,
    /// When the time that it is held back was last counted, and how much it was since the last measurement.
    held_at: Instant,
    held_before: Option<Duration>,
    held: Duration,
    measured: Instant,
    reader: Reader,
    reading: Reading,
    /// Whether it has used no tick of processor time between the last two readings.
    rests: bool,
    /// Its sockets when they were last looked up, and whether one of them was that of a network.
    looked_up: Vec<u32>,
    talks: bool,
    figures: Figures,
    /// Time that its processes had stood in the queue for a processor, at the last measurement.
    queued: Option<Duration>,
}

impl Watched {
    pub(super) fn new(subject: &Subject) -> Self {
        let now = Instant::now();
        Self {
            shared: None,
            subject: Subject { group: Arc::clone(&subject.group), ..*subject },
            limits: None,
            pids: vec![subject.pid],
            grouped: false,
            share: None,
            pacer: None,
            clock: ProcessorClock::default(),
            cycles: CycleMeter::default(),
            cores: 1,
            memory_due: now,
            share_due: now,
            held_at: now,
            held_before: None,
            held: Duration::ZERO,
            measured: now,
            reader: Reader::default(),
            reading: Reading::default(),
            rests: false,
            looked_up: Vec::new(),
            talks: false,
            figures: Figures::default(),
            queued: None,
        }
    }

    /// Whether this is the process that is known.
    pub(super) fn is(&self, subject: &Subject) -> bool {
        (self.subject.generation, self.subject.pid) == (subject.generation, subject.pid)
    }

    /// Takes what a person may have changed into force.
    pub(super) fn update(&mut self, shared: &Arc<Shared>, subject: Subject, machine: &Machine) {
        self.subject = subject;
        self.cores = machine.cores;
        self.shared.get_or_insert_with(|| Arc::clone(shared));
        if self.limits == Some(self.subject.limits) {
            return;
        }
        let first = self.limits.is_none();
        let limits = self.subject.limits;
        let before = self.limits.replace(limits);
        let mut group = lock(&self.subject.group);
        if first {
            self.grouped = group.members().is_some_and(|members| members.contains(&self.subject.pid));
        } else if self.grouped {
            group.limit(&limits);
        }
        let most = limits.open_files.filter(|_| before.is_some_and(|before| before.open_files != limits.open_files));
        let processes = if self.grouped { group.holds_processes() } else { None };
        let processor = if self.grouped { group.holds_processor() } else { None };
        let memory = if self.grouped { group.holds_memory() } else { None };
        drop(group);
        if before.is_some_and(|before| before.memory_bytes != limits.memory_bytes) {
            shared.weigh_anew();
        }
        if let Some(most) = most {
            tree::limit_open_files(&self.pids, most.into());
        }
        if before.is_some_and(|before| before.priority != limits.priority) {
            tree::set_nice(&self.pids, limits.priority.nice());
        }
        let by = |is_limited: bool, kernel: Option<&'static str>, else_by| match (is_limited, kernel) {
            (false, _) => "",
            (true, Some(kernel)) => kernel,
            (true, None) => else_by,
        };
        shared.held_by(
            by(limits.cpu_share.is_some(), processor, "pacing"),
            by(limits.memory_bytes.is_some(), memory, "polling"),
            by(limits.processes.is_some(), processes, "polling"),
        );
        self.cycles = CycleMeter::default();
        self.memory_due = Instant::now();
        self.give(limits.cpu_share);
    }

    /// From now on it gets this share, whoever holds it.
    fn give(&mut self, share: Option<f64>) {
        let by_kernel = self.grouped && {
            let group = lock(&self.subject.group);
            // The share in the spec is in force since the process began.
            self.share == share || group.share(share)
        };
        self.share = share;
        match share {
            Some(share) if !by_kernel => {
                self.pacer.get_or_insert_with(|| Pacer::new(share, self.cores)).set_share(share);
            }
            _ => {
                if self.pacer.take().is_some_and(|pacer| pacer.is_stopped()) {
                    tree::stop_or_continue(&self.pids, false);
                }
            }
        }
        self.share_due = Instant::now();
    }

    /// Keeps it within its limits. Returns when to call again.
    pub(super) fn guard(&mut self, now: Instant) -> Instant {
        let Some(shared) = self.shared.clone() else { return now + ROUND };
        if now >= self.memory_due {
            let number = self.number(&shared);
            self.memory_due = now + number.min(self.weigh(&shared));
        }
        if now >= self.share_due {
            self.share_due = now + self.hold(&shared, now);
        }
        self.memory_due.min(self.share_due)
    }

    fn members(&self) -> Vec<u32> {
        if self.grouped
            && let Some(members) = lock(&self.subject.group).members()
            && !members.is_empty()
        {
            return members;
        }
        tree::grown(&self.pids)
    }

    /// Counts its processes and threads, where the kernel does not. Returns after how long to look again.
    fn number(&mut self, shared: &Shared) -> Duration {
        let Some(limit) = self.subject.limits.processes else { return NEVER };
        if self.is_numbered_by_kernel() {
            return NEVER;
        }
        if !self.subject.alone {
            self.pids = self.members();
        }
        if tree::threads_of(&self.pids) > u64::from(limit) {
            shared.over_processes(self.subject.generation);
        }
        SELDOM
    }

    fn is_numbered_by_kernel(&self) -> bool {
        self.grouped && lock(&self.subject.group).holds_processes().is_some()
    }

    /// What is looked at each second: what the kernel refused it, its descriptors, and the files that it may use.
    pub(super) fn follow(&self) {
        let Some(shared) = &self.shared else { return };
        // Who does nothing is refused nothing.
        let may_have_tried = self.subject.limits.processes.is_some() && !self.rests;
        if may_have_tried && self.is_numbered_by_kernel() && shared.was_refused_processes() {
            shared.over_processes(self.subject.generation);
        }
        if let Some(limit) = self.subject.limits.open_files {
            shared.open_files(self.subject.generation, self.reading.most_open_files, limit.into());
        }
        shared.follow_replaced(self.subject.generation);
    }

    /// Takes a look at the memory. Returns after how long to look again.
    fn weigh(&mut self, shared: &Shared) -> Duration {
        let Some(limit) = self.subject.limits.memory_bytes else { return NEVER };
        self.pids = self.members();
        let mut bytes = tree::memory(&self.pids);
        // What several processes share is not held against them several times.
        if self.pids.len() > 1
            && bytes >= limit / 4 * 3
            && let Some(proportional) = tree::proportional(&self.pids)
        {
            bytes = bytes.min(proportional);
        }
        if self.grouped && shared.was_ended_by_kernel() {
            shared.over_memory(self.subject.generation, "took more memory than the kernel gives it");
            return SELDOM;
        }
        let stage = shared.weigh(self.subject.generation, bytes, limit);
        let own = self.subject.limits.cpu_share;
        let share = match stage {
            MemoryStage::Throttled | MemoryStage::Over => Some(own.unwrap_or(f64::MAX).min(NEAR_THE_LIMIT)),
            MemoryStage::Fine | MemoryStage::Warned => own,
        };
        if share != self.share {
            self.give(share);
        }
        if bytes > limit / 2 { OFTEN } else { SELDOM }
    }

    /// Takes a look at the processor time. Returns after how long to look again.
    fn hold(&mut self, shared: &Shared, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.held_at);
        self.held_at = now;
        if self.share.is_none() && self.pacer.is_none() {
            self.held_before = None;
            return NEVER;
        }
        let Some(pacer) = &mut self.pacer else {
            let (mut group, moment) = (lock(&self.subject.group), shared.now());
            if let Some((times, all)) = group.held_back() {
                // The kernel counts each processor; the wall clock has passed only once.
                let held = all.saturating_sub(self.held_before.replace(all).unwrap_or(all)).min(passed);
                let used = group.processor_time();
                drop(group);
                let used = used.unwrap_or_else(|| self.clock.look(&self.pids));
                self.cycles.take(moment, used, times);
                self.count_held(shared, held);
            }
            return CYCLE;
        };
        let was_stopped = pacer.is_stopped();
        if !was_stopped {
            self.pids = tree::grown(&self.pids);
        }
        let used = self.clock.look(&self.pids);
        let (turn, wait) = pacer.turn(shared.now(), used);
        let (stops, stopped) = (pacer.stops(), turn == Turn::Stop);
        self.cycles.take(shared.now(), used, stops);
        if stopped != was_stopped {
            let found = tree::stop_or_continue(&self.pids, stopped);
            if stopped {
                self.pids = found;
            }
        }
        if was_stopped {
            self.count_held(shared, passed);
        }
        wait
    }

    fn count_held(&mut self, shared: &Shared, held: Duration) {
        if !held.is_zero() {
            self.held += held;
            shared.tell(self.subject.generation, Event::HeldBack(held));
        }
    }

    /// Looks after what cannot wait for the next second.
    pub(super) fn look_after(&self) {
        if let Some(shared) = self.shared.as_ref().filter(|shared| shared.is_delicate()) {
            shared.look_after(self.subject.generation, None);
        }
    }

    /// Whether it may have talked over a network: it has sockets of one, or others than when they were last looked up.
    pub(super) fn may_talk(&self) -> bool {
        self.talks || self.reading.sockets != self.looked_up
    }

    /// Finds out which of its sockets are those of a network; programs have others too.
    pub(super) fn look_up(&mut self, machine: &Machine) {
        self.looked_up.clone_from(&self.reading.sockets);
        let is_networks = |inode: &u32| {
            machine.sockets.as_ref().is_ok_and(|all| all.tcp.contains_key(inode) || all.udp.contains(inode))
        };
        self.talks = self.looked_up.iter().any(is_networks);
    }

    /// Reads what it takes.
    pub(super) fn read(&mut self, look: &Look, now: Instant) {
        if !self.subject.alone {
            let members = if self.grouped { lock(&self.subject.group).members() } else { None };
            self.pids = members.filter(|members| !members.is_empty()).unwrap_or_else(|| look.tree(self.subject.pid));
        }
        let before = std::mem::replace(&mut self.reading, self.reader.read(&self.pids, look, now));
        self.rests = self.reading.processor == before.processor;
    }

    /// Makes figures of the last reading and hands them out.
    pub(super) fn publish(&mut self, now: Instant, machine: &Machine) {
        let Some(shared) = &self.shared else { return };
        let queued_now = self.reader.queued(&self.pids);
        let queued = queued_now.saturating_sub(self.queued.replace(queued_now).unwrap_or(queued_now));
        let of_group = if self.grouped { lock(&self.subject.group).processor_time() } else { None };
        let processor = of_group.unwrap_or(self.reading.processor);
        let passed = now.saturating_duration_since(std::mem::replace(&mut self.measured, now));
        let held = std::mem::take(&mut self.held);
        if let Some(mut metrics) = self.figures.take(now, &self.pids, &self.reading, processor, machine) {
            metrics.throttled_percent = percent(held, passed).min(100.0);
            metrics.cycles = self.subject.limits.cpu_share.map(|_| self.cycles.counted());
            let sent_bytes = metrics.network.map(|network| network.bytes_sent);
            let may = self.share.unwrap_or(1.0).clamp(0.01, 1.0);
            let busy = (metrics.cpu_percent + percent(queued, passed)) / 100.0 / may;
            shared.look_after(self.subject.generation, Some(Measured { busy: Some(busy), sent_bytes }));
            shared.publish(self.subject.generation, metrics);
        }
    }
}
