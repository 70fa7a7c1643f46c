//! What an address is for the rules: a datapoint of an instance, a computed one, the log, or a mistake.

use std::borrow::Cow;
use std::collections::HashMap;

use fieldrail_model::address::{MAX_ADDRESS_BYTES, RESERVED, split};
use fieldrail_model::text::{did_you_mean, nearest};
use fieldrail_model::{Address, InstanceId};

use super::{Directory, InstanceFacts, TargetClass};
use crate::pattern::Pattern;

/// A target that was found to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetSpec {
    pub(crate) address: Address,
    pub(crate) name: TargetName,
}

/// What kind of target it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TargetName {
    Instance { instance: InstanceId, tag: Box<str>, class: TargetClass },
    Calc,
    Log,
}

impl TargetSpec {
    /// Whether two routes to it would fight over its value.
    pub(crate) fn is_state(&self) -> bool {
        match &self.name {
            TargetName::Instance { class, .. } => *class == TargetClass::State,
            TargetName::Calc => true,
            TargetName::Log => false,
        }
    }
}

/// Why an address cannot be used, and what to try.
pub(super) type Wrong = (String, Option<String>);

/// The instances there were when the rules were compiled.
#[derive(Debug, Default)]
pub(crate) struct Known {
    instances: HashMap<Box<str>, (InstanceId, InstanceFacts)>,
    /// Sorted, to find out whether some instance begins like a pattern.
    ids: Vec<Box<str>>,
}

impl Known {
    pub(crate) fn new(directory: &dyn Directory) -> Self {
        let all = directory.instances();
        let parsed = all.into_iter().filter_map(|(id, facts)| Some((id.parse().ok()?, facts)));
        let instances: HashMap<Box<str>, _> =
            parsed.map(|(id, facts): (InstanceId, InstanceFacts)| (id.as_str().into(), (id, facts))).collect();
        let mut ids: Vec<Box<str>> = instances.keys().cloned().collect();
        ids.sort_unstable();
        Self { instances, ids }
    }

    /// The end of the instance id in an address and what is known of the instance. For Fieldrail's own and unknown ones
    /// the first segment counts as the id.
    pub(crate) fn locate(&self, address: &str) -> (usize, Option<InstanceFacts>) {
        match split(address, |id| self.instances.contains_key(id)) {
            Some((id, _)) => (id.len(), self.instances.get(id).map(|(_, facts)| *facts)),
            None => (address.find('.').unwrap_or(address.len()), None),
        }
    }

    pub(super) fn any_case_insensitive(&self) -> bool {
        self.instances.values().any(|(_, facts)| facts.case_insensitive)
    }

    /// The address in the spelling of the data space.
    pub(crate) fn canonical<'a>(&self, address: &'a str, directory: &dyn Directory) -> Cow<'a, str> {
        match split(address, |id| self.instances.contains_key(id)) {
            Some((id, tag)) if !tag.is_empty() && self.instances[id].1.case_insensitive => {
                format!("{id}.{}", directory.canonical(id, tag)).into()
            }
            _ => address.into(),
        }
    }

    /// The target at this address.
    pub(crate) fn target(&self, address: &str) -> Result<TargetSpec, Wrong> {
        check_text(address)?;
        let first = address.split('.').next().unwrap_or(address);
        let name = match first {
            "log" if address == "log.system" => TargetName::Log,
            "log" => return Err((format!("`{address}` is no target"), Some("the log is `log.system`".into()))),
            "calc" if address.len() > "calc.".len() => TargetName::Calc,
            "calc" => return Err(("a computed datapoint needs a name".into(), Some("write `calc.name`".into()))),
            "history" => {
                return Err((
                    "there is no target `history`".into(),
                    Some("write to `calc.name`, which keeps its value".into()),
                ));
            }
            "system" => return Err((format!("`{address}` is Fieldrail's own and cannot be written"), None)),
            _ => {
                let (id, tag) =
                    split(address, |id| self.instances.contains_key(id)).ok_or_else(|| self.unknown(address))?;
                let (instance, facts) = &self.instances[id];
                if !facts.writable {
                    let hint = "its driver only reads; look for a target that can be written";
                    return Err((format!("`{id}` cannot be written to"), Some(hint.into())));
                }
                TargetName::Instance { instance: instance.clone(), tag: tag.into(), class: facts.targets }
            }
        };
        Ok(TargetSpec { address: address.into(), name })
    }

    /// Checks an address that samples come from.
    pub(super) fn source(&self, address: &str) -> Result<(), Wrong> {
        check_text(address)?;
        let first = address.split('.').next().unwrap_or(address);
        match first {
            "log" | "history" => Err((format!("nothing comes from `{first}`"), None)),
            _ if RESERVED.contains(&first) && address.len() > first.len() + 1 => Ok(()),
            _ => match split(address, |id| self.instances.contains_key(id)) {
                Some((id, "")) if !RESERVED.contains(&first) => {
                    let hint = format!("`{id}.**` stands for all of its datapoints");
                    Err((format!("`{id}` is an instance; which datapoint of it?"), Some(hint)))
                }
                Some(_) => Ok(()),
                None => Err(self.unknown(address)),
            },
        }
    }

    /// What is wrong with the name of an instance, if there is none of this name.
    pub(super) fn no_instance(&self, id: &str) -> Option<Wrong> {
        if self.instances.contains_key(id) || RESERVED.contains(&id) {
            return None;
        }
        let near = did_you_mean(id, self.ids.iter().map(|id| &**id));
        Some((format!("there is no instance `{id:.64}`{near}"), None))
    }

    /// Whether an instance could have datapoints that match a pattern with this beginning.
    pub(super) fn may_begin(&self, prefix: &str) -> bool {
        let own = ["calc.", "system."].iter().any(|own| own.starts_with(prefix) || prefix.starts_with(own));
        let at = self.ids.partition_point(|id| **id < *prefix);
        let longer = self.ids.get(at).is_some_and(|id| id.starts_with(prefix));
        own || longer || split(prefix, |id| self.instances.contains_key(id)).is_some()
    }

    /// An address that the pattern matches, of an instance that there is if there is one.
    pub(super) fn example(&self, pattern: &Pattern) -> String {
        self.example_with(pattern, "example")
    }

    /// The same with this word in place of the wildcards.
    pub(super) fn example_with(&self, pattern: &Pattern, word: &str) -> String {
        let prefix = pattern.prefix();
        if self.locate(prefix).1.is_some() || !prefix.is_empty() && prefix.starts_with("calc.") {
            return pattern.example("", word);
        }
        // The wild part begins within the instance's id: take one whose datapoint would match.
        let ids = self.ids.iter().filter(|id| id.starts_with(prefix)).take(MAX_EXAMPLES);
        let mut tags = ids.flat_map(|id| {
            let whole = pattern.example(&format!("{id}.{word}"), word);
            let within = pattern.example(id, word);
            [whole, within]
        });
        tags.find(|address| pattern.matches(address)).unwrap_or_else(|| pattern.example("", word))
    }

    fn unknown(&self, address: &str) -> Wrong {
        let ends = address.match_indices('.').map(|(at, _)| at).chain([address.len()]);
        // Ids with as many segments as were written.
        let near = ends.zip(1..=MAX_SEGMENTS).find_map(|(end, segments)| {
            let written = &address[..end];
            let alike = self.ids.iter().filter(|id| id.split('.').count() == segments).map(|id| &**id);
            Some(written).zip(nearest(written, alike))
        });
        if let Some((written, id)) = near {
            return (format!("`{written}` is not an instance; did you mean `{id}`?"), None);
        }
        let first = address.split('.').next().unwrap_or(address);
        (format!("`{first}` is not an instance"), Some("an address is the instance id, a dot and the tag".into()))
    }
}

/// So many instances are tried for an example of a pattern.
const MAX_EXAMPLES: usize = 16;

/// Ids with more segments are not searched for near ones.
const MAX_SEGMENTS: usize = 8;

fn check_text(address: &str) -> Result<(), Wrong> {
    match address.len() {
        0 => Err(("an address needs at least one character".into(), None)),
        length if length > MAX_ADDRESS_BYTES => {
            Err((format!("an address may have {MAX_ADDRESS_BYTES} bytes, not {length}"), None))
        }
        _ => Ok(()),
    }
}
