//! The task that holds a line: it opens it, asks what the session wants to know, sets switches, and opens the line again when
//! it breaks.

use std::cell::RefCell;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use fieldrail_driver::{Backoff, Failure};
use tokio::time::{Instant, sleep, sleep_until};

use crate::battery::{Battery, Need, Reading};
use crate::detect::{self, Open};
use crate::error::Error;
use crate::exchange::{Heard, ask, listen};
use crate::fault::Fault;
use crate::session::{Polled, Session, Task, Write};
use crate::setup::{Choice, LineSetup, PackSetup};
use crate::transport::{Place, Wire, is_handed_over};

/// The first and the longest wait between two tries.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// A battery that speaks by itself and is silent for so long does not answer.
const SILENCE: Duration = Duration::from_secs(5);

/// So often each question is asked until it is answered.
const TRIES: u32 = 2;

/// A connection on which nothing was heard for so long is opened anew: the other side may be gone without a word.
const STALE: Duration = Duration::from_secs(30);

/// Where it was found out which battery it is, that is found out anew after so long without a word.
const ANOTHER: Duration = Duration::from_mins(1);

/// So often it is looked whether a switch is set, with this rest in between.
const CHECKS: (u32, Duration) = (5, Duration::from_millis(400));

/// A battery whose link was handed over to others is not doubted for so long.
const NEXT: Duration = Duration::from_secs(30);

type Shared = Rc<RefCell<Session>>;

/// Holds a line for ever.
pub(crate) async fn hold(session: Shared, line: usize, setup: LineSetup, packs: Vec<PackSetup>) {
    let mut waits = Backoff::new(WAITS.0, WAITS.1);
    let mut known: Option<Choice> = None;
    let timeout = session.borrow().timeout;
    let mut is_next = false;
    loop {
        let opened = async {
            let mut opening = std::pin::pin!(detect::open(&setup, &packs, known, timeout));
            tokio::select! {
                biased;
                opened = &mut opening => return opened,
                () = sleep(NEXT), if is_next => {}
            }
            let failure = Failure::new(format!("{} waits for its turn at the adapter", setup.place));
            let failure = failure.hint("others hold the link for long: does the adapter bear more `links`?");
            session.borrow_mut().lost(line, failure, NEXT);
            opening.await
        };
        let opened = opened.await;
        is_next = false;
        let failure = match opened {
            Ok(open) => {
                known = Some(open.choice);
                let mut speaker = Speaker { session: Rc::clone(&session), line, timeout, heard: None, open };
                speaker.session.borrow_mut().connected(line, speaker.open.choice, Instant::now());
                let error = speaker.speak(&setup).await;
                if speaker.heard.is_some() {
                    waits.reset();
                }
                if is_handed_over(&error) {
                    is_next = true;
                    continue;
                }
                if error.kind() == io::ErrorKind::TimedOut && setup.choices.len() > 1 {
                    known = None;
                }
                broken(&error)
            }
            Err(error) => Failure::from(error),
        };
        let wait = waits.next(random());
        session.borrow_mut().lost(line, failure, wait);
        sleep(wait).await;
    }
}

/// One line while it is open.
struct Speaker {
    session: Shared,
    line: usize,
    timeout: Duration,
    /// When anything was heard last.
    heard: Option<Instant>,
    open: Open,
}

impl Speaker {
    /// Does what there is to do until the line breaks.
    async fn speak(&mut self, setup: &LineSetup) -> io::Error {
        match self.speak_on(setup).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn speak_on(&mut self, setup: &LineSetup) -> io::Result<std::convert::Infallible> {
        let begun = Instant::now();
        let limit = match &setup.place {
            _ if setup.choices.len() > 1 => Some(ANOTHER),
            Place::Tcp { .. } | Place::Bluetooth(_) => Some(STALE),
            _ => None,
        };
        self.open_batteries().await?;
        if self.open.choice.variant.is_passive || self.open.wire.only_listens() {
            return self.listen_on(begun, limit).await;
        }
        let work = Rc::clone(&self.session.borrow().work[self.line]);
        loop {
            let task = self.session.borrow_mut().next(self.line, Instant::now());
            match task {
                Task::Poll(pack, need) => {
                    let polled = self.poll(pack, need).await?;
                    self.session.borrow_mut().polled(pack, polled, Instant::now());
                    self.is_stale(begun, limit)?;
                }
                Task::Write(write) => {
                    let end = self.set(&write).await?;
                    self.session.borrow_mut().wrote(*write, end, Instant::now());
                }
                Task::Rest(until) => {
                    tokio::select! {
                        () = work.notified() => {}
                        () = rest(until) => {}
                        read = self.open.wire.read() => self.unasked(&read?),
                    }
                }
            }
        }
    }

    /// Says what has to be said before anything else.
    async fn open_batteries(&mut self) -> io::Result<()> {
        for at in 0..self.open.batteries.len() {
            for question in self.open.batteries[at].1.opening() {
                let Open { wire, batteries, .. } = &mut self.open;
                let heard = ask(&mut **wire, &mut *batteries[at].1, &question, self.timeout).await?;
                self.count(&heard);
            }
        }
        let mut session = self.session.borrow_mut();
        for (pack, battery) in &self.open.batteries {
            session.packs[*pack].switches = Some(battery.switches());
        }
        Ok(())
    }

    /// A battery that speaks by itself, for ever.
    async fn listen_on(&mut self, begun: Instant, limit: Option<Duration>) -> io::Result<std::convert::Infallible> {
        loop {
            let Open { wire, batteries, .. } = &mut self.open;
            let Some((pack, battery)) = batteries.first_mut() else { return Err(io::ErrorKind::NotFound.into()) };
            let pack = *pack;
            let heard = listen(&mut **wire, &mut **battery, SILENCE).await?;
            self.count(&heard);
            let polled = if heard.reading.is_empty() {
                let why = format!("nothing came for {} s", SILENCE.as_secs());
                Polled::Nothing(self.failure(pack, heard.fault().cloned(), why))
            } else {
                Polled::Values { reading: self.with_loudness(heard.reading), is_identified: true }
            };
            let mut session = self.session.borrow_mut();
            session.polled(pack, polled, Instant::now());
            session.tick(Instant::now());
            drop(session);
            self.is_stale(begun, limit)?;
        }
    }

    /// Asks one battery for what is needed.
    async fn poll(&mut self, pack: usize, need: Need) -> io::Result<Polled> {
        let Some(at) = self.open.batteries.iter().position(|(own, _)| *own == pack) else {
            return Ok(Polled::Nothing(Failure::new("it is not on this line")));
        };
        let mut reading = Reading::default();
        let (mut is_answered, mut fault) = (false, None);
        for question in self.open.batteries[at].1.poll(need) {
            if !self.session.borrow().packs[pack].asks(question.name) {
                continue;
            }
            let mut heard = Heard::default();
            for _ in 0..TRIES {
                let Open { wire, batteries, .. } = &mut self.open;
                heard = ask(&mut **wire, &mut *batteries[at].1, &question, self.timeout).await?;
                self.count(&heard);
                reading.merge(std::mem::take(&mut heard.reading));
                fault = heard.fault().cloned().or(fault);
                if heard.is_answered {
                    break;
                }
            }
            self.session.borrow_mut().packs[pack].answered(question.name, heard.is_answered);
            is_answered |= heard.is_answered;
            if !is_answered && reading.is_empty() {
                // Who does not answer the first question is not asked the others.
                break;
            }
        }
        if reading.is_empty() {
            let why = format!("no answer within {} ms", self.timeout.as_millis());
            return Ok(Polled::Nothing(self.failure(pack, fault, why)));
        }
        Ok(Polled::Values { reading: self.with_loudness(reading), is_identified: need.identity })
    }

    /// The same with how loud the battery was heard, where it speaks over the air.
    fn with_loudness(&self, mut reading: Reading) -> Reading {
        if let Some(loudness) = self.open.wire.loudness() {
            loudness.tell(&mut reading);
        }
        reading
    }

    /// Sets a switch, and looks whether it is set.
    async fn set(&mut self, write: &Write) -> io::Result<Result<(), Failure>> {
        let Some(at) = self.open.batteries.iter().position(|(pack, _)| *pack == write.pack) else {
            return Ok(Err(Failure::new("it is not on this line")));
        };
        let tag = || write.tag.to_string();
        let Some(switch) = self.open.batteries[at].1.switches().iter().find(|switch| switch.name == write.name) else {
            return Ok(Err(Error::ReadOnly(tag()).into()));
        };
        let basic = Need { cells: false, identity: false };
        if switch.needs_state {
            // Both switches are told at once: the other one must stay as it is now, not as it was.
            let polled = self.poll(write.pack, basic).await?;
            if let Polled::Nothing(failure) = polled {
                return Ok(Err(failure.again()));
            }
            self.session.borrow_mut().polled(write.pack, polled, Instant::now());
        }
        let latest = self.session.borrow().packs[write.pack].latest.clone();
        let questions = match self.open.batteries[at].1.switch(&write.name, write.on, &latest) {
            Ok(questions) => questions,
            Err(fault) => return Ok(Err(Error::Refused { tag: tag(), fault }.into())),
        };
        for question in questions {
            let Open { wire, batteries, .. } = &mut self.open;
            let heard = ask(&mut **wire, &mut *batteries[at].1, &question, self.timeout).await?;
            self.count(&heard);
            if let Some(fault) = heard.faults.iter().find(|fault| matches!(fault, Fault::Refused(_))) {
                return Ok(Err(Error::Refused { tag: tag(), fault: fault.clone() }.into()));
            }
            // Whoever does not answer a write may have taken it: what it shows then decides.
        }
        for check in 0..CHECKS.0 {
            if check > 0 {
                sleep(CHECKS.1).await;
            }
            let polled = self.poll(write.pack, basic).await?;
            let mut session = self.session.borrow_mut();
            session.polled(write.pack, polled, Instant::now());
            let pack = &session.packs[write.pack];
            if !pack.answers() {
                let why = "it may have been written".into();
                return Ok(Err(Error::Silent { who: pack.shown.clone(), why }.again()));
            }
            if pack.latest.is_on(&write.name) == Some(write.on) {
                return Ok(Ok(()));
            }
        }
        let session = self.session.borrow();
        let kept = session.packs[write.pack].latest.is_on(&write.name);
        let kept = kept.map_or_else(|| "nothing".into(), |on| if on { "on".into() } else { "off".into() });
        Ok(Err(Error::Kept { tag: tag(), kept }.into()))
    }

    /// Something came that was not asked for: values, if only one battery can have said them.
    fn unasked(&mut self, bytes: &[u8]) {
        let [(pack, battery)] = &mut self.open.batteries[..] else { return };
        let mut reading = Reading::default();
        for found in battery.feed(bytes).into_iter().flatten() {
            reading.merge(found.reading);
        }
        if !reading.is_empty() {
            let polled = Polled::Values { reading, is_identified: false };
            self.session.borrow_mut().polled(*pack, polled, Instant::now());
        }
    }

    fn count(&mut self, heard: &Heard) {
        if heard.is_heard {
            self.heard = Some(Instant::now());
        }
        self.session.borrow_mut().count(heard);
    }

    /// Why there are no values.
    fn failure(&self, pack: usize, fault: Option<Fault>, why: String) -> Failure {
        let who = self.session.borrow().packs[pack].shown.clone();
        match fault {
            Some(fault) if !fault.is_foreign() => Error::Garbled { who, fault }.into(),
            Some(fault) => Error::Silent { who, why: fault.to_string() }.into(),
            None => Error::Silent { who, why }.into(),
        }
    }

    /// An error if nothing was heard for too long.
    fn is_stale(&self, begun: Instant, limit: Option<Duration>) -> io::Result<()> {
        match limit.filter(|limit| self.heard.unwrap_or(begun).elapsed() > *limit) {
            Some(limit) => {
                let why = format!("nothing was heard for {} s", limit.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, why))
            }
            None => Ok(()),
        }
    }
}

async fn rest(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn broken(error: &io::Error) -> Failure {
    let of_bluetooth = error.get_ref().and_then(|cause| cause.downcast_ref::<fieldrail_link_ble::Error>());
    if let Some(cause) = of_bluetooth {
        return Error::Bluetooth(cause.clone()).into();
    }
    let hint = match error.kind() {
        io::ErrorKind::InvalidData => "something talks all the time: is it another device, or the wrong speed?",
        io::ErrorKind::TimedOut => "is the battery awake, and are the two data wires not swapped?",
        _ => "was the adapter pulled out, or does the serial server take one connection only?",
    };
    Failure::new(format!("the link broke: {error}")).hint(hint)
}

/// A number that differs between instances and tries; a hash key is random enough for that.
fn random() -> u32 {
    u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0)
}

/// The decoders of one line, each with the pack that it is for.
pub(crate) type Batteries = Vec<(usize, Box<dyn Battery>)>;

/// A way that is open.
pub(crate) type Way = Box<dyn Wire>;
