//! The search through the trees of devices: all are asked at once, and who does not answer in time is named.

use std::time::Duration;

use fieldrail_model::InstanceId;
use fieldrail_wire::plugin::Node as DeviceNode;
use fieldrail_wire::{ToPlugin, daemon};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

use super::needle::{Fit, Needle, Scratch};
use super::{Search, is_narrow, limit_of, needle_of};
use crate::data::nodes_of;
use crate::people::Who;
use crate::{Error, Node, Result};

/// How long all devices together have to answer.
const DEADLINE: Duration = Duration::from_secs(2);

/// Instances that are asked; further ones are named as not asked.
const MOST_ASKED: usize = 64;

/// Searches of this kind that may go on at one time, in the whole house.
pub(crate) const AT_ONCE: usize = 4;

/// What the trees of devices hold, as far as they answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct DeviceFinds {
    /// The best first. Such a node need not be a datapoint yet: it becomes one when somebody looks at it.
    pub nodes: Vec<FoundNode>,
    /// Instances that can search and gave no answer, with why.
    pub unanswered: Vec<Unanswered>,
    /// Some instances have more than they were asked for.
    pub more: bool,
}

/// A node of a device's tree that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FoundNode {
    /// The instance.
    pub instance: String,
    /// The last part of the path, as it is shown.
    pub name: String,
    /// What `browse` takes to open it.
    pub path: String,
    /// The full address, if it is a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether there is anything below it.
    pub children: bool,
    /// The device's name for the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// The device's own words about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// An instance that gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unanswered {
    /// The instance.
    pub instance: String,
    /// Why, in words.
    pub why: String,
}

impl Node {
    /// Looks for a text in the trees of all devices whose drivers can. A token that is narrowed to addresses finds only those.
    ///
    /// # Errors
    /// Nothing to look for, or too much; too many such searches at once.
    pub async fn search_devices(&self, who: &Who, wish: &Search) -> Result<DeviceFinds> {
        let needle = needle_of(&wish.text)?;
        let limit = limit_of(wish);
        let Ok(_turn) = self.searches.try_acquire() else {
            let message = format!("{AT_ONCE} searches go through the devices already");
            return Err(Error::unavailable(message, "try again in a moment"));
        };
        let end = Instant::now() + DEADLINE;
        let (mut asked, mut finds) = (Vec::new(), DeviceFinds::default());
        for id in self.searchable(who) {
            let question = if asked.len() < MOST_ASKED {
                self.ask_for(&id, wish.text.trim(), limit)
            } else {
                Err(Error::Conflict(format!("only {MOST_ASKED} instances are asked")))
            };
            match question {
                Ok(question) => asked.push((id, question)),
                Err(error) => finds.miss(&id, &error),
            }
        }
        let mut ranked = Vec::new();
        for (id, question) in asked {
            let answer = tokio::time::timeout_at(end, question.wait(DEADLINE)).await.unwrap_or_else(|_| Err(late()));
            match answer.and_then(nodes_of) {
                Ok(nodes) => {
                    finds.more |= nodes.next.is_some() || nodes.nodes.len() > limit;
                    let nodes = nodes.nodes.into_iter().take(limit);
                    ranked.extend(nodes.filter_map(|node| self.found(who, &id, node, &needle)));
                }
                Err(error) => finds.miss(&id, &error),
            }
        }
        ranked.sort_by_key(|(fit, node)| (*fit, node.path.len()));
        finds.more |= ranked.len() > limit;
        finds.nodes = ranked.into_iter().take(limit).map(|(_, node)| node).collect();
        Ok(finds)
    }

    /// Instances that run, can search, and hold something that the asker may see.
    fn searchable(&self, who: &Who) -> Vec<InstanceId> {
        let able = |instance: &crate::views::Instance| {
            instance.pid.is_some() && instance.capabilities.iter().any(|word| word == "search")
        };
        let all = self.instances_in_brief().into_iter().filter(able);
        all.filter_map(|instance| instance.id.parse().ok()).filter(|id| may_hold(who, id)).collect()
    }

    fn ask_for(&self, id: &InstanceId, text: &str, limit: usize) -> Result<crate::requests::Question> {
        let question = self.traffic.requests.ask(id)?;
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let search = daemon::Search { request: question.request, text: text.to_owned(), after: None, limit };
        if self.traffic.say(id, &ToPlugin::Search(search)) {
            return Ok(question);
        }
        Err(Error::unavailable("it does not run", "see on its page why"))
    }

    /// The node as it is shown, and how well it fits; none where the asker may not see it.
    fn found(&self, who: &Who, id: &InstanceId, node: DeviceNode, needle: &Needle) -> Option<(Fit, FoundNode)> {
        let address =
            node.tag.as_deref().map(|tag| self.traffic.engine().canonical(id.address(tag).as_str()).into_owned());
        let seen = address.as_ref().map_or(!is_narrow(who), |address| who.reaches(address));
        if !seen {
            return None;
        }
        let texts = [node.path.as_str(), node.name.as_str(), node.comment.as_deref().unwrap_or_default()];
        // What a driver found in its own way is believed, and comes last.
        let fit = needle.fit(&texts, &mut Scratch::default()).unwrap_or(Fit::Inside);
        let DeviceNode { name, path, children, r#type, comment, .. } = node;
        Some((fit, FoundNode { instance: id.to_string(), name, path, address, children, r#type, comment }))
    }
}

impl DeviceFinds {
    fn miss(&mut self, id: &InstanceId, error: &Error) {
        self.unanswered.push(Unanswered { instance: id.to_string(), why: error.to_string() });
    }
}

fn late() -> Error {
    let message = format!("no answer within {} s", DEADLINE.as_secs());
    Error::unavailable(message, "open its tree on the page with the data")
}

/// A narrow token is not told of instances in which it sees nothing.
fn may_hold(who: &Who, id: &InstanceId) -> bool {
    let of_it = |address: &String| {
        address.strip_prefix(id.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    !is_narrow(who) || who.scope.as_ref().is_some_and(|scope| scope.addresses.iter().any(of_it))
}
