//! A tap of a person: what happens to the values of some datapoints, at each stage of their way.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fieldrail_model::InstanceId;
use fieldrail_router::{Pattern, Tap};

use crate::demand::Need;
use crate::people::Who;
use crate::stream::may_follow;
use crate::traffic::{Opened, TapEvent, TapWish, stage};
use crate::{Error, Node, Result};

/// Patterns of one tap.
const MOST: usize = 100;

/// A tap, as long as it lives.
pub struct TapStream {
    node: Arc<Node>,
    who: Who,
    opened: Opened,
    needs: Vec<(InstanceId, Need)>,
}

impl TapStream {
    /// Opens a tap.
    ///
    /// # Errors
    /// A pattern or a stage is wrong, or out of reach.
    pub fn open(node: Arc<Node>, who: &Who, wish: &TapWish) -> Result<Self> {
        if wish.patterns.is_empty() || wish.patterns.len() > MOST {
            let message = format!("a tap has 1 to {MOST} addresses or patterns");
            return Err(Error::invalid_at("patterns", message, Some("`**` stands for everything".into())));
        }
        let stages = wish.stages.iter().map(|name| {
            stage(name).ok_or_else(|| {
                let hint = Some("there are input, step, dropped and output".into());
                Error::invalid_at("stages", format!("there is no stage `{name:.40}`"), hint)
            })
        });
        let stages = stages.collect::<Result<Vec<_>>>()?;
        let mut patterns = Vec::new();
        for text in &wish.patterns {
            may_follow(who, text)?;
            let pattern = Pattern::compile(&node.traffic.engine().canonical(text))
                .map_err(|error| Error::invalid_at("patterns", format!("`{text:.80}`: {error}"), None))?;
            patterns.push(pattern);
        }
        if let Some(route) = &wish.route {
            node.route(route)?;
        }
        let opened = node.traffic.taps.open();
        let mut engine = node.traffic.engine();
        let mut needs = Vec::new();
        for (pattern, text) in patterns.into_iter().zip(&wish.patterns) {
            if text.contains('*') {
                needs.extend(engine.instances_of(text));
            } else if let Some((id, tag)) = engine.split(text) {
                needs.push((id.clone(), Need { tag: tag.into(), pattern: false }));
            }
            let tap = Tap { stages: stages.clone(), pattern, route: wish.route.clone() };
            engine.router.open_tap(opened.id, tap);
        }
        drop(engine);
        node.traffic.need(needs.clone());
        Ok(Self { node, who: who.clone(), opened, needs })
    }

    /// The next event that the asker may see; `None` when the daemon stops.
    pub async fn next(&mut self) -> Option<TapEvent> {
        loop {
            let event = self.opened.events.recv().await?;
            if self.may_see(&event) {
                return Some(event);
            }
        }
    }

    fn may_see(&self, event: &TapEvent) -> bool {
        self.who.reaches(&event.source) && event.target.as_ref().is_none_or(|target| self.who.reaches(target))
    }

    /// Another event that waits already.
    pub fn try_next(&mut self) -> Option<TapEvent> {
        loop {
            let event = self.opened.events.try_recv().ok()?;
            if self.may_see(&event) {
                return Some(event);
            }
        }
    }

    /// How many events were lost since the last call, because they were not read fast enough.
    pub fn missed(&self) -> u64 {
        self.opened.missed.swap(0, Ordering::Relaxed)
    }
}

impl Drop for TapStream {
    fn drop(&mut self) {
        self.node.traffic.engine().router.close_tap(self.opened.id);
        self.node.traffic.taps.close(self.opened.id);
        self.node.traffic.release(std::mem::take(&mut self.needs));
    }
}
