//! `GET /api/live`: datapoints and instances over a WebSocket, a snapshot first, then what changed.
//!
//! Invariant: each connection is a task of its own and sends only from it, so a slow client waits for itself alone; what
//! it misses meanwhile it gets as the newest value. The credential is looked at before the first frame, for each message,
//! and whenever somebody's right may have ended. [`frame`] is what is said, [`lines`] the log, [`session`] one connection; [`router`] a tap and a recording.

mod frame;
mod lines;
mod router;
mod session;

use std::sync::Arc;

use axum::extract::FromRequestParts as _;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;

use crate::app::App;
use crate::call::Call;
use crate::guard;
use crate::guard::Caller;
use crate::problem::{Problem, Result};
use session::Session;

/// The largest frame and message of a client, in bytes.
const MOST_SAID: usize = 256 * 1024;

/// What is said over each WebSocket, for the OpenAPI document, which has no words for one.
pub(crate) fn description(path: &str) -> &'static str {
    match path {
        "/api/router/tap" => {
            "The client sends one frame, {\"patterns\":[address or pattern],\"stages\":[…],\"route\":id}; the daemon \
             {\"tapped\":[TapEvent]}, {\"missed\":n} where the client read too slowly, {\"error\":{detail,hint}}."
        }
        "/api/router/record" => {
            "The daemon sends binary frames, which one after the other are a recording; it closes when the client reads \
             too slowly. The recording ends with the connection."
        }
        _ => {
            "JSON text frames. The client sends one of {\"subscribe\":[address or pattern]}, {\"unsubscribe\":[…]}, \
             {\"watch\":[\"instances\"]}, {\"unwatch\":[…]}, {\"follow_logs\":{instance,level,search}}, {\"follow_logs\":null}; \
             the daemon {\"snapshot\":[Point]} once for each subscribe, \
             {\"delta\":[Delta]} at most every 50 ms, {\"instances\":[Instance]} all at first and then those that \
             changed, {\"logs\":{\"lines\":[Entry],\"gap\":bool}} the last lines at first and then each as it comes, \
             {\"error\":{detail,hint}}. It closes with 4401 when the right to be here ends."
        }
    }
}

/// Becomes the live view, for one who may.
pub(crate) async fn follow(call: Call, parts: Parts) -> Result<Response> {
    upgraded(call, parts, |app, caller, socket| Session::new(app, caller, socket).run()).await
}

/// Becomes a tap of the router.
pub(crate) async fn tap(call: Call, parts: Parts) -> Result<Response> {
    upgraded(call, parts, router::tap).await
}

/// Becomes a recording of what comes into the router.
pub(crate) async fn record(call: Call, parts: Parts) -> Result<Response> {
    upgraded(call, parts, router::record).await
}

/// Becomes a WebSocket, for one who may.
async fn upgraded<F>(
    call: Call,
    mut parts: Parts,
    run: impl FnOnce(Arc<App>, Caller, WebSocket) -> F + Send + 'static,
) -> Result<Response>
where
    F: Future<Output = ()> + Send + 'static,
{
    guard::check_origin(&parts.headers, &parts.extensions)?;
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
        run(app, caller, socket).await;
        drop(place);
    }))
}
