//! What the start page of the web admin asks, in one answer. Instances, alarms and the panic have end points of their own.

use fieldrail_node::views::Paged;
use fieldrail_node::{ErrorView, ErrorWish, FailingRoutes};
use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::Json;
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;
use crate::system::Status;

/// Of each kind of what needs a hand, at the most.
const MOST: usize = 10;

/// How the daemon stands, and what needs a hand.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Summary {
    /// How it stands, flattened.
    #[serde(flatten)]
    status: Status,
    /// Causes of failures that nobody has resolved, the last seen first.
    open_errors: Paged<ErrorView>,
    /// Routes whose condition or transform fails.
    failing_routes: FailingRoutes,
}

pub(crate) fn summary(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Summary>> {
    let open = ErrorWish { resolved: Some(false), limit: Some(MOST), ..ErrorWish::default() };
    let node = call.node();
    let (open_errors, failing_routes) = (node.errors(&open)?, node.failing_routes(MOST));
    Ok(Json(Summary { status: Status::of(call), open_errors, failing_routes }))
}
