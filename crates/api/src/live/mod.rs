//! `GET /api/live`: datapoints and instances over a WebSocket, a snapshot first, then what changed.
//!
//! Invariant: each connection is a task of its own and sends only from it, so a slow client waits for itself alone; what
//! it misses meanwhile it gets as the newest value. The credential is looked at before the first frame, for each message,
//! and whenever somebody's right may have ended. [`frame`] is what is said, [`session`] one connection.

mod frame;
mod session;

use std::sync::Arc;

use axum::extract::FromRequestParts as _;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;

use crate::call::Call;
use crate::guard;
use crate::problem::{Problem, Result};
use session::Session;

/// The largest frame and message of a client, in bytes.
const MOST_SAID: usize = 256 * 1024;

/// For the OpenAPI document, which has no words for a WebSocket.
pub(crate) const DESCRIPTION: &str = "JSON text frames. The client sends one of \
    {\"subscribe\":[address or pattern]}, {\"unsubscribe\":[…]}, {\"watch\":[\"instances\"]}, {\"unwatch\":[…]}; the daemon \
    {\"snapshot\":[Point]} once for each subscribe, {\"delta\":[Delta]} at most every 50 ms, {\"instances\":[Instance]} \
    all at first and then those that changed, {\"error\":{detail,hint}}. It closes with 4401 when the right to be here ends.";

/// Becomes a WebSocket, for one who may.
pub(crate) async fn follow(call: Call, mut parts: Parts) -> Result<Response> {
    guard::check_origin(&parts.headers)?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(|rejection| {
        let problem = Problem::new(StatusCode::UPGRADE_REQUIRED, format!("this is a WebSocket: {rejection}"));
        problem.hint("open it with a WebSocket client")
    })?;
    let caller = call.caller()?.clone();
    let place = Arc::clone(&call.app.live).try_acquire_owned().map_err(|_| {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many live connections");
        problem.hint("close a browser window that is not looked at")
    })?;
    let app = Arc::clone(&call.app);
    Ok(upgrade.max_message_size(MOST_SAID).max_frame_size(MOST_SAID).on_upgrade(move |socket| async move {
        Session::new(app, caller, socket).run().await;
        drop(place);
    }))
}
