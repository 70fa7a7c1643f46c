//! Datapoints as people see them, and writes.

use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::address::MAX_ADDRESS_BYTES;
use fieldrail_model::text::Needle;
use fieldrail_model::{Address, InstanceId, Level, Sample};
use fieldrail_router::PointId;
use fieldrail_wire::daemon::{Browse, Read};
use fieldrail_wire::plugin::Nodes;
use fieldrail_wire::{FromPlugin, ToPlugin};
use tokio::sync::oneshot;

use crate::commands::Outcome;
use crate::datapoints::Role;
use crate::kinds::{Kind, QualityClass};
use crate::own::about::{PREFIX, kind};
use crate::own::tree::ROOTS;
use crate::people::{self, Who};
use crate::traffic::{Engine, Line};
use crate::views::{Delta, Paged, Point, Reading, TreeNode, WriteRequest, WriteResult};
use crate::{Error, Node, Result};

/// Entries on a page, if nobody says otherwise, and at the most.
pub(crate) const PAGE: usize = 100;
pub(crate) const LONGEST_PAGE: usize = 1000;

/// How long a write lives if nobody says otherwise, and at the most.
const TTL: Duration = Duration::from_secs(5);
const LONGEST_TTL: Duration = Duration::from_hours(1);

/// How long a device's tree may take to answer.
pub(crate) const BROWSE: Duration = Duration::from_secs(15);

/// Which datapoints somebody wants to see.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Part of the address or the name, in any case.
    pub search: String,
    /// Only those of this instance.
    pub instance: Option<String>,
    /// Only those of this kind.
    pub kind: Option<Kind>,
    /// Only those of this quality.
    pub quality: Option<QualityClass>,
    /// Only those behind this address.
    pub after: Option<String>,
    /// The most on the page.
    pub limit: Option<usize>,
}

impl Node {
    /// One page of the data space, in the order of the addresses.
    pub fn datapoints(&self, who: &Who, wanted: &Wanted) -> Paged<Point> {
        let engine = self.traffic.engine();
        let limit = wanted.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let prefix = wanted.instance.as_ref().map(|id| format!("{id}.")).unwrap_or_default();
        let needle = Needle::new(&wanted.search);
        let fits = |point: &PointId| {
            let address = engine.router.space.address(*point).as_str();
            who.reaches(address)
                && is_meant(&engine, address, &needle)
                && wanted.kind.is_none_or(|kind| kind_of(&engine, *point) == Some(kind))
                && wanted.quality.is_none_or(|quality| quality.is_of(engine.router.space.sample(*point)))
        };
        let is_narrowed = !needle.is_empty() || wanted.kind.is_some() || wanted.quality.is_some();
        let mut found = engine.router.space.page(&prefix, wanted.after.as_deref()).filter(fits);
        let items: Vec<Point> = found.by_ref().take(limit).map(|point| view(&engine, who, point)).collect();
        let next = found.next().and_then(|_| items.last()).map(|last| last.address.clone());
        // A search looks no further than its page, so it knows how many there are only if that was all.
        let total = match (&wanted.after, &next) {
            (None, None) => Some(items.len()),
            _ if is_narrowed => None,
            _ if prefix.is_empty() && who.scope.is_none() => Some(engine.router.space.len()),
            _ => Some(engine.router.space.page(&prefix, None).filter(fits).count()),
        };
        Paged { items, next, total }
    }

    /// One datapoint.
    pub fn datapoint(&self, who: &Who, address: &str) -> Result<Point> {
        reach(who, address)?;
        let engine = self.traffic.engine();
        let point = engine.known_at(address).ok_or_else(|| {
            let hint = match engine.split(address) {
                Some((id, _)) => format!("nothing reads it from `{id}` yet; open it in the tree, or make a route"),
                None => unknown_instance(&engine, address),
            };
            Error::Invalid { message: format!("there is no datapoint `{address}`"), hint: Some(hint), key: None }
        });
        point.map(|point| view(&engine, who, point)).map_err(|error| match error {
            Error::Invalid { message, hint, .. } => {
                Error::NotFound(hint.map_or(message.clone(), |hint| format!("{message}: {hint}")))
            }
            other => other,
        })
    }

    /// Reads a datapoint from its device once, now, and takes what it says into the data space.
    pub async fn read(&self, who: &Who, address: &str) -> Result<Point> {
        reach(who, address)?;
        let (id, tag) = {
            let engine = self.traffic.engine();
            let unknown = || {
                Error::NotFound(format!("`{address}` belongs to no instance: {}", unknown_instance(&engine, address)))
            };
            let (id, tag) = engine.split(address).ok_or_else(unknown)?;
            if self.traffic.line(id).is_some_and(|line| line.is_detached()) {
                return Err(detached(id));
            }
            (id.clone(), tag.to_owned())
        };
        let ask = |request| ToPlugin::Read(Read { request, tags: vec![tag.clone()] });
        let FromPlugin::Values(mut answer) = self.ask(&id, BROWSE, ask).await? else {
            return Err(Error::Internal("a read was not answered with values".into()));
        };
        let Some(reading) = answer.items.pop() else {
            return Err(Error::unavailable(format!("the driver of `{id}` cannot read once"), "subscribe to it"));
        };
        let now = crate::clock::now();
        let mut sample = Sample::good(reading.value, now);
        sample.quality = reading.quality;
        sample.note = reading.note;
        let point = self.traffic.engine().point(&id, &reading.tag);
        let point =
            point.ok_or_else(|| Error::invalid("the data space does not take this address", "is it too long?"))?;
        self.traffic.route_one(point, sample);
        Ok(view(&self.traffic.engine(), who, point))
    }

    /// Writes a value and waits for the end of it, or as long as was asked for.
    pub async fn write(&self, who: &Who, request: WriteRequest) -> Result<WriteResult> {
        who.must_be(people::Role::Operator)?;
        reach(who, &request.address)?;
        self.may_write_past_widgets(who, &request.address)?;
        self.write_freely(who, request).await
    }

    /// The same, also of what a widget protects: the widget itself asks for it.
    pub(crate) async fn write_freely(&self, who: &Who, request: WriteRequest) -> Result<WriteResult> {
        who.must_be(people::Role::Operator)?;
        reach(who, &request.address)?;
        self.people().count_write(who)?;
        let Some((line, tag)) = self.target(&request.address)? else { return self.set(who, &request) };
        let ttl = request.ttl_ms.map_or(TTL, |ms| Duration::from_millis(ms.into())).min(LONGEST_TTL);
        let wait = request.wait_ms.map_or(ttl + Duration::from_millis(500), |ms| Duration::from_millis(ms.into()));
        self.note_write(who, &request);
        let (command, end) = self.traffic.command(&line, &tag, request.value, ttl);
        Ok(ended(command, end, wait.min(LONGEST_TTL)).await)
    }

    /// Where a write to this address goes; none if the datapoint is Fieldrail's own or that of a virtual instance.
    pub(crate) fn target(&self, address: &str) -> Result<Option<(Arc<Line>, String)>> {
        if address.starts_with("calc.") {
            return Ok(None);
        }
        if address.starts_with(PREFIX) {
            let message = format!("`{address}` is Fieldrail's own and cannot be written");
            return Err(Error::invalid(message, "a route can take it as its source"));
        }
        let engine = self.traffic.engine();
        let (id, tag) = engine.split(address).ok_or_else(|| {
            Error::invalid(format!("`{address}` belongs to no instance"), unknown_instance(&engine, address))
        })?;
        let facts = engine.instances[id];
        if facts.is_virtual {
            return Ok(None);
        }
        if !facts.writable {
            let hint = "look for a datapoint that can be written";
            return Err(Error::invalid(format!("the driver of `{id}` cannot write"), hint));
        }
        self.may_run(id)?;
        let line = self.traffic.line(id).ok_or_else(|| Error::NotFound(format!("there is no instance `{id}`")))?;
        if line.is_detached() {
            return Err(detached(id));
        }
        Ok(Some((line, tag.to_owned())))
    }

    /// A write to a datapoint that Fieldrail keeps itself is done at once.
    pub(crate) fn set(&self, who: &Who, request: &WriteRequest) -> Result<WriteResult> {
        self.not_in_panic()?;
        let point = self.traffic.engine().point_at(&request.address);
        let point =
            point.ok_or_else(|| Error::invalid("the data space does not take this address", "is it too long?"))?;
        self.note_write(who, request);
        let receipt = self.traffic.route_one(point, Sample::good(request.value.clone(), crate::clock::now()));
        self.wait_for_disk(receipt)?;
        if request.address.starts_with("calc.") {
            self.keep_now(point)?;
        }
        Ok(WriteResult { command: 0, outcome: Outcome::Confirmed.name(), reason: None, hint: None })
    }

    pub(crate) fn note_write(&self, who: &Who, request: &WriteRequest) {
        let value: String = request.value.to_string().chars().take(200).collect();
        self.logbook.write(Level::Info, None, format!("{} writes {} = {value}.", who.name, request.address));
    }

    /// One page of an instance's own tree. An instance that has none shows its datapoints.
    pub async fn browse(
        &self,
        who: &Who,
        instance: &str,
        path: &str,
        filter: Option<String>,
        after: Option<String>,
        limit: Option<usize>,
    ) -> Result<Paged<TreeNode>> {
        if let Some(root) = ROOTS.into_iter().find(|root| *root == instance) {
            let limit = limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
            let filter = filter.unwrap_or_default();
            return Ok(self.own_branches(who, (root, path), &filter, after.as_deref(), limit));
        }
        let view = self.instance(instance)?;
        let id: InstanceId = instance.parse().map_err(|error| Error::NotFound(format!("{error}")))?;
        if !view.capabilities.iter().any(|word| word == "browse") {
            let after = after.map(|tag| id.address(&tag).to_string());
            let search = filter.unwrap_or_default();
            let wanted = Wanted { search, instance: Some(instance.into()), after, limit, ..Wanted::default() };
            return Ok(flat(self.datapoints(who, &wanted)));
        }
        let limit = u32::try_from(limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE)).unwrap_or(u32::MAX);
        let path = path.to_owned();
        let ask = |request| ToPlugin::Browse(Browse { request, path, filter, after, limit });
        Ok(self.tree(who, &id, nodes_of(self.ask(&id, BROWSE, ask).await?)?))
    }

    pub(crate) fn tree(&self, who: &Who, id: &InstanceId, nodes: Nodes) -> Paged<TreeNode> {
        let engine = self.traffic.engine();
        let node = |node: fieldrail_wire::plugin::Node| {
            let address = node.tag.as_deref().map(|tag| id.address(tag));
            if address.as_ref().is_some_and(|address| !who.reaches(address.as_str())) {
                return None;
            }
            let point = address.as_ref().and_then(|address| engine.known_at(address.as_str()));
            let address = address.map(|address| engine.canonical(address.as_str()).into_owned());
            Some(TreeNode::new(node, address, point.map(|point| view(&engine, who, point))))
        };
        Paged { items: nodes.nodes.into_iter().filter_map(node).collect(), next: nodes.next, total: None }
    }

    /// What changed of these datapoints.
    pub(crate) fn deltas(&self, points: Vec<PointId>) -> Vec<Delta> {
        let engine = self.traffic.engine();
        let delta = |point| Delta {
            address: engine.router.space.address(point).to_string(),
            reading: Reading::from(engine.router.space.sample(point)),
        };
        points.into_iter().map(delta).collect()
    }
}

/// The nodes that an instance gives to whoever browses or searches its tree.
pub(crate) fn nodes_of(answer: FromPlugin) -> Result<Nodes> {
    match answer {
        FromPlugin::Nodes(Nodes { failure: Some(failure), .. }) => {
            Err(Error::Unavailable { message: failure.message, hint: failure.hint })
        }
        FromPlugin::Nodes(nodes) => Ok(nodes),
        other => Err(Error::Internal(format!("a question for nodes was answered with {other:?}"))),
    }
}

fn detached(id: &InstanceId) -> Error {
    Error::unavailable(format!("`{id}` is detached from the router"), "attach it again on its card")
}

/// How a command ended, as far as it has after so long.
pub(crate) async fn ended(command: u64, end: oneshot::Receiver<Outcome>, wait: Duration) -> WriteResult {
    let outcome = match tokio::time::timeout(wait, end).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) | Err(_) => Outcome::Pending,
    };
    let failure = if let Outcome::Rejected(failure) = &outcome { Some(failure.clone()) } else { None };
    WriteResult {
        command,
        outcome: outcome.name(),
        reason: failure.as_ref().map(|failure| failure.message.clone()),
        hint: failure.and_then(|failure| failure.hint),
    }
}

/// Each datapoint of a driver without a tree as a node at the root.
pub(crate) fn flat(page: Paged<Point>) -> Paged<TreeNode> {
    let node = |point: Point| TreeNode {
        name: point.tag.clone(),
        path: point.tag.clone(),
        tag: Some(point.tag.clone()),
        children: false,
        r#type: point.r#type.clone(),
        location: None,
        size: None,
        unit: point.unit.clone(),
        comment: point.name.clone(),
        source: None,
        writable: Some(point.writable),
        address: Some(point.address.clone()),
        value: Some(point),
    };
    let items: Vec<TreeNode> = page.items.into_iter().map(node).collect();
    let next = page.next.and(items.last()).map(|last| last.path.clone());
    Paged { items, next, total: page.total }
}

pub(crate) fn reach(who: &Who, address: &str) -> Result<()> {
    if address.is_empty() || address.len() > MAX_ADDRESS_BYTES {
        return Err(Error::invalid_at("address", format!("an address has 1 to {MAX_ADDRESS_BYTES} bytes"), None));
    }
    if who.reaches(address) { Ok(()) } else { Err(Error::OutOfScope(address.into())) }
}

fn is_meant(engine: &Engine, address: &str, needle: &Needle) -> bool {
    needle.is_in(address)
        || engine.about.get(address).and_then(|a| a.name.as_ref()).is_some_and(|name| needle.is_in(name))
}

/// What kind of value a datapoint has: by its declared type, else by its last value.
fn kind_of(engine: &Engine, point: PointId) -> Option<Kind> {
    let address = engine.router.space.address(point);
    let said =
        engine.about.get(address).and_then(|about| about.r#type).or(kind(address.as_str()).map(|own| own.r#type));
    match said {
        Some(declared) => Some(Kind::of_type(&format!("{declared:?}"))),
        None => engine.router.space.sample(point).and_then(|sample| Kind::of_value(&sample.value)),
    }
}

fn unknown_instance(engine: &Engine, address: &str) -> String {
    let first = address.split('.').next().unwrap_or(address);
    let ids = || engine.instances.keys().map(InstanceId::as_str);
    let near = fieldrail_model::text::nearest(address, ids()).or_else(|| fieldrail_model::text::nearest(first, ids()));
    match near {
        Some(near) => format!("did you mean the instance `{near}`?"),
        None => "an address is an instance id, a dot and a tag".into(),
    }
}

pub(crate) fn view(engine: &Engine, who: &Who, point: PointId) -> Point {
    let address: &Address = engine.router.space.address(point);
    let (instance, tag) = engine.split(address.as_str()).map_or(("", address.as_str()), |(id, tag)| (id.as_str(), tag));
    let about = engine.about.get(address);
    let own = kind(address.as_str());
    let can_write = instance.is_empty() && address.as_str().starts_with("calc.")
        || engine.instances.get(instance).is_some_and(|facts| facts.writable);
    Point {
        address: address.to_string(),
        instance: instance.into(),
        tag: tag.into(),
        reading: Reading::from(engine.router.space.sample(point)),
        name: about.and_then(|about| about.name.clone()).or_else(|| own.map(|own| own.name.into())),
        unit: about
            .and_then(|about| about.unit.clone())
            .or_else(|| own?.unit.map(Into::into))
            .or_else(|| engine.router.rules().unit(address.as_str()).map(Into::into)),
        r#type: about
            .and_then(|about| about.r#type)
            .or(own.map(|own| own.r#type))
            .map(|declared| format!("{declared:?}").to_uppercase()),
        role: about.and_then(|about| about.role).or_else(|| own?.role).map(Role::name),
        writable: can_write && who.role >= people::Role::Operator,
    }
}
