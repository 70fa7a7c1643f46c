//! Who is there: each number is asked for one register, and whoever says anything is there.

use std::time::Duration;

use fieldrail_driver::Failure;
use serde_json::json;

use super::{Job, Reply, Session, What};
use crate::codec::pdu::{Request, Response, Table};
use crate::line::Trouble;
use crate::value::Reading;

/// A search for units.
pub(super) struct Scan {
    pub(super) request: u64,
    next: u16,
    last: u8,
    patience: Duration,
    found: Vec<serde_json::Value>,
}

impl Session {
    /// Looks for units from one number to another; each may take so long.
    pub(crate) fn scan(&mut self, request: u64, first: u8, last: u8, patience: Duration) {
        if !self.connected {
            return self.reply(Reply::Returned(request, Err(self.no_line())));
        }
        if self.scan.is_some() {
            let failure = Failure::new("a search is under way already");
            return self.reply(Reply::Returned(request, Err(failure)));
        }
        self.scan = Some(Scan { request, next: first.into(), last, patience, found: Vec::new() });
        self.work.notify_one();
    }

    pub(super) fn next_scan(&mut self) -> Option<Job> {
        let scan = self.scan.as_ref()?;
        let number = u8::try_from(scan.next).ok().filter(|&next| next <= scan.last)?;
        let request = Request::Read { table: Table::Holding, start: 0, count: 1 };
        let unit = self.units.iter().position(|unit| unit.number == number);
        Some(Job { number, request, patience: scan.patience, unit, what: What::Scan })
    }

    /// What came of asking one number.
    pub(super) fn scanned(&mut self, number: u8, outcome: &Result<Response, Trouble>) {
        let Some(scan) = &mut self.scan else { return };
        let says = match outcome {
            Ok(Response::Refused { exception, .. }) if exception.is_silence() => None,
            Ok(Response::Refused { exception, .. }) => Some(exception.to_string()),
            Ok(_) => Some("answers".to_owned()),
            Err(_) => None,
        };
        scan.next += 1;
        let is_over = scan.next > scan.last.into();
        let known = self.units.iter().find(|unit| unit.number == number).and_then(|unit| unit.name.clone());
        if let Some(says) = says {
            let device = json!({ "unit": number, "name": known, "says": says, "config": { "unit": number } });
            scan.found.push(device.clone());
            self.reply(Reply::Event("device_found", device));
        }
        if is_over && let Some(scan) = self.scan.take() {
            self.reply(Reply::Returned(scan.request, Ok(json!({ "units": scan.found }))));
        }
    }

    /// Tags that were subscribed before their unit described itself, and that it does not have, are said not to be there.
    pub(super) fn answer_unfound(&mut self) {
        let missing: Vec<String> =
            self.demand.names().filter(|tag| !self.by_tag.contains_key(tag.as_str())).cloned().collect();
        for tag in missing {
            if self.may_be_found_later(&tag) {
                continue;
            }
            let number = self.outbox.tag(&tag);
            let reading = Reading::bad(fieldrail_model::Quality::NotFound, "no unit of this line has it");
            self.outbox.doubt(number, reading.value, reading.quality, reading.note.unwrap_or_default());
        }
        self.work.notify_one();
    }
}
