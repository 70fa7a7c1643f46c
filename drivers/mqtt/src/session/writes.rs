//! Writes: a command becomes a publication, and its end an answer.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use fieldrail_driver::{Command, Failure};
use tokio::time::Instant;

use super::{Reply, Session};
use crate::codec::opposite;
use crate::incoming::MOST_TOPICS;
use crate::outgoing::{End, Publication, Ticket};
use crate::rules::{Rule, Rules};
use crate::topic::{Tag, filter_matches};

/// What is known of a topic that is written.
pub(super) struct Target {
    rule: Rc<Rule>,
    /// Whether the broker sends it back to us, as of `plan`.
    comes_back: bool,
    plan: u64,
}

impl Session {
    /// Takes writes.
    pub(crate) fn write(&mut self, commands: Vec<Command>) {
        let now = Instant::now();
        for command in commands {
            let id = command.id;
            match self.publication(command, now) {
                Ok(publication) => self.outgoing.push(publication),
                Err(failure) => self.outbox.rejected(id, failure),
            }
        }
        self.hand_over(now);
    }

    /// Takes a publication of an action.
    pub(crate) fn publish(&mut self, publication: Publication) {
        self.outgoing.push(publication);
        self.hand_over(Instant::now());
    }

    fn publication(&mut self, command: Command, now: Instant) -> Result<Publication, Failure> {
        let target = Self::target(&mut self.targets, &self.rules, &command.tag)?;
        let codec = &target.rule.codec;
        let payload = codec.encode(&command.value)?;
        let pulse = match command.pulse {
            None => None,
            Some(after) => {
                let opposite = opposite(&command.value).ok_or_else(|| {
                    Failure::new(format!("{} has no opposite to end a pulse with", command.value.kind()))
                        .hint("pulse a bool or a number")
                })?;
                Some((after, codec.encode(&opposite)?))
            }
        };
        if let Some(origin) = command.origin.as_ref().filter(|_| !self.origin_travels) {
            if target.plan != self.plan {
                target.plan = self.plan;
                target.comes_back = self.active.keys().any(|filter| filter_matches(filter, &command.tag));
            }
            if target.comes_back {
                self.topics.echoes.remember(command.tag.as_bytes(), &payload, origin.clone(), now);
            }
        }
        Ok(Publication {
            ticket: Ticket::Command(command.id),
            qos: target.rule.qos_out,
            retain: target.rule.retain,
            topic: command.tag,
            payload,
            expires: Some(command.expires),
            origin: command.origin,
            pulse,
        })
    }

    fn target<'a>(
        targets: &'a mut HashMap<Arc<str>, Target>,
        rules: &Rules,
        tag: &Arc<str>,
    ) -> Result<&'a mut Target, Failure> {
        if !targets.contains_key(tag) {
            if targets.len() >= MOST_TOPICS {
                targets.clear();
            }
            let rule = Rc::clone(rules.of(writable(tag)?));
            targets.insert(Arc::clone(tag), Target { rule, comes_back: false, plan: u64::MAX });
        }
        targets.get_mut(tag).ok_or_else(|| Failure::new("the topic is not known"))
    }

    /// Hands over what can go, and reports what ended.
    pub(super) fn hand_over(&mut self, now: Instant) {
        if let Some(sender) = &self.sender {
            self.outgoing.hand_over(sender, self.limits, self.send_origin, now);
            if self.outgoing.is_handing() {
                self.handed.notify_one();
            }
        }
        self.end();
    }

    pub(super) fn end(&mut self) {
        for (ticket, end) in self.outgoing.ended() {
            match (ticket, end) {
                (Ticket::Command(id), End::Confirmed) => self.outbox.confirmed(id),
                (Ticket::Command(id), End::Rejected(failure)) => self.outbox.rejected(id, failure),
                (Ticket::Command(id), End::Expired) => self.outbox.expired(id),
                (Ticket::Call(request), end) => {
                    self.replies.push(Reply::Returned(request, returned(end)));
                    self.changed.notify_one();
                }
                (Ticket::PulseEnd(id), End::Confirmed) => self.outbox.pulsed(id),
                (Ticket::PulseEnd(_), _) => {}
            }
        }
        if self.outgoing.deadline().is_some_and(|due| self.alarm.is_none_or(|alarm| due < alarm)) {
            self.changed.notify_one();
        }
    }
}

/// The topic of a tag that can be published to.
pub(crate) fn writable(tag: &str) -> Result<&str, Failure> {
    if tag.is_empty() {
        return Err(Failure::new("a broker has no default target")
            .hint("write to a topic: the instance, a dot, then the topic, as in `mqtt.broker_local.alarms/critical`"));
    }
    let parsed = Tag::parse(tag)?;
    if parsed.pointer.is_some() {
        return Err(Failure::new("a part of a JSON payload cannot be written").hint("write the whole topic"));
    }
    if tag.starts_with('$') {
        return Err(Failure::new("topics that begin with `$` belong to the broker"));
    }
    Ok(parsed.topic)
}

fn returned(end: End) -> Result<serde_json::Value, Failure> {
    match end {
        End::Confirmed => Ok(serde_json::json!({ "published": true })),
        End::Rejected(failure) => Err(failure),
        End::Expired => Err(Failure::new("there was no link to the broker in time")),
    }
}
