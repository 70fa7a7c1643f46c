//! Pulsing a datapoint: a value now, its opposite after a while, whatever happens in between.

use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::{Level, Sample};

use crate::data::{ended, reach};
use crate::people::{Role, Who};
use crate::pulses::{Owner, PulseView, end_of};
use crate::traffic::{Direct, Line};
use crate::views::{PulseRequest, WriteRequest, WriteResult};
use crate::{Error, Node, Result, clock};

/// How short and how long a pulse may be, in milliseconds.
const SHORTEST_MS: u32 = 50;
const LONGEST_MS: u32 = 5000;

/// How long the beginning of a pulse may wait for the device: who presses a button does not expect it to work later.
const TTL: Duration = Duration::from_secs(5);

/// How long the asker waits, if nobody says otherwise, and at the most.
const WAIT: Duration = Duration::from_millis(5500);
const LONGEST_WAIT: Duration = Duration::from_hours(1);

impl Node {
    /// Writes a value, and after a while its opposite. Returns when the device has the beginning.
    pub async fn pulse(self: &Arc<Self>, who: &Who, request: PulseRequest) -> Result<WriteResult> {
        who.must_be(Role::Operator)?;
        reach(who, &request.address)?;
        self.may_write_past_widgets(who, &request.address)?;
        self.pulse_freely(who, request).await
    }

    /// The same, also of what a widget protects: the widget itself asks for it.
    pub(crate) async fn pulse_freely(self: &Arc<Self>, who: &Who, request: PulseRequest) -> Result<WriteResult> {
        who.must_be(Role::Operator)?;
        reach(who, &request.address)?;
        self.people().count_write(who)?;
        if !(SHORTEST_MS..=LONGEST_MS).contains(&request.duration_ms) {
            let message = format!("a pulse lasts {SHORTEST_MS} to {LONGEST_MS} ms");
            return Err(Error::invalid_at("duration_ms", message, None));
        }
        let Some(end) = end_of(&request.value) else {
            let message = format!("{} has no opposite to end a pulse with", request.value.kind());
            return Err(Error::invalid_at("value", message, Some("pulse a bool or a number".into())));
        };
        let lasts = Duration::from_millis(request.duration_ms.into());
        let target = self.target(&request.address)?;
        if target.is_none() {
            self.not_in_panic()?;
        }
        let address = self.address_of(&request.address);
        let owner = target.as_ref().map_or(Owner::House, |(line, _)| Owner::Instance(line.id.clone()));
        if let Some((line, _)) = &target {
            answers(line)?;
        }
        if !self.traffic.pulses.begin(&address, owner, end, lasts) {
            return Err(Error::unavailable("too many pulses have not ended", "see which devices do not answer"));
        }
        self.journal(&address).await?;
        let value: String = request.value.to_string().chars().take(50).collect();
        let message = format!("{} pulses {address} = {value} for {} ms.", who.name, request.duration_ms);
        self.logbook.write(Level::Info, None, message);
        match target {
            None => self.pulse_own(who, request, &address, lasts),
            Some((line, tag)) => {
                let wait = request.wait_ms.map_or(WAIT, |ms| Duration::from_millis(ms.into())).min(LONGEST_WAIT);
                let write = Direct { tag: &tag, value: request.value, ttl: TTL, pulse: Some(lasts), past_gate: false };
                let begun = self.traffic.begin_pulse(&line, &address, write);
                let (command, end) = begun.ok_or_else(|| not_taken(&line))?;
                Ok(ended(command, end, wait).await)
            }
        }
    }

    /// Puts the journal on the disk. A pulse that it cannot hold does not begin.
    async fn journal(&self, address: &str) -> Result<()> {
        let pulses = Arc::clone(&self.traffic.pulses);
        let saved = tokio::task::spawn_blocking(move || pulses.save()).await;
        let fault = match saved {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.traffic.pulses.never_began(address);
        let message = format!("the pulse was not begun, since its end cannot be put on the disk: {fault}");
        Err(Error::unavailable(message, "is the disk full?"))
    }

    fn pulse_own(
        self: &Arc<Self>,
        who: &Who,
        request: PulseRequest,
        address: &str,
        lasts: Duration,
    ) -> Result<WriteResult> {
        let begin = WriteRequest { address: request.address, value: request.value, ttl_ms: None, wait_ms: None };
        self.traffic.pulses.began(address, clock::now().after(lasts));
        let result = self.set(who, &begin)?;
        let node = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(lasts).await;
            node.end_own_pulses();
        });
        Ok(result)
    }

    /// Ends the pulses of Fieldrail's own datapoints whose time is over.
    pub(crate) fn end_own_pulses(&self) {
        if !self.traffic.gate.router_runs() {
            return;
        }
        for (address, value) in self.traffic.pulses.due(&Owner::House, clock::now()) {
            let point = self.traffic.engine().point_at(&address);
            if let Some(point) = point {
                self.traffic.route_one(point, Sample::good(value, clock::now()));
                if address.starts_with("calc.") {
                    self.keep(point, None);
                }
            }
            self.traffic.pulses.ended(&address);
        }
    }

    /// Whose the pulses of the journal are, as far as the instances are known.
    pub(crate) fn assign_pulses(&self) {
        let engine = self.traffic.engine();
        self.traffic.pulses.assign(|address| {
            if address.starts_with("calc.") {
                return Some(Owner::House);
            }
            let (id, _) = engine.split(address)?;
            Some(if engine.instances[id].is_virtual { Owner::House } else { Owner::Instance(id.clone()) })
        });
    }

    /// The address as its instance spells it.
    fn address_of(&self, address: &str) -> String {
        let engine = self.traffic.engine();
        match engine.split(address) {
            Some((id, tag)) if engine.instances[id].case_insensitive => format!("{id}.{}", tag.to_lowercase()),
            _ => address.to_owned(),
        }
    }

    /// Pulses that run, and those whose end has not reached its device.
    pub fn pulses(&self, who: &Who) -> Vec<PulseView> {
        let mut pulses = self.traffic.pulses.views();
        pulses.retain(|pulse| who.reaches(&pulse.address));
        pulses
    }
}

fn answers(line: &Line) -> Result<()> {
    if line.outlet().backlog.is_connected { Ok(()) } else { Err(not_taken(line)) }
}

fn not_taken(line: &Line) -> Error {
    let message = format!("the device of `{}` does not answer, so nothing was pulsed", line.id);
    Error::unavailable(message, "see on the instance's page why, then try again")
}
