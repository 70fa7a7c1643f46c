//! The log as it is written, over a live connection: the last lines at first, then each as it comes.

use std::sync::Arc;

use fieldrail_node::{LogFilter, Node};
use serde::Deserialize;
use tokio::sync::watch;

use crate::logs::{Entry, Wanted};

/// Lines at first.
const FIRST: usize = 100;

/// Lines in one frame, at the most; a flood beyond that leaves a gap, and the frame says so.
const MOST: usize = 500;

/// Which lines are followed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogWish {
    /// Of this instance only.
    instance: Option<String>,
    /// Of this level or a graver one.
    level: Option<String>,
    /// With this text in the message or its fields, in any case.
    search: Option<String>,
}

/// Lines that came since the last time, the newest last.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) lines: Vec<Entry>,
    /// There were more than fit; the newest are here.
    pub(super) gap: bool,
}

/// Follows the log.
pub(super) struct Follower {
    node: Arc<Node>,
    filter: LogFilter,
    changes: watch::Receiver<u64>,
}

impl Follower {
    pub(super) fn new(node: &Arc<Node>, wish: LogWish) -> Result<Self, crate::problem::Failure> {
        let LogWish { instance, level, search } = wish;
        let filter = Wanted { instance, level, search, since_ms: None, until_ms: None }.filter()?;
        let mut changes = node.logbook().changes();
        changes.mark_changed();
        Ok(Self { node: Arc::clone(node), filter: LogFilter { limit: FIRST, ..filter }, changes })
    }

    /// Waits until lines were written.
    pub(super) async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What came since the last time. Reads the disk.
    pub(super) fn take(&mut self) -> fieldrail_node::Result<Lines> {
        let mut found = self.node.logbook().look(&self.filter)?;
        let gap = self.filter.after.is_some() && found.len() >= self.filter.limit;
        // None is found: the next ones are new all the same.
        let newest = found.first().map(|newest| newest.id);
        self.filter.after = newest.or(self.filter.after).or(Some(0));
        self.filter.limit = MOST;
        found.reverse();
        Ok(Lines { lines: found.into_iter().map(Entry::from).collect(), gap })
    }
}
