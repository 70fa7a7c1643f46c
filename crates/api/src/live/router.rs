//! A tap of the router and a recording of it, each over one WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use fieldrail_node::{Recording, TapEvent, TapStream, TapWish};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{interval, timeout};

use super::session::recheck;
use crate::app::App;
use crate::guard::Caller;
use crate::serve::told;

/// Events in one frame, at the most.
const MOST_EVENTS: usize = 1000;

/// How long one frame may take to leave.
const SEND: Duration = Duration::from_mins(1);

/// How long a client may take to say what it wants.
const FIRST: Duration = Duration::from_secs(30);

/// How often it is looked whether the client is still there and may still be here.
const PING: Duration = Duration::from_secs(10);

/// One connection, with what ends it.
struct Line {
    app: Arc<App>,
    caller: Caller,
    socket: WebSocket,
    revoked: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
}

impl Line {
    fn new(app: Arc<App>, caller: Caller, socket: WebSocket) -> Self {
        let (revoked, closing) = (app.node.people().revocations(), app.closing.subscribe());
        Self { app, caller, socket, revoked, closing }
    }

    /// Still the same one with the same rights?
    fn may_stay(&self) -> bool {
        recheck(&self.app, &self.caller).is_ok()
    }

    async fn send(&mut self, message: Message) -> bool {
        self.may_stay() && matches!(timeout(SEND, self.socket.send(message)).await, Ok(Ok(())))
    }

    async fn object(&mut self, error: &fieldrail_node::Error) {
        let text = json!({ "error": { "detail": error.to_string(), "hint": error.hint() } }).to_string();
        self.send(Message::text(text)).await;
    }

    /// Waits until the client leaves, its right ends or the daemon stops. Other messages of the client are passed over.
    async fn ended(&mut self) {
        loop {
            tokio::select! {
                _ = self.revoked.changed() => if !self.may_stay() { return },
                () = told(&mut self.closing) => return,
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {}
                },
            }
        }
    }
}

pub(super) async fn tap(app: Arc<App>, caller: Caller, socket: WebSocket) {
    let mut line = Line::new(app, caller, socket);
    let wish = match timeout(FIRST, line.socket.recv()).await {
        Ok(Some(Ok(Message::Text(text)))) => serde_json::from_str::<TapWish>(&text),
        _ => return,
    };
    let opened = match wish {
        Ok(wish) => TapStream::open(Arc::clone(&line.app.node), &line.caller.who, &wish),
        Err(error) => Err(fieldrail_node::Error::invalid(
            format!("the wish is wrong: {error}"),
            "send {\"patterns\": [\"plc_001.**\"]}",
        )),
    };
    let mut events = match opened {
        Ok(events) => events,
        Err(error) => return line.object(&error).await,
    };
    let mut pings = interval(PING);
    loop {
        let first = tokio::select! {
            () = line.ended() => return,
            _ = pings.tick() => {
                if !line.send(Message::Ping(Vec::new().into())).await {
                    return;
                }
                continue;
            }
            event = events.next() => match event {
                Some(event) => event,
                None => return,
            },
        };
        let mut tapped: Vec<TapEvent> = vec![first];
        while tapped.len() < MOST_EVENTS
            && let Some(event) = events.try_next()
        {
            tapped.push(event);
        }
        let mut said = json!({ "tapped": tapped });
        match events.missed() {
            0 => {}
            missed => said["missed"] = missed.into(),
        }
        if !line.send(Message::text(said.to_string())).await {
            return;
        }
    }
}

pub(super) async fn record(app: Arc<App>, caller: Caller, socket: WebSocket) {
    let mut line = Line::new(app, caller, socket);
    let mut recording = match Recording::begin(Arc::clone(&line.app.node), &line.caller.who) {
        Ok(recording) => recording,
        Err(error) => return line.object(&error).await,
    };
    loop {
        let piece = tokio::select! {
            () = line.ended() => return,
            piece = recording.next() => piece,
        };
        let Some(piece) = piece else {
            let error = fieldrail_node::Error::unavailable(
                "the recording was not taken fast enough and has ended",
                "write it to a faster disk",
            );
            return line.object(&error).await;
        };
        if !line.send(Message::Binary(piece.into())).await {
            return;
        }
    }
}
