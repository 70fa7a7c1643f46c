//! What is there in the place of a datapoint that is gone: what the house has that is spelled nearly so.

use std::sync::Arc;
use std::time::Duration;

use fieldrail_model::text::nearest_of;
use schemars::JsonSchema;
use serde::Serialize;

use crate::data::reach;
use crate::find::Sought;
use crate::kinds::QualityClass;
use crate::people::Who;
use crate::{Node, Result};

/// Names that are told.
const MOST: usize = 5;
/// Datapoints that are compared, and nodes of a device.
const COMPARED: usize = 100_000;
const ASKED: usize = 200;
/// How long a device may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is there in the place of a datapoint.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Near {
    /// The address that was asked for.
    pub address: String,
    /// Whether its instance is there.
    pub instance: bool,
    /// Whether the data space has it.
    pub known: bool,
    /// How good its value is, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<QualityClass>,
    /// Addresses that are spelled nearly so, the nearest first, at most five.
    pub near: Vec<String>,
}

impl Node {
    /// What is there in the place of this address. A device that can search is asked too.
    pub async fn near(self: &Arc<Self>, who: &Who, address: &str) -> Result<Near> {
        reach(who, address)?;
        let (instance, known, quality, mut near) = self.near_in_space(who, address);
        if let Some((id, tag)) = instance.as_ref().filter(|_| near.len() < MOST) {
            for found in self.near_in_device(who, id, tag).await {
                if !near.contains(&found) && found != address {
                    near.push(found);
                }
            }
            near.truncate(MOST);
        }
        Ok(Near { address: address.into(), instance: instance.is_some(), known, quality, near })
    }

    /// The instance with the tag, whether the data space has it and how good it is, and near names.
    #[allow(clippy::type_complexity)] // four plain facts, told once
    fn near_in_space(
        &self,
        who: &Who,
        address: &str,
    ) -> (Option<(String, String)>, bool, Option<QualityClass>, Vec<String>) {
        let engine = self.traffic.engine();
        let point = engine.known_at(address);
        let sample = point.and_then(|point| engine.router.space.sample(point));
        let classes = [QualityClass::Good, QualityClass::Uncertain, QualityClass::Bad];
        let quality = sample.and_then(|sample| classes.into_iter().find(|class| class.is_of(Some(sample))));
        let split = engine.split(address).map(|(id, tag)| (id.to_string(), tag.to_owned()));
        let prefix = match &split {
            Some((id, _)) => format!("{id}."),
            // Whoever mistyped the instance still meant its tag.
            None => String::new(),
        };
        let candidates: Vec<&str> = engine
            .router
            .space
            .page(&prefix, None)
            .take(COMPARED)
            .filter(|candidate| Some(*candidate) != point)
            .map(|candidate| engine.router.space.address(candidate).as_str())
            .filter(|candidate| who.reaches(candidate))
            .collect();
        let near = nearest_of(address, candidates, MOST).into_iter().map(str::to_owned).collect();
        (split, point.is_some(), quality, near)
    }

    /// What the tree of the device has under a name like the last of the tag.
    async fn near_in_device(self: &Arc<Self>, who: &Who, id: &str, tag: &str) -> Vec<String> {
        let words = tag.rsplit(['.', '/']).find(|word| !word.is_empty()).unwrap_or(tag);
        // Of a name that was mistyped at its end its begin still fits.
        let begin: String = words.chars().take((words.chars().count() * 2 / 3).max(3)).collect();
        let sought = Sought { instance: id.into(), text: begin, limit: Some(ASKED), ..Sought::default() };
        let found = tokio::time::timeout(PATIENCE, self.find(who, sought)).await;
        let Ok(Ok(page)) = found else { return Vec::new() };
        let tags: Vec<String> = page.items.into_iter().filter_map(|node| node.tag).collect();
        let near = nearest_of(tag, tags.iter().map(String::as_str), MOST);
        near.into_iter().map(|tag| format!("{id}.{tag}")).collect()
    }
}
