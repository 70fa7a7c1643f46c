//! What the configuration says about a topic.

use std::rc::Rc;

use crate::codec::Codec;
use crate::config::Config;
use crate::topic::{filter_covers, filter_matches};

/// What holds for one topic.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    filter: String,
    pub(crate) codec: Codec,
    /// Of subscriptions.
    pub(crate) qos_in: u8,
    /// Of publications.
    pub(crate) qos_out: u8,
    pub(crate) retain: bool,
    /// Split JSON payloads into their leaves.
    pub(crate) json: bool,
}

/// The rules in their order, and what holds without one.
pub(crate) struct Rules {
    rules: Vec<Rc<Rule>>,
    default: Rc<Rule>,
}

impl Rules {
    pub(crate) fn new(config: &Config) -> Self {
        let rule = |rule: &crate::config::TopicRule| Rule {
            filter: rule.filter.clone(),
            codec: Codec::new(rule),
            qos_in: rule.qos.unwrap_or(config.subscribe_qos),
            qos_out: rule.qos.unwrap_or(config.publish_qos),
            retain: rule.retain.unwrap_or(config.retain),
            json: rule.json,
        };
        let all = crate::config::TopicRule { filter: "#".into(), ..Default::default() };
        Self { rules: config.topics.iter().map(|topic| Rc::new(rule(topic))).collect(), default: Rc::new(rule(&all)) }
    }

    /// What holds for a topic.
    pub(crate) fn of(&self, topic: &str) -> &Rc<Rule> {
        self.rules.iter().find(|rule| filter_matches(&rule.filter, topic)).unwrap_or(&self.default)
    }

    /// The quality of service for a filter: the highest of any rule for a topic that it lets through.
    pub(crate) fn qos_in(&self, filter: &str) -> u8 {
        if let Some(rule) = self.rules.iter().find(|rule| filter_covers(&rule.filter, filter)) {
            return rule.qos_in;
        }
        let inside = self.rules.iter().filter(|rule| filter_covers(filter, &rule.filter));
        inside.map(|rule| rule.qos_in).fold(self.default.qos_in, u8::max)
    }
}
