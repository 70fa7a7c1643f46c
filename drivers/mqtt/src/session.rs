//! What the driver knows: the demand, the values, the writes, and how the link stands. No I/O of its own; the loop in
//! [`crate::Running`] brings requests, the task in [`crate::connection`] brings events. Reads and writes are in files of
//! their own.

mod reads;
mod writes;

use reads::Reader;
use writes::Target;
pub(crate) use writes::writable;

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fieldrail_driver::{Failure, Outbox, Reading, SampleItem, State, Subscription, clock, waits_for};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::browse::Browsing;
use crate::config::{Config, Protocol};
use crate::demand::Demand;
use crate::error::Error;
use crate::incoming::Topics;
use crate::link::{Event, IN_FLIGHT, Limits, Message, Receipt, Sender};
use crate::outgoing::Outgoing;
use crate::plan::{Change, Filters, cover};
use crate::rules::Rules;
use crate::topic::{Tag, filter_matches};

/// Subscriptions of a moment go out together.
const GATHER: Duration = Duration::from_millis(2);

/// How long two copies of a message may be apart while filters overlap.
const OVERLAP: Duration = Duration::from_millis(500);

/// Filters in one packet.
const FILTERS: usize = 100;

/// How the link stands, for the daemon.
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) failure: Failure,
    /// Degraded, and the device answers all the same.
    pub(crate) answers: bool,
}

/// Since when, and why, the first broker is not in use.
#[derive(Debug, Clone)]
struct Away {
    since: SystemTime,
    why: String,
    /// It answers again, and the link to the second is given up.
    is_over: bool,
}

/// An answer that only the port can give.
pub(crate) enum Reply {
    Returned(u64, Result<serde_json::Value, Failure>),
    Values(u64, Vec<Reading>),
}

/// The state of the driver.
pub(crate) struct Session {
    /// The brokers, the first one first, and which of them is in use or tried next.
    brokers: Vec<String>,
    point: usize,
    /// While the first one is not in use.
    away: Option<Away>,
    pub(crate) rules: Rules,
    send_origin: bool,
    /// An echo tells its origin by itself.
    origin_travels: bool,
    outbox: Outbox,
    demand: Demand,
    topics: Topics,
    outgoing: Outgoing,
    targets: HashMap<Arc<str>, Target>,
    pub(crate) browsing: Browsing,
    readers: Vec<Reader>,
    /// What the broker waits for: how far the daemon must have accepted samples, and the acknowledgement, in the order of
    /// arrival. Bounded by the numbers that MQTT has for messages under way, 65,535.
    unacknowledged: VecDeque<(u64, Receipt)>,
    /// Messages on which the last word is not handed to the socket yet. A goodbye would overtake it; and what the broker still
    /// says of them, unread when the socket is closed, would make the kernel throw away what the broker has not read.
    unsaid: usize,
    sender: Option<Sender>,
    limits: Limits,
    /// What the broker was asked for on this link. What it refused stays here, so that it is not asked again.
    active: Filters,
    /// Rises with each change of `active`.
    plan: u64,
    /// When the demand is to be compared with `active`.
    replan: Option<Instant>,
    /// Subscriptions on the way to the socket, then on the way back.
    asked: VecDeque<Vec<(String, u8)>>,
    unanswered: HashMap<u16, Vec<(String, u8)>>,
    /// To be unsubscribed when all is answered.
    leaving: Vec<String>,
    pub(crate) lost_since: Option<SystemTime>,
    pub(crate) standing: Option<Standing>,
    pub(crate) replies: Vec<Reply>,
    /// Wakes the loop: there is a standing, a reply, or an earlier deadline.
    pub(crate) changed: Rc<Notify>,
    /// Wakes a link that waits for room: there is something to send.
    pub(crate) handed: Rc<Notify>,
    /// The daemon has said what it needs, for the first time or again.
    pub(crate) asked_for: Rc<Notify>,
    /// Until when the loop sleeps, if nothing wakes it.
    alarm: Option<Instant>,
    pub(crate) stopping: bool,
}

impl Session {
    pub(crate) fn new(config: &Config, outbox: Outbox) -> Self {
        Self {
            brokers: config.end_points().iter().map(Config::broker).collect(),
            point: 0,
            away: None,
            rules: Rules::new(config),
            send_origin: config.send_origin,
            origin_travels: config.send_origin && config.protocol == Protocol::V5,
            topics: Topics::new(outbox.clone()),
            outbox,
            demand: Demand::default(),
            outgoing: Outgoing::default(),
            targets: HashMap::new(),
            browsing: Browsing::default(),
            readers: Vec::new(),
            unacknowledged: VecDeque::new(),
            unsaid: 0,
            sender: None,
            limits: Limits { in_flight: IN_FLIGHT, qos: 2, retain: true, packet_bytes: config.max_packet_bytes },
            active: Filters::new(),
            plan: 0,
            replan: None,
            asked: VecDeque::new(),
            unanswered: HashMap::new(),
            leaving: Vec::new(),
            lost_since: None,
            standing: None,
            replies: Vec::new(),
            changed: Rc::default(),
            handed: Rc::default(),
            asked_for: Rc::default(),
            alarm: None,
            stopping: false,
        }
    }

    /// Which broker is in use, or tried next.
    pub(crate) fn point(&self) -> usize {
        self.point
    }

    /// Its name.
    fn broker(&self) -> &str {
        self.brokers.get(self.point).map_or("", String::as_str)
    }

    /// Whether the link is given up because the first broker answers again.
    pub(crate) fn is_going_home(&self) -> bool {
        self.away.as_ref().is_some_and(|away| away.is_over)
    }

    /// The first broker answers again: leaves the second in order.
    pub(crate) fn go_home(&mut self) {
        if let Some(away) = &mut self.away {
            away.is_over = true;
        }
        self.acknowledge();
        self.hand_over(Instant::now());
        self.leave();
    }

    /// Whether the broker answers.
    pub(crate) fn is_connected(&self) -> bool {
        self.sender.is_some()
    }

    /// Whether the link has something to put on the socket.
    pub(crate) fn is_handing(&self) -> bool {
        self.outgoing.is_handing() || !self.asked.is_empty()
    }

    fn is_had(&self, topic: &str) -> bool {
        self.active.contains_key(topic) || self.active.keys().any(|filter| filter_matches(filter, topic))
    }

    // Requests.

    /// Takes subscriptions; one answer for each.
    pub(crate) fn subscribe(&mut self, items: Vec<Subscription>) -> Vec<fieldrail_driver::SubscribedItem> {
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            let answer = self.demand.add(item.tag, item.pattern);
            if answer.failure.is_none() {
                self.greet(&answer.tag, item.pattern);
            }
            answers.push(answer);
        }
        self.replan.get_or_insert(Instant::now() + GATHER);
        self.asked_for.notify_one();
        answers
    }

    /// Sends what is known already: for a filter that is had, the broker sends no retained message again.
    fn greet(&mut self, tag: &str, pattern: bool) {
        if pattern {
            let active = &self.active;
            let is_had = |topic: &str| active.keys().any(|filter| filter_matches(filter, topic));
            self.topics.greet_all(&self.demand, is_had);
        } else if let Ok(tag) = Tag::parse(tag)
            && self.is_had(tag.topic)
        {
            self.topics.greet(tag.topic, &self.demand);
        }
    }

    /// Takes subscriptions back.
    pub(crate) fn unsubscribe(&mut self, tags: &[String]) {
        for tag in tags {
            self.demand.remove(tag);
        }
        self.replan.get_or_insert(Instant::now() + GATHER);
    }

    // Events of the link.

    /// The broker took us.
    pub(crate) fn connected(&mut self, sender: Sender, limits: Limits) {
        self.sender = Some(sender);
        self.limits = Limits { packet_bytes: limits.packet_bytes.min(self.limits.packet_bytes), ..limits };
        self.forget_subscriptions();
        self.replan = None;
        self.follow_demand();
        self.hand_over(Instant::now());
        self.lost_since = None;
        let broker = self.broker().to_owned();
        tracing::info!(broker, "Connected.");
        let Some(Away { since, why, .. }) = self.away.clone().filter(|_| self.point > 0) else {
            self.away = None;
            return self.stand(State::Connected, Failure::new(format!("connected to {broker}")));
        };
        let text = format!(
            "on the fallback end point {broker} since {}: {} does not answer ({}) and is tried every 10 s",
            clock(since),
            self.brokers[0],
            why
        );
        let failure = Failure::new(text).hint("values come from, and go to, the second broker meanwhile");
        self.standing = Some(Standing { state: State::Degraded, failure, answers: true });
        self.changed.notify_one();
    }

    /// Something happened on the link.
    pub(crate) fn take(&mut self, event: Event) {
        match event {
            Event::Message(message) => self.receive(message),
            Event::Sent(number) => {
                let now = Instant::now();
                self.outgoing.sent(number, now);
                self.hand_over(now);
            }
            Event::Acknowledged(number, refused) => {
                let now = Instant::now();
                self.outgoing.acknowledged(number, refused, now);
                self.hand_over(now);
            }
            Event::Answered => self.unsaid = self.unsaid.saturating_sub(1),
            Event::Subscribing(number) => {
                if let Some(filters) = self.asked.pop_front() {
                    self.unanswered.insert(number, filters);
                }
            }
            Event::Subscribed(number, answers) => self.subscribed(number, answers),
            Event::Connected(_) | Event::Other => {}
        }
    }

    fn receive(&mut self, mut message: Message) {
        let (retained, receipt) = (message.retained, message.receipt.take());
        let first = self.topics.receive(message, &self.demand, &self.rules);
        if let Some((topic, decoded)) = first {
            self.browsing.tree.see(&topic, &decoded, retained);
        }
        if let Some(receipt) = receipt {
            if self.unacknowledged.is_empty() {
                // The loop listens for what is accepted from now on.
                self.changed.notify_one();
            }
            self.unacknowledged.push_back((self.outbox.pushed(), receipt));
        }
        if !self.readers.is_empty() {
            self.answer_readers(Instant::now());
        }
    }

    /// Whether the broker waits for an acknowledgement.
    pub(crate) fn owes(&self) -> bool {
        !self.unacknowledged.is_empty()
    }

    /// Acknowledges the messages whose samples the daemon has accepted: only then the broker may forget them.
    pub(crate) fn acknowledge(&mut self) {
        let Some(sender) = &self.sender else { return };
        let accepted = self.outbox.accepted();
        let mut any = false;
        while let Some((_, receipt)) = self.unacknowledged.pop_front_if(|(pushed, _)| *pushed <= accepted) {
            sender.acknowledge(receipt);
            self.unsaid += 1;
            any = true;
        }
        if any {
            self.handed.notify_one();
        }
    }

    /// The broker has answered a subscription.
    fn subscribed(&mut self, number: u16, answers: Vec<Option<String>>) {
        let filters = self.unanswered.remove(&number).unwrap_or_default();
        for ((filter, _), refused) in filters.into_iter().zip(answers) {
            let Some(why) = refused else { continue };
            tracing::warn!(filter, why, "The broker refuses a subscription.");
            self.topics.refuse(&filter, &self.demand, &why);
        }
        if self.unanswered.is_empty() && self.asked.is_empty() {
            if let Some(sender) = &self.sender
                && !self.leaving.is_empty()
            {
                sender.unsubscribe(&std::mem::take(&mut self.leaving));
                self.topics.overlap_until = self.topics.overlap_until.map(|_| Instant::now() + OVERLAP);
            }
            self.follow_demand();
        }
    }

    /// The link broke, or was given up for the first broker if there is no error. Broker `next` is tried after `wait`. Returns
    /// the samples that take the values back.
    pub(crate) fn lost(&mut self, error: Option<Error>, next: usize, wait: Duration) -> Vec<SampleItem> {
        let now = Instant::now();
        self.sender = None;
        // The broker sends again what it did not hear of.
        self.unacknowledged.clear();
        self.unsaid = 0;
        self.forget_subscriptions();
        self.outgoing.disconnect(now);
        self.end();
        let broker = self.broker().to_owned();
        let why: Arc<str> = if let Some(error) = error {
            self.told_why(&broker, error.into(), next, wait).into()
        } else {
            let first = self.brokers[0].clone();
            tracing::info!(broker = first, "The first broker answers again.");
            self.stand(State::Degraded, Failure::new(format!("goes back to {first}, which answers again")));
            format!("goes back from {broker} to {first}").into()
        };
        if let Some(away) = &mut self.away {
            away.is_over = false;
        }
        self.point = next;
        let samples = self.topics.disconnect(&self.demand, &why);
        self.answer_readers(now);
        samples
    }

    /// Says that this broker is waited for, and why. Returns the reason for its values.
    fn told_why(&mut self, broker: &str, failure: Failure, next: usize, wait: Duration) -> String {
        let since = *self.lost_since.get_or_insert_with(|| {
            tracing::warn!(broker, error = failure.message, "No link.");
            SystemTime::now()
        });
        if self.point == 0 && next > 0 {
            let since = self.away.as_ref().map_or_else(SystemTime::now, |away| away.since);
            self.away = Some(Away { since, why: failure.message.clone(), is_over: false });
        }
        let mut text = waits_for(broker, &failure.message, since, wait);
        if let Some(other) = self.brokers.get(next).filter(|_| next != self.point) {
            text = format!("{text} at {other}");
        }
        let why = format!("no link to {broker}: {}", failure.message);
        self.stand(State::Degraded, Failure { message: text, ..failure });
        why
    }

    fn stand(&mut self, state: State, failure: Failure) {
        self.standing = Some(Standing { state, failure, answers: false });
        self.changed.notify_one();
    }

    fn forget_subscriptions(&mut self) {
        self.active.clear();
        self.plan += 1;
        self.asked.clear();
        self.unanswered.clear();
        self.leaving.clear();
        self.topics.overlap_until = None;
        self.replan.get_or_insert(Instant::now());
    }

    // What follows from both.

    /// Asks the broker for what is needed now, unless it still has to answer.
    fn follow_demand(&mut self) {
        if !self.asked.is_empty() || !self.unanswered.is_empty() {
            // The answer comes back here.
            return;
        }
        let Some(sender) = &self.sender else { return };
        let wanted = cover(&self.demand.filters(&self.rules));
        let change = Change::between(&self.active, &wanted);
        if change == Change::default() {
            return;
        }
        if change.overlaps() {
            self.topics.overlap_until = Some(Instant::now() + Duration::from_secs(10));
        }
        self.active = wanted;
        self.plan += 1;
        for filters in change.add.chunks(FILTERS) {
            if sender.subscribe(filters) {
                self.asked.push_back(filters.to_vec());
            }
        }
        if self.asked.is_empty() {
            sender.unsubscribe(&change.remove);
        } else {
            self.leaving = change.remove;
        }
        self.handed.notify_one();
    }

    /// When [`Session::tick`] has something to do next. The loop must sleep no longer.
    pub(crate) fn set_alarm(&mut self) -> Option<Instant> {
        let replan = self.replan.filter(|_| self.is_connected());
        let read = self.readers.iter().map(|reader| reader.deadline).min();
        self.alarm = [self.outgoing.deadline(), replan, read, self.browsing.deadline()].into_iter().flatten().min();
        self.alarm
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.outgoing.tick(now);
        self.hand_over(now);
        if self.replan.is_some_and(|due| due <= now) && self.is_connected() {
            self.replan = None;
            self.follow_demand();
        }
        if !self.readers.is_empty() {
            self.answer_readers(now);
        }
    }

    /// Begins to stop: what is accepted is acknowledged, pulses end now, and the link says goodbye after its last words.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
        self.acknowledge();
        self.outgoing.reset_pulses();
        self.hand_over(Instant::now());
    }

    /// Whether nothing more has to be said to the broker.
    pub(crate) fn is_done(&self) -> bool {
        self.sender.is_none() || (self.unsaid == 0 && self.outgoing.is_done())
    }

    /// Says goodbye to the broker.
    pub(crate) fn leave(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.disconnect(Duration::from_millis(300));
        }
    }

    /// Figures for the instance page.
    pub(crate) fn figures(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let subscriptions = ("subscriptions", self.active.len() as f64);
        self.topics.figures().into_iter().chain(self.outgoing.figures()).chain([subscriptions])
    }
}
