//! What is read again and again: the plan of each unit, and when each block is due.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Job, Session, What};
use crate::codec::pdu::{Exception, Response};
use crate::line::Trouble;
use crate::plan::{Block, Want, cuts_of, plan};

/// Registers that the device does not have are asked for again after this.
const REFUSED: Duration = Duration::from_mins(1);

/// Those that it had before are asked for sooner, since it may only start or load another map, and so many times.
const REFUSED_ONCE_THERE: (Duration, u32) = (Duration::from_secs(1), 60);

/// A block that is to be read before all others is due since so long.
const FIRST: Duration = Duration::from_hours(1);

/// Renewals of a block come at most so often.
const RENEW: Duration = Duration::from_millis(50);

/// A block that is read again and again.
pub(super) struct Slot {
    block: Block,
    pub(super) due: Instant,
    renewed: Option<Instant>,
    /// How often in a row it was refused for good.
    refused: u32,
}

impl Session {
    /// Makes the plan anew from what is needed. Blocks that stay keep their time.
    pub(super) fn replan(&mut self, now: Instant) {
        self.spread_demand();
        let mut wants: HashMap<usize, Vec<Want>> = HashMap::new();
        for (id, point) in self.points.iter().enumerate() {
            let Some(every) = point.every else { continue };
            let entry = &point.entry;
            let want = Want { id, table: entry.table, first: entry.address, last: entry.last(), every };
            wants.entry(point.unit).or_default().push(want);
        }
        for (index, unit) in self.units.iter_mut().enumerate() {
            let blocks = plan(&wants.remove(&index).unwrap_or_default(), &unit.limits, &unit.cuts);
            let mut before: HashMap<_, Slot> = unit.slots.drain(..).map(|slot| (key(&slot.block), slot)).collect();
            for block in blocks {
                let is_new = block.wants.iter().any(|&id| self.points[id].send && !self.points[id].tag.is_empty());
                let slot = before.remove(&key(&block)).filter(|_| !is_new);
                let (due, renewed, refused) =
                    slot.map_or((now, None, 0), |slot| (slot.due, slot.renewed, slot.refused));
                unit.slots.push(Slot { block, due, renewed, refused });
            }
        }
    }

    /// Says each point how often it is needed, and each scale factor as often as the fastest that needs it.
    pub(super) fn spread_demand(&mut self) {
        for &index in self.hidden.values() {
            self.points[index].every = None;
        }
        for index in 0..self.points.len() {
            let point = &self.points[index];
            if point.tag.is_empty() {
                continue;
            }
            let every = self.demand.of(&point.tag, point.entry.poll.unwrap_or(self.poll));
            let hidden = point.entry.power_at.and_then(|at| self.hidden.get(&(point.unit, at)).copied());
            if every.is_none() {
                // The next one who needs it hears it anew.
                self.points[index].send = true;
            }
            self.points[index].every = every;
            if let (Some(hidden), Some(every)) = (hidden, every) {
                let fastest = self.points[hidden].every.map_or(every, |other| other.min(every));
                self.points[hidden].every = Some(fastest);
            }
        }
    }

    /// The unit and block that are due first.
    pub(super) fn next_poll(&mut self, now: Instant) -> Option<Job> {
        // A slow daemon is not flooded: what waits there is older than what the device would say.
        if !self.outbox.has_room() {
            return None;
        }
        let due = (0..self.units.len()).filter_map(|index| self.due(index, now).map(|(due, slot)| (due, index, slot)));
        let (_, index, slot) = due.filter(|(due, _, _)| *due <= now).min()?;
        let (request, what) = match slot {
            Some(slot) => (self.units[index].slots[slot].block.request(), What::Poll(slot)),
            None => (self.units[index].sunspec.as_ref()?.question()?, What::SunSpec),
        };
        Some(self.job(index, request, what))
    }

    /// When a unit is asked next, and for which block; for none while it is still asked to describe itself.
    fn due(&self, index: usize, now: Instant) -> Option<(Instant, Option<usize>)> {
        let unit = &self.units[index];
        let rests = self.rests_until(index);
        let not_before = |due: Instant| rests.map_or(due, |until| due.max(until));
        if let Some(search) = unit.sunspec.as_ref().filter(|search| !search.is_done()) {
            search.question()?;
            return search.due(now).map(|due| (not_before(due), None));
        }
        let slots = unit.slots.iter().enumerate();
        let (due, slot) = if unit.health.is_dead() {
            // On a serial line each question that had no answer makes the next one ask for less: the largest block has most
            // to spare, and a smaller one would soon have to ask for registers that are not there.
            let (slot, at) = slots.max_by_key(|(_, at)| (at.refused == 0, at.block.count))?;
            (at.due, slot)
        } else {
            slots.map(|(slot, at)| (at.due, slot)).min()?
        };
        Some((not_before(due), Some(slot)))
    }

    pub(super) fn polls_deadline(&self, now: Instant) -> Option<Instant> {
        if !self.outbox.has_room() {
            return Some(now + RENEW);
        }
        (0..self.units.len()).filter_map(|index| self.due(index, now).map(|(due, _)| due)).min()
    }

    /// The block that holds a point is read now: its value was just written.
    pub(super) fn poll_now(&mut self, point: usize, now: Instant) {
        let unit = &mut self.units[self.points[point].unit];
        if let Some(slot) = unit.slots.iter_mut().find(|slot| slot.block.wants.contains(&point)) {
            // Before all that is due already.
            slot.due = now.checked_sub(FIRST).unwrap_or(now);
        }
    }

    /// What came of a poll.
    pub(super) fn polled(&mut self, index: usize, slot: usize, outcome: Result<Response, Trouble>, now: Instant) {
        let Some(at) = self.units[index].slots.get_mut(slot) else { return };
        let every = at.block.every;
        // What was missed is not made up for.
        at.due = (at.due + every).max(now);
        match outcome {
            Ok(Response::Refused { exception, .. }) => self.poll_refused(index, slot, exception, now),
            Ok(response) => self.poll_answered(index, slot, &response, now),
            Err(Trouble::Owing(until)) => at.due = until,
            // Its health says when it is asked again; until then it stays due.
            Err(_) => at.due = now,
        }
    }

    fn poll_answered(&mut self, index: usize, slot: usize, response: &Response, now: Instant) {
        let at = &mut self.units[index].slots[slot];
        let (start, every) = (at.block.start, at.block.every);
        let renew = at.renewed.is_none_or(|last| now >= last + RENEW.min(every.max(RENEW)));
        let wants = std::mem::take(&mut at.block.wants);
        self.polled += u64::from(self.units[index].slots[slot].block.count);
        let mut unchanged = Vec::new();
        for &point in &wants {
            if let Some(reading) = self.decode(point, start, response)
                && self.publish(point, reading, now)
            {
                unchanged.push(point);
            }
        }
        if renew && !unchanged.is_empty() {
            self.renew(&unchanged);
        }
        let unit = &mut self.units[index];
        let at = &mut unit.slots[slot];
        at.block.wants = wants;
        at.renewed = if renew { Some(now) } else { at.renewed };
        if std::mem::take(&mut at.refused) > 0 {
            // What was cut because of it is read in one piece again.
            unit.cuts.clear();
            self.dirty = true;
        }
    }

    fn poll_refused(&mut self, index: usize, slot: usize, exception: Exception, now: Instant) {
        if exception.is_silence() {
            return;
        }
        let at = &self.units[index].slots[slot];
        let wants = at.block.wants.clone();
        let cuts = self.cuts(&at.block, exception);
        if !cuts.is_empty() {
            self.units[index].cuts.extend(cuts);
            self.dirty = true;
            return;
        }
        if exception.is_lasting() {
            let was_there = wants.iter().any(|&point| self.points[point].was_there);
            let at = &mut self.units[index].slots[slot];
            at.refused = at.refused.saturating_add(1);
            let soon = was_there && at.refused <= REFUSED_ONCE_THERE.1;
            at.due = now + at.block.every.max(if soon { REFUSED_ONCE_THERE.0 } else { REFUSED });
        }
        for point in wants {
            let reading = self.refusal(point, exception);
            self.publish(point, reading, now);
        }
    }

    /// Where a refused block is cut; nowhere if the refusal speaks of the moment, or of the one register in it.
    pub(super) fn cuts(&self, block: &Block, exception: Exception) -> Vec<(crate::codec::pdu::Table, u16)> {
        if !exception.is_lasting() && !exception.may_be_a_gap() {
            return Vec::new();
        }
        let rows = block.wants.iter().map(|&id| (self.points[id].entry.address, self.points[id].entry.last()));
        cuts_of(block, &rows.collect::<Vec<_>>(), exception.is_lasting())
    }

    /// What came of asking a unit to describe itself.
    pub(super) fn searched(&mut self, index: usize, outcome: Result<Response, Trouble>, now: Instant) {
        let Ok(response) = outcome else { return };
        let unit = &mut self.units[index];
        let Some(search) = &mut unit.sunspec else { return };
        let Some(crate::sunspec::Found { entries, powers }) = search.take(&response, now) else { return };
        let shown = unit.shown();
        if entries.is_empty() {
            tracing::warn!(unit = shown, "The unit does not describe itself by SunSpec.");
        } else {
            tracing::info!(unit = shown, points = entries.len(), "The unit describes itself by SunSpec.");
        }
        self.powers.extend(powers.into_iter().map(|(at, power)| ((index, at), power)));
        let tags: Vec<usize> = entries.into_iter().filter_map(|entry| self.add_point(index, entry)).collect();
        self.answer_unfound();
        for point in tags {
            self.points[point].send = true;
        }
        self.dirty = true;
    }
}

/// What makes two blocks the same.
fn key(block: &Block) -> (crate::codec::pdu::Table, u16, u16, Duration) {
    (block.table, block.start, block.count, block.every)
}
