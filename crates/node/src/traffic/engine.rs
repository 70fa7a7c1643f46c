//! The router with what the façade must know beside it: which instances there are, what people said about datapoints,
//! who waits for new datapoints.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use fieldrail_model::address::split;
use fieldrail_model::{Address, IecType, InstanceId, Sample, Timestamp};
use fieldrail_router::{
    Declared, DeliverySpec, Directory, InstanceFacts, Needs, Outcome, Pattern, PointId, Router, TagNo, TargetClass,
    TargetId,
};

use super::{Line, Recorder};
use crate::datapoints::About;
use crate::demand::Need;
use crate::history::History;
use crate::live::Client;
use crate::own::about::{self, PREFIX};

/// What the façade knows of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(crate) struct Facts {
    pub(crate) case_insensitive: bool,
    pub(crate) event: bool,
    pub(crate) writable: bool,
    pub(crate) is_virtual: bool,
}

/// The router and what belongs to it. It is locked as a whole.
#[derive(Default)]
pub(crate) struct Engine {
    pub(crate) router: Router,
    pub(crate) instances: BTreeMap<InstanceId, Facts>,
    /// What people said about datapoints, as they spelled them.
    said: HashMap<Address, About>,
    /// The same, by the addresses of the data space.
    pub(crate) about: HashMap<Address, About>,
    /// Declared types by datapoint, so that a sample needs no look-up by text.
    declared: HashMap<PointId, IecType>,
    /// Clients that want to watch every new datapoint that matches.
    pub(crate) patterns: Vec<(Arc<Client>, Pattern)>,
    /// New datapoints that clients wait for, until the batch is over.
    pub(crate) born: Vec<(Arc<Client>, PointId)>,
    /// The line and the tag's number there of each target that was written to, by target.
    slots: Vec<Option<(Arc<Line>, TagNo)>>,
    /// Taken and given back by each batch, so that its memory is made once.
    pub(crate) outcome: Outcome,
    /// Rises when other rules take force.
    pub(crate) epoch: u32,
    /// Recordings that run.
    pub(crate) recorders: Vec<Recorder>,
    /// The last values of what somebody looks at.
    pub(crate) history: History,
}

impl Engine {
    /// A sample comes in from outside of the router.
    pub(crate) fn take(&mut self, point: PointId, sample: Sample, now: Timestamp, out: &mut Outcome) {
        if !self.recorders.is_empty() {
            let router = &self.router;
            self.recorders.retain_mut(|recorder| recorder.sample(router, point, &sample, now));
        }
        self.history.push(point, &sample, now);
        self.router.route_data(point, sample, now, out);
    }

    /// A source says that its last sample still holds.
    pub(crate) fn renew(&mut self, point: PointId, now: Timestamp, out: &mut Outcome) {
        if !self.recorders.is_empty() {
            let router = &self.router;
            self.recorders.retain_mut(|recorder| recorder.renewal(router, point, now));
        }
        self.router.renew(point, now, out);
    }

    /// Somebody is interested in the last values of a datapoint: they are kept from now on.
    pub(crate) fn begin_history(&mut self, point: PointId, now: Timestamp) {
        self.history.begin(point, self.router.space.sample(point), now);
    }

    /// What changed without a sample from outside: computed in the router, or grown stale.
    pub(super) fn remember(&mut self, changed: &[PointId], now: Timestamp) {
        if self.history.is_empty() {
            return;
        }
        for &point in changed {
            if let Some(sample) = self.router.space.sample(point) {
                self.history.settle(point, sample, now);
            }
        }
    }

    /// The instance and the tag of an address.
    pub(crate) fn split<'a>(&self, address: &'a str) -> Option<(&InstanceId, &'a str)> {
        let (id, tag) = split(address, |id| self.find(id).is_some())?;
        Some((self.find(id)?, tag))
    }

    fn find(&self, id: &str) -> Option<&InstanceId> {
        self.instances.get_key_value(id).map(|(id, _)| id)
    }

    /// The address, or the pattern, as the data space spells it: variables of a PLC have no capitals there.
    pub(crate) fn canonical<'a>(&self, address: &'a str) -> Cow<'a, str> {
        match self.split(address) {
            Some((id, tag)) if self.instances[id].case_insensitive => format!("{id}.{}", tag.to_lowercase()).into(),
            _ => address.into(),
        }
    }

    /// Whether the house itself says something at this address.
    pub(crate) fn has_own(&self, address: &str) -> bool {
        let instances = || self.instances.keys().map(InstanceId::as_str);
        address.starts_with(PREFIX) && (self.known_at(address).is_some() || about::has(address, instances).is_ok())
    }

    /// The datapoint of this address in any spelling, if it is known.
    pub(crate) fn known_at(&self, address: &str) -> Option<PointId> {
        self.router.space.find(&self.canonical(address))
    }

    /// The datapoint of an instance's tag, made if it is new. None if the data space does not take it.
    pub(crate) fn point(&mut self, id: &InstanceId, tag: &str) -> Option<PointId> {
        self.point_at(id.address(tag).as_str())
    }

    /// The datapoint of this address in any spelling, made if it is new. None if the data space does not take it.
    pub(crate) fn point_at(&mut self, address: &str) -> Option<PointId> {
        let address = &*self.canonical(address);
        if let Some(known) = self.router.space.find(address) {
            return Some(known);
        }
        let point = self.router.space.intern(address).ok()?;
        if let Some(about) = self.about.get(address) {
            self.router.space.set_deadline(point, about.deadline());
            self.declared.extend(about.r#type.map(|declared| (point, declared)));
        }
        let waiting = self.patterns.iter().filter(|(_, pattern)| pattern.matches(address));
        self.born.extend(waiting.map(|(client, _)| (Arc::clone(client), point)));
        Some(point)
    }

    /// What the rules need, instance by instance. A pattern that may reach several instances is needed of each.
    pub(crate) fn needs_of(&self, needs: &Needs) -> Vec<(InstanceId, Need)> {
        let direct = needs.addresses.iter().filter_map(|address| {
            let (id, tag) = self.split(address)?;
            Some((id.clone(), Need { tag: tag.into(), pattern: false }))
        });
        direct.chain(needs.patterns.iter().flat_map(|pattern| self.instances_of(pattern))).collect()
    }

    /// The instances whose samples must not be lost, since a durable route takes them.
    pub(crate) fn sources_of_durable_routes(&self) -> BTreeSet<InstanceId> {
        let durable = self.router.routes().map(|(_, spec, _)| spec);
        let durable = durable.filter(|spec| spec.enabled && spec.delivery == Some(DeliverySpec::Durable));
        let sources = durable.flat_map(|spec| spec.from.0.iter());
        sources.flat_map(|from| self.instances_of(from)).map(|(id, _)| id).collect()
    }

    /// What a pattern over addresses asks of each instance.
    pub(crate) fn instances_of(&self, pattern: &str) -> Vec<(InstanceId, Need)> {
        if let Some((id, tag)) = self.split(pattern) {
            return vec![(id.clone(), Need { tag: tag.into(), pattern: true })];
        }
        // The wild part begins within the instance's id: as wide as can be there, the router sorts it out.
        let fixed = pattern.split('*').next().unwrap_or("");
        let reached = self.instances.keys().filter(|id| id.as_str().starts_with(fixed));
        reached.map(|id| (id.clone(), Need { tag: "**".into(), pattern: true })).collect()
    }

    /// The type that somebody declared for this datapoint.
    pub(crate) fn declared(&self, point: PointId) -> Option<IecType> {
        if self.declared.is_empty() { None } else { self.declared.get(&point).copied() }
    }

    /// There are other instances now.
    pub(crate) fn set_instances(&mut self, instances: BTreeMap<InstanceId, Facts>) {
        self.instances = instances;
        self.apply_about();
    }

    /// What people say about datapoints is another thing now.
    pub(crate) fn set_about(&mut self, said: HashMap<Address, About>) {
        self.said = said;
        self.apply_about();
    }

    fn apply_about(&mut self) {
        self.declared.clear();
        let about = folded(&self.said, &self.instances);
        let before = std::mem::replace(&mut self.about, about);
        for address in before.keys() {
            if let Some(point) = self.router.space.find(address.as_str()) {
                self.router.space.set_deadline(point, None);
            }
        }
        for (address, about) in &self.about {
            if let Some(point) = self.router.space.find(address.as_str()) {
                self.router.space.set_deadline(point, about.deadline());
                self.declared.extend(about.r#type.map(|declared| (point, declared)));
            }
        }
    }

    /// The line and the tag's number of a target that was written to before.
    pub(crate) fn slot(&self, target: TargetId) -> Option<(Arc<Line>, TagNo)> {
        self.slots.get(target.0 as usize).cloned().flatten()
    }

    /// Remembers where a target goes.
    pub(crate) fn set_slot(&mut self, target: TargetId, slot: (Arc<Line>, TagNo)) {
        let place = target.0 as usize;
        if place >= self.slots.len() {
            self.slots.resize(place + 1, None);
        }
        self.slots[place] = Some(slot);
    }

    /// Instances came or went: lines are looked up anew.
    pub(crate) fn forget_slots(&mut self) {
        self.slots.clear();
    }
}

/// What people said about datapoints, by the addresses of the data space: that of a variable of a PLC has no capitals there.
pub(crate) fn folded(
    said: &HashMap<Address, About>,
    instances: &BTreeMap<InstanceId, Facts>,
) -> HashMap<Address, About> {
    let fold = |address: &Address| match address.split(|id| instances.contains_key(id)) {
        Some((id, tag)) if instances.get(id).is_some_and(|facts| facts.case_insensitive) => {
            Address::from(format!("{id}.{}", tag.to_lowercase()).as_str())
        }
        _ => address.clone(),
    };
    said.iter().map(|(address, about)| (fold(address), about.clone())).collect()
}

/// What the router's rules may know of the house.
pub(crate) struct House<'a> {
    pub(crate) instances: &'a BTreeMap<InstanceId, Facts>,
    pub(crate) about: &'a HashMap<Address, About>,
}

impl Directory for House<'_> {
    fn instances(&self) -> Vec<(String, InstanceFacts)> {
        let facts = |facts: &Facts| InstanceFacts {
            case_insensitive: facts.case_insensitive,
            targets: if facts.event { TargetClass::Event } else { TargetClass::State },
            writable: facts.writable,
        };
        self.instances.iter().map(|(id, known)| (id.to_string(), facts(known))).collect()
    }

    fn canonical<'a>(&self, _instance: &str, tag: &'a str) -> Cow<'a, str> {
        tag.to_lowercase().into()
    }

    fn declared(&self, address: &str) -> Declared {
        let own = about::kind(address);
        let said = self.about.get(address);
        let unit = said.and_then(|about| about.unit.clone());
        Declared {
            r#type: said.and_then(|about| about.r#type).or(own.map(|own| own.r#type)),
            unit: unit.or_else(|| own?.unit.map(Into::into)),
        }
    }

    fn own(&self, address: &str) -> Result<(), Option<String>> {
        about::has(address, || self.instances.keys().map(InstanceId::as_str))
    }

    fn described(&self, beginning: &str) -> Vec<String> {
        let all = self.about.keys().map(Address::as_str);
        all.filter(|address| address.starts_with(beginning)).map(ToOwned::to_owned).collect()
    }
}
