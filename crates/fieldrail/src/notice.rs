//! What the daemon tells systemd: that it serves, that it still makes progress, that it stops. Without systemd, nothing.

use std::sync::Arc;
use std::time::Duration;

use fieldrail_node::Node;
use sd_notify::NotifyState;

/// Whether systemd started this process and waits for its word.
pub(crate) fn is_served() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// It serves.
pub(crate) fn ready() {
    say(&[NotifyState::Ready]);
}

/// It stops.
pub(crate) fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// Pets the watchdog as long as the router makes its turns: a daemon that hangs is killed and started again.
pub(crate) async fn watch(node: Arc<Node>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut pause = tokio::time::interval((limit / 3).max(Duration::from_millis(50)));
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        pause.tick().await;
        let turns = node.turns();
        if seen.replace(turns) != Some(turns) {
            say(&[NotifyState::Watchdog]);
        }
    }
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told.");
    }
}
