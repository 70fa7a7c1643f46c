//! The daemon itself: whether it lives, how it stands, what it can do.

use std::collections::BTreeMap;

use fieldrail_node::views::{Finding, Paged, Resources};
use fieldrail_node::{BoxView, Manifest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::{Accepted, Json};
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;

/// How the program was built.
const PROFILE: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

/// That the daemon answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
}

/// Something that Fieldrail is made of.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Part {
    /// Its name.
    name: String,
    /// Its version.
    version: String,
    /// Its licence as an SPDX expression.
    licence: String,
    /// Where it comes from: `rust` or `npm`.
    from: String,
}

/// How the daemon stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Status {
    /// Fieldrail's version.
    version: &'static str,
    /// How and for what it was built, for example `release, x86_64, linux`.
    build: String,
    /// What the machine is called.
    host: String,
    /// The kernel of its operating system.
    kernel: String,
    /// The cores that the daemon may use.
    cores: usize,
    /// Seconds since the start.
    uptime_s: u64,
    /// Where the web admin and the API are served.
    listen: String,
    /// What is wrong with the configuration on disk; what was right before is in force.
    faults: Vec<Finding>,
    /// Datapoints in the data space.
    datapoints: usize,
    /// Routes in force.
    routes: usize,
    /// Drivers and plugins at hand.
    plugins: usize,
    /// Instances by their state.
    instances: BTreeMap<String, usize>,
    /// What the daemon itself takes, without its instances.
    daemon: Resources,
    /// The box.
    r#box: BoxView,
    /// Why something cannot be written to disk now.
    troubles: Vec<String>,
}

pub(crate) fn health(_: &Call, _: NoQuery, _: NoBody) -> Result<Json<Health>> {
    Ok(Json(Health { status: "ok" }))
}

pub(crate) fn status(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Status>> {
    Ok(Json(Status::of(call)))
}

impl Status {
    /// How it stands now.
    pub(crate) fn of(call: &Call) -> Self {
        let node = call.node();
        let stats = node.router_stats();
        let machine = fieldrail_node::machine_names();
        let mut instances = BTreeMap::new();
        for instance in node.instances() {
            *instances.entry(instance.state).or_default() += 1;
        }
        Self {
            version: env!("CARGO_PKG_VERSION"),
            build: format!("{PROFILE}, {}, {}", std::env::consts::ARCH, std::env::consts::OS),
            host: machine.host,
            kernel: machine.kernel,
            cores: machine.cores,
            uptime_s: node.uptime().as_secs(),
            listen: call.app.listen.unwrap_or(node.settings().listen).to_string(),
            faults: node.faults().iter().map(Finding::from).collect(),
            datapoints: stats.datapoints,
            routes: stats.routes,
            plugins: node.plugins().iter().count(),
            instances,
            daemon: node.own_resources(),
            r#box: node.box_view(),
            troubles: node.disk_troubles(),
        }
    }
}

pub(crate) fn licences(_: &Call, _: NoQuery, _: NoBody) -> Result<Json<Paged<Part>>> {
    // Made by `scripts/licences`; a test holds it against what is really built in.
    let parts = serde_json::from_str(include_str!("../licences.json")).unwrap_or_default();
    Ok(Json(Paged::whole(parts)))
}

pub(crate) fn restart(call: &Call, _: NoQuery, _: NoBody) -> Result<Accepted> {
    call.node().restart_daemon(call.who()?)?;
    Ok(Accepted)
}

pub(crate) fn plugins(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Paged<Manifest>>> {
    let manifests = call.node().plugins().iter().map(|plugin| plugin.manifest.clone());
    Ok(Json(Paged::whole(manifests.collect())))
}

pub(crate) fn openapi(_: &Call, _: NoQuery, _: NoBody) -> Result<Json<Value>> {
    Ok(Json(crate::openapi()))
}
