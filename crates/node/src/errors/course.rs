//! What an instance did last, for the event if it fails: messages to and from it, lines it logged, a stack that is being
//! told. A few of each, in memory.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fieldrail_model::Value;
use fieldrail_wire::{FromPlugin, SampleItem, TagRef, ToPlugin, WriteItem};

use super::event::{Input, clip};
use super::stderr::{Blocks, Exception, Heard};

/// Messages that are kept.
const MESSAGES: usize = 20;

/// Values of one message that are kept.
const VALUES: usize = 3;

/// So much of a text is kept, in bytes.
const TEXT: usize = 120;

/// Lines of the log that are kept, and how much of each in bytes.
const LINES: usize = 20;
const LINE: usize = 400;

/// A stack of which nothing came for so long is complete.
const QUIET: Duration = Duration::from_secs(1);

/// A process that ends so soon after a panic or an exception has ended because of it.
const CAUSED: Duration = Duration::from_secs(10);

/// One message, in short.
#[derive(Debug, Clone)]
struct Message {
    time_ms: i64,
    from_plugin: bool,
    kind: &'static str,
    count: usize,
    values: Vec<(TagRef, Value)>,
}

/// What an instance did last.
#[derive(Debug, Default)]
pub(crate) struct Course {
    messages: Mutex<VecDeque<Message>>,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    lines: VecDeque<String>,
    blocks: Blocks,
    heard: Option<Instant>,
    exception: Option<Instant>,
}

impl Course {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, from_plugin: bool, kind: &'static str, count: usize, values: Vec<(TagRef, Value)>) {
        let time_ms = crate::clock::wall().millis();
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() >= MESSAGES {
            messages.pop_front();
        }
        messages.push_back(Message { time_ms, from_plugin, kind, count, values });
    }

    /// It was told something.
    pub(crate) fn told(&self, message: &ToPlugin) {
        match message {
            ToPlugin::Write(write) => {
                let value = |item: &WriteItem| (item.tag.clone(), short(&item.value));
                self.push(false, "write", write.items.len(), write.items.iter().take(VALUES).map(value).collect());
            }
            ToPlugin::Subscribe(subscribe) => self.push(false, "subscribe", subscribe.items.len(), Vec::new()),
            other => self.push(false, kind_of(other), 0, Vec::new()),
        }
    }

    /// It said something.
    pub(crate) fn said_message(&self, message: &FromPlugin) {
        let kind = match message {
            FromPlugin::Written(_) => "written",
            FromPlugin::Subscribed(_) => "subscribed",
            FromPlugin::Values(_) => "values",
            FromPlugin::Nodes(_) => "nodes",
            FromPlugin::Returned(_) => "returned",
            FromPlugin::Configured(_) => "configured",
            FromPlugin::Event(_) => "event",
            _ => return,
        };
        self.push(true, kind, 0, Vec::new());
    }

    /// It said what its datapoints are.
    pub(crate) fn sampled(&self, items: &[SampleItem]) {
        let value = |item: &SampleItem| (item.tag.clone(), short(&item.value));
        self.push(true, "samples", items.len(), items.iter().take(VALUES).map(value).collect());
    }

    /// The last messages, the newest last. `name` is the tag behind a number of its own, or of the daemon's.
    pub(crate) fn inputs(&self, name: impl Fn(bool, u32) -> Option<String>) -> Vec<Input> {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let shown = |message: &Message| {
            let tag = |tag: &TagRef| match tag {
                TagRef::Name(name) => name.to_string(),
                TagRef::Number(number) => name(message.from_plugin, *number).unwrap_or_else(|| format!("tag {number}")),
            };
            let values: Vec<String> =
                message.values.iter().map(|(number, value)| format!("{} = {value}", tag(number))).collect();
            let mut text = message.kind.to_owned();
            if message.count > 0 {
                text = format!("{text} {}", message.count);
            }
            if !values.is_empty() {
                let more = if message.count > values.len() { ", …" } else { "" };
                text = format!("{text}: {}{more}", values.join(", "));
            }
            Input { time_ms: message.time_ms, from_plugin: message.from_plugin, text }
        };
        messages.iter().map(shown).collect()
    }

    /// It logged a line. Says whether a panic or an exception is complete with it.
    pub(crate) fn logged(&self, line: &str) -> Heard {
        let mut said = self.said();
        let heard = said.blocks.take(line);
        said.heard = Some(Instant::now());
        if heard.exception.is_some() {
            said.exception = Some(Instant::now());
        }
        // What belongs to a stack is told with it.
        let is_stack = said.blocks.is_open() || (heard.exception.is_some() && heard.instead.is_none());
        if !is_stack {
            if said.lines.len() >= LINES {
                said.lines.pop_front();
            }
            said.lines.push_back(clip(heard.instead.as_deref().unwrap_or(line), LINE));
        }
        heard
    }

    /// The last lines that it logged.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.said().lines.iter().cloned().collect()
    }

    /// A stack of which nothing more comes; when `at_once`, of which nothing more can come.
    pub(crate) fn rest(&self, at_once: bool) -> Option<Exception> {
        let mut said = self.said();
        let quiet = said.heard.is_some_and(|at| at.elapsed() >= QUIET);
        if !said.blocks.is_open() || !(at_once || quiet) {
            return None;
        }
        said.exception = Some(Instant::now());
        said.blocks.finish()
    }

    /// Whether a panic or an exception says already why the process has ended. Once.
    pub(crate) fn is_explained(&self) -> bool {
        self.said().exception.take().is_some_and(|at| at.elapsed() < CAUSED)
    }
}

fn kind_of(message: &ToPlugin) -> &'static str {
    match message {
        ToPlugin::Unsubscribe(_) => "unsubscribe",
        ToPlugin::Read(_) => "read",
        ToPlugin::Browse(_) => "browse",
        ToPlugin::Search(_) => "search",
        ToPlugin::Call(_) => "call",
        ToPlugin::Configure(_) => "configure",
        ToPlugin::Stop(_) => "stop",
        _ => "message",
    }
}

/// The value, or the beginning of a long one.
fn short(value: &Value) -> Value {
    match value {
        Value::Text(text) | Value::Json(text) if text.len() > TEXT => Value::text(clip(text, TEXT)),
        // Not shown as they are: what is secret in them could not be found.
        Value::Bytes(bytes) => Value::text(format!("({} bytes)", bytes.len())),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_messages_are_kept_in_short() {
        let course = Course::default();
        let item = |n: i64, value: Value| SampleItem {
            tag: if n % 2 == 0 { TagRef::Number(7) } else { TagRef::Name("power".into()) },
            value,
            quality: fieldrail_model::Quality::Good,
            note: None,
            time: None,
            origin: None,
        };
        for n in 0..30 {
            course.sampled(&[
                item(1, Value::Int(n)),
                item(0, Value::Int(2)),
                item(1, Value::text("x".repeat(9999))),
                item(0, Value::Int(4)),
            ]);
        }
        let inputs = course.inputs(|from_plugin, number| from_plugin.then(|| format!("tag_{number}")));
        assert_eq!(inputs.len(), MESSAGES);
        assert!(inputs[19].text.starts_with("samples 4: power = 29, tag_7 = 2, power = "), "{}", inputs[19].text);
        assert!(inputs[19].text.len() < 250 && inputs[19].text.ends_with(", …"), "{}", inputs[19].text);
    }

    #[test]
    fn an_end_right_after_a_stack_is_explained_by_it_once() {
        let course = Course::default();
        assert!(!course.is_explained());
        course.logged("Traceback (most recent call last):");
        assert_eq!(course.rest(false), None);
        assert_eq!(course.logged("KeyError: 'x'").exception.unwrap().class, "KeyError");
        assert!(course.is_explained() && !course.is_explained());
        course.logged("after it");
        assert_eq!(course.lines(), ["after it"]);
    }
}
