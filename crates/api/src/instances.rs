//! Instances as they run.

use fieldrail_node::Node;
use fieldrail_node::limits::Limits;
use fieldrail_node::people::Who;
use fieldrail_node::views::{Instance, Paged};

use crate::answer::Json;
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;

pub(crate) fn list(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Paged<Instance>>> {
    Ok(Json(Paged::whole(call.node().instances())))
}

type Act = fn(&Node, &Who, &str) -> fieldrail_node::Result<Instance>;

fn act(call: &Call, act: Act) -> Result<Json<Instance>> {
    Ok(Json(act(call.node(), call.who()?, call.segment("id"))?))
}

pub(crate) fn start(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Instance>> {
    act(call, Node::start)
}

pub(crate) fn stop(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Instance>> {
    act(call, Node::stop)
}

pub(crate) fn restart(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Instance>> {
    act(call, Node::restart)
}

pub(crate) fn reactivate(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Instance>> {
    act(call, Node::reactivate)
}

pub(crate) fn limits(call: &Call, _: NoQuery, Json(limits): Json<Limits>) -> Result<Json<Instance>> {
    let id = call.segment("id");
    call.about(id, serde_json::to_string(&limits).unwrap_or_default());
    Ok(Json(call.node().set_limits(call.who()?, call.segment("id"), &limits)?))
}

pub(crate) fn kill(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Instance>> {
    act(call, Node::kill)
}

pub(crate) fn attach(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Instance>> {
    act(call, Node::attach)
}

pub(crate) fn detach(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Instance>> {
    act(call, Node::detach)
}
