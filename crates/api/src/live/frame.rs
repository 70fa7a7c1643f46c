//! What is said over the WebSocket, in JSON text frames.

use fieldrail_node::views::{Delta, Instance, Point};
use serde::{Deserialize, Serialize};

use super::lines::LogWish;
use crate::logs::Entry;

/// A frame from the client.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// Follow these addresses and patterns.
    Subscribe(Vec<String>),
    /// Do not follow these any more, spelled as before.
    Unsubscribe(Vec<String>),
    /// Follow these lists.
    Watch(Vec<List>),
    /// Do not follow these lists any more.
    Unwatch(Vec<List>),
    /// Follow these lines of the log, in place of those before; nothing ends it.
    FollowLogs(Option<LogWish>),
}

/// A list that can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum List {
    /// The instances as they run.
    Instances,
}

/// A frame to the client.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Say<'a> {
    /// What is known of newly followed datapoints, once for each `subscribe`.
    Snapshot(&'a [Point]),
    /// What changed since.
    Delta(&'a [Delta]),
    /// All instances the first time, then those that changed.
    Instances(&'a [&'a Instance]),
    /// Lines of the log, the newest last. A gap says that there were more before them than fit.
    Logs { lines: &'a [Entry], gap: bool },
    /// Something was not understood or not allowed; the connection stays.
    Error { detail: String, hint: Option<String> },
}

impl Say<'_> {
    /// The frame as text.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and values are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_exactly_one_thing() {
        let said = |text| serde_json::from_str::<Said>(text);
        assert_eq!(said(r#"{"subscribe":["a.b"]}"#).unwrap(), Said::Subscribe(vec!["a.b".into()]));
        assert_eq!(said(r#"{"watch":["instances"]}"#).unwrap(), Said::Watch(vec![List::Instances]));
        assert_eq!(said(r#"{"follow_logs":null}"#).unwrap(), Said::FollowLogs(None));
        assert_eq!(said(r#"{"follow_logs":{}}"#).unwrap(), Said::FollowLogs(Some(LogWish::default())));
        for wrong in ["", "{}", "[]", "7", r#"{"subscribe":"a"}"#, r#"{"subscribe":[],"watch":[]}"#, r#"{"shout":[]}"#]
        {
            assert!(said(wrong).is_err(), "{wrong}");
        }
    }
}
