//! Publications on their way out: they wait, are handed to the link, are in flight, and end.
//!
//! Invariants: nothing is handed over after it expired. Nothing is handed over twice: what was with the link when it
//! broke ends as rejected, since it may have arrived; only the end of a pulse is said again, which harms nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fieldrail_driver::Failure;
use tokio::time::Instant;

use crate::link::{Limits, Origin, Publish, Sender};

/// Publications that may wait for the link.
const MOST_WAITING: usize = 10_000;

/// Publications that the link may hold before they are on the socket: few, so that they expire here and not there.
const MOST_HANDED: usize = 512;

/// What a packet needs beside topic and payload, at most, without properties.
const PACKET_BYTES: usize = 16;

/// Who wants to know how a publication ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ticket {
    /// A write.
    Command(u64),
    /// An action.
    Call(u64),
    /// The end of the pulse that this command began.
    PulseEnd(u64),
}

/// How a publication ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Confirmed,
    Rejected(Failure),
    Expired,
}

/// One message to publish.
#[derive(Debug, Clone)]
pub(crate) struct Publication {
    pub(crate) ticket: Ticket,
    pub(crate) topic: Arc<str>,
    pub(crate) payload: Bytes,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    /// None never expires.
    pub(crate) expires: Option<Instant>,
    pub(crate) origin: Option<Origin>,
    /// After this long, this payload follows.
    pub(crate) pulse: Option<(Duration, Bytes)>,
}

/// All publications that have not ended.
#[derive(Default)]
pub(crate) struct Outgoing {
    waiting: VecDeque<Publication>,
    handed: VecDeque<Publication>,
    in_flight: HashMap<u16, Publication>,
    /// Handed over or in flight, of QoS 1 and 2.
    unacknowledged: usize,
    /// Ends of pulses, with their time.
    pulses: Vec<(Instant, Publication)>,
    /// The first expiry among those that wait.
    soonest: Option<Instant>,
    ended: Vec<(Ticket, End)>,
    sent: u64,
}

impl Outgoing {
    /// Takes a publication in, behind the others.
    pub(crate) fn push(&mut self, publication: Publication) {
        if self.waiting.len() >= MOST_WAITING {
            let full = Failure::new(format!("{MOST_WAITING} writes wait for the broker already")).again();
            self.ended.push((publication.ticket, End::Rejected(full)));
            return;
        }
        self.soonest = [self.soonest, publication.expires].into_iter().flatten().min();
        self.waiting.push_back(publication);
    }

    /// Hands over what the link can take now.
    pub(crate) fn hand_over(&mut self, sender: &Sender, limits: Limits, with_origin: bool, now: Instant) {
        while self.handed.len() < MOST_HANDED {
            let Some(next) = self.waiting.front() else { break };
            let may_wait = next.qos > 0 && self.unacknowledged >= usize::from(limits.in_flight);
            if may_wait && next.expires.is_none_or(|expires| expires > now) {
                break;
            }
            let Some(mut next) = self.waiting.pop_front() else { break };
            next.qos = next.qos.min(limits.qos);
            match refusal(&next, limits, now) {
                Some(end) => self.ended.push((next.ticket, end)),
                None if sender.publish(publish(&next, with_origin)) => {
                    self.unacknowledged += usize::from(next.qos > 0);
                    self.handed.push_back(next);
                }
                None => {
                    let reason = Failure::new("the link does not take it").again();
                    self.ended.push((next.ticket, End::Rejected(reason)));
                }
            }
        }
        if self.waiting.is_empty() {
            self.soonest = None;
        }
    }

    /// The oldest publication that was handed over is on the socket; `number` is 0 at QoS 0.
    pub(crate) fn sent(&mut self, number: u16, now: Instant) {
        let Some(publication) = self.handed.pop_front() else { return };
        self.sent += 1;
        if number == 0 {
            self.confirm(publication, now);
        } else {
            self.in_flight.insert(number, publication);
        }
    }

    /// The broker has it, or refused it.
    pub(crate) fn acknowledged(&mut self, number: u16, refused: Option<String>, now: Instant) {
        let Some(publication) = self.in_flight.remove(&number) else { return };
        self.unacknowledged -= 1;
        match refused {
            None => self.confirm(publication, now),
            Some(reason) => {
                let reason = Failure::new(format!("the broker refuses it: {reason}"))
                    .hint("may this user publish to this topic?");
                self.ended.push((publication.ticket, End::Rejected(reason)));
            }
        }
    }

    fn confirm(&mut self, publication: Publication, now: Instant) {
        self.ended.push((publication.ticket.clone(), End::Confirmed));
        self.schedule_reset(publication, now);
    }

    fn schedule_reset(&mut self, publication: Publication, now: Instant) {
        if let (Ticket::Command(id), Some((after, payload))) = (&publication.ticket, publication.pulse) {
            let ticket = Ticket::PulseEnd(*id);
            // A pulse of the same topic that runs already gives way.
            self.pulses.retain(|(_, running)| running.topic != publication.topic);
            let reset = Publication { ticket, payload, expires: None, pulse: None, ..publication };
            self.pulses.push((now + after, reset));
        }
    }

    /// The link broke: what it held is in doubt.
    pub(crate) fn disconnect(&mut self, now: Instant) {
        self.unacknowledged = 0;
        let held: Vec<Publication> =
            self.in_flight.drain().map(|(_, publication)| publication).chain(self.handed.drain(..)).collect();
        for publication in held {
            if matches!(publication.ticket, Ticket::PulseEnd(_)) {
                self.waiting.push_front(publication);
                continue;
            }
            let doubt = Failure::new("the link broke before the broker had answered; it may have arrived")
                .hint("look at the value, then write again if need be")
                .again();
            self.ended.push((publication.ticket.clone(), End::Rejected(doubt)));
            self.schedule_reset(publication, now);
        }
    }

    /// Ends what expired while it waited, and begins the ends of pulses that are due.
    pub(crate) fn tick(&mut self, now: Instant) {
        for (_, reset) in self.pulses.extract_if(.., |(time, _)| *time <= now) {
            self.waiting.push_front(reset);
        }
        if self.soonest.is_some_and(|soonest| soonest <= now) {
            let expired = |publication: &Publication| publication.expires.is_some_and(|expires| expires <= now);
            let ended = self.waiting.iter().filter(|p| expired(p)).map(|p| (p.ticket.clone(), End::Expired));
            self.ended.extend(ended);
            self.waiting.retain(|publication| !expired(publication));
            self.soonest = self.waiting.iter().filter_map(|publication| publication.expires).min();
        }
    }

    /// Begins the ends of all pulses now: the driver is about to stop.
    pub(crate) fn reset_pulses(&mut self) {
        for (_, reset) in self.pulses.drain(..) {
            self.waiting.push_front(reset);
        }
    }

    /// When [`Outgoing::tick`] has something to do next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.pulses.iter().map(|&(time, _)| time).chain(self.soonest).min()
    }

    /// Whether the link has something to put on the socket.
    pub(crate) fn is_handing(&self) -> bool {
        !self.handed.is_empty()
    }

    /// Whether everything has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.handed.is_empty() && self.in_flight.is_empty()
    }

    /// What ended since the last call.
    pub(crate) fn ended(&mut self) -> std::vec::Drain<'_, (Ticket, End)> {
        self.ended.drain(..)
    }

    /// How many were put on the socket, and how many wait.
    pub(crate) fn figures(&self) -> [(&'static str, f64); 2] {
        [("messages_out", self.sent as f64), ("writes_waiting", self.waiting.len() as f64)]
    }
}

fn publish(publication: &Publication, with_origin: bool) -> Publish<'_> {
    Publish {
        topic: &publication.topic,
        payload: publication.payload.clone(),
        qos: publication.qos,
        retain: publication.retain,
        origin: publication.origin.as_ref().filter(|_| with_origin),
    }
}

/// Why it cannot be handed over.
fn refusal(publication: &Publication, limits: Limits, now: Instant) -> Option<End> {
    if publication.expires.is_some_and(|expires| expires <= now) {
        return Some(End::Expired);
    }
    let origin = publication.origin.as_ref().map_or(0, |(address, _)| address.len() + 32);
    let bytes = publication.topic.len() + publication.payload.len() + origin + PACKET_BYTES;
    if bytes > limits.packet_bytes as usize {
        let reason =
            Failure::new(format!("the message has about {bytes} bytes, over the limit of {}", limits.packet_bytes))
                .hint("the limit is `max_packet_bytes`, or the broker's own if that is smaller");
        return Some(End::Rejected(reason));
    }
    if publication.retain && !limits.retain {
        let reason = Failure::new("the broker keeps no retained messages").hint("set `retain` to false for this topic");
        return Some(End::Rejected(reason));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(id: u64, qos: u8, expires: Instant) -> Publication {
        Publication {
            ticket: Ticket::Command(id),
            topic: "a".into(),
            payload: Bytes::from_static(b"true"),
            qos,
            retain: false,
            expires: Some(expires),
            origin: None,
            pulse: None,
        }
    }

    const LIMITS: Limits = Limits { in_flight: 2, qos: 2, retain: true, packet_bytes: 1000 };

    fn sender() -> (Sender, rumqttc_v4::EventLoop) {
        let options = rumqttc_v4::MqttOptions::new("test", "127.0.0.1");
        let (client, link) = rumqttc_v4::AsyncClient::builder(options).unbounded().build();
        (Sender::V4(client), link)
    }

    fn ends(outgoing: &mut Outgoing) -> Vec<(u64, End)> {
        let id = |ticket| match ticket {
            Ticket::Command(id) | Ticket::Call(id) => id,
            Ticket::PulseEnd(_) => 0,
        };
        outgoing.ended().map(|(ticket, end)| (id(ticket), end)).collect()
    }

    #[test]
    fn an_expired_write_is_never_handed_over() {
        let ((sender, _link), now) = (sender(), Instant::now());
        let mut outgoing = Outgoing::default();
        outgoing.push(publication(1, 0, now + Duration::from_secs(1)));
        outgoing.push(publication(2, 0, now + Duration::from_secs(9)));
        assert_eq!(outgoing.deadline(), Some(now + Duration::from_secs(1)));
        let later = now + Duration::from_secs(2);
        outgoing.tick(later);
        outgoing.hand_over(&sender, LIMITS, true, later);
        assert_eq!(ends(&mut outgoing), [(1, End::Expired)]);
        outgoing.sent(0, later);
        assert_eq!(ends(&mut outgoing), [(2, End::Confirmed)]);
        assert!(outgoing.is_done());
    }

    #[test]
    fn no_more_than_the_brokers_window_is_in_flight() {
        let ((sender, _link), now) = (sender(), Instant::now());
        let mut outgoing = Outgoing::default();
        for id in 1..=3 {
            outgoing.push(publication(id, 1, now + Duration::from_secs(1)));
        }
        outgoing.hand_over(&sender, LIMITS, true, now);
        outgoing.sent(1, now);
        outgoing.sent(2, now);
        assert!(!outgoing.is_handing());
        outgoing.acknowledged(2, Some("NotAuthorized".into()), now);
        outgoing.hand_over(&sender, LIMITS, true, now);
        assert!(outgoing.is_handing());
        assert!(matches!(&ends(&mut outgoing)[..], [(2, End::Rejected(why))] if why.message.contains("NotAuthorized")));
    }

    #[test]
    fn what_was_with_a_broken_link_is_not_sent_again_but_for_the_end_of_a_pulse() {
        let ((sender, _link), now) = (sender(), Instant::now());
        let mut outgoing = Outgoing::default();
        let pulse = Some((Duration::from_millis(100), Bytes::from_static(b"false")));
        outgoing.push(Publication { pulse, ..publication(1, 1, now + Duration::from_secs(1)) });
        outgoing.hand_over(&sender, LIMITS, true, now);
        outgoing.disconnect(now);
        assert!(matches!(&ends(&mut outgoing)[..], [(1, End::Rejected(_))]));
        assert!(outgoing.is_done());
        outgoing.tick(now + Duration::from_millis(100));
        outgoing.hand_over(&sender, LIMITS, true, now);
        outgoing.disconnect(now);
        assert!(!outgoing.is_done(), "the end of the pulse waits for the next link");
    }

    #[test]
    fn what_the_broker_cannot_take_is_rejected_with_a_reason() {
        let ((sender, _link), now) = (sender(), Instant::now());
        let mut outgoing = Outgoing::default();
        let later = now + Duration::from_secs(1);
        outgoing.push(Publication { payload: vec![0; 2000].into(), ..publication(1, 0, later) });
        outgoing.push(Publication { retain: true, ..publication(2, 0, later) });
        outgoing.hand_over(&sender, Limits { retain: false, ..LIMITS }, true, now);
        assert!(matches!(&ends(&mut outgoing)[..], [(1, End::Rejected(_)), (2, End::Rejected(_))]));
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut outgoing = Outgoing::default();
        for id in 0..=MOST_WAITING as u64 {
            outgoing.push(publication(id, 0, Instant::now()));
        }
        assert!(matches!(&ends(&mut outgoing)[..], [(10_000, End::Rejected(_))]));
    }
}
