//! Several steps as one change, all of them or none: a drag that moves a group, a paste, a removal of what was marked.

use std::collections::{BTreeMap, BTreeSet};

use fieldrail_store::Etag;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bounds::check_widget;
use super::desk::Deed;
use super::edit::{added, changed, given, unchanged};
use super::model::{Cell, Size, Widget};
use super::places::check_places;
use super::state::{Body, Entry, EntryKind, Key, State, Step};
use super::views::{Changed, widget_of};
use crate::people::{Role, Who};
use crate::{Error, Node};

/// Steps of one change.
const MOST_STEPS: usize = 1_000;

/// Several steps.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// At most 1,000, each about another widget.
    pub steps: Vec<StepRequest>,
}

/// One step: exactly one of `add`, `put`, `move` and `remove`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StepRequest {
    /// A widget that comes.
    pub add: Option<Widget>,
    /// A widget as it is to be.
    pub put: Option<Widget>,
    /// The id of a widget that gets another place.
    pub r#move: Option<String>,
    /// The id of a widget that goes.
    pub remove: Option<String>,
    /// What the editor saw; with all but `add`.
    pub etag: Option<String>,
    /// Its cells, of a move.
    pub layout: Option<BTreeMap<Size, Cell>>,
    /// Its page, of a move.
    pub dashboard: Option<String>,
    /// Its group, of a move; an empty one is none.
    pub group: Option<String>,
}

/// Why several steps were not done.
#[derive(Debug)]
pub struct StepFault {
    /// The step that it is about, counted from 0; none if it is about all of them.
    pub step: Option<usize>,
    /// What is wrong with it.
    pub error: Error,
}

impl Node {
    /// Does all steps in one change, or none. A fault comes with the number of its step, counted from 0.
    pub fn change_widgets(&self, who: &Who, request: BatchRequest) -> Result<Changed, Box<StepFault>> {
        let all = |error| Box::new(StepFault { step: None, error });
        who.must_be(Role::Admin).map_err(all)?;
        let mut steps = request.steps;
        if steps.len() > MOST_STEPS {
            let message = format!("there are {} steps; {MOST_STEPS} are the most of one change", steps.len());
            return Err(all(Error::invalid(message, "make several changes of it")));
        }
        let mut fault = None;
        let mut ids = Vec::new();
        let plan = |state: &State| {
            let mut planned = Vec::new();
            let mut touched = BTreeSet::new();
            for (nth, step) in steps.iter_mut().enumerate() {
                let step = planned_step(state, step).inspect_err(|_| fault = Some(nth))?;
                if !touched.insert(step.key.clone()) {
                    fault = Some(nth);
                    return Err(Error::invalid("this widget is in another step too", "one step for each widget"));
                }
                ids.extend(step.after.is_some().then(|| step.key.id.clone()));
                planned.push(step);
            }
            check_places(state, &planned).map_err(|(nth, error)| {
                fault = Some(nth);
                error
            })?;
            Ok(planned)
        };
        // The number is read while nobody else can change anything.
        let show = |state: &State| Ok((state.clone(), self.dashboards.changes.last()));
        let shown = self.change_dashboards(who, Deed::Edit, plan, show);
        let (state, change) = shown.map_err(|error| Box::new(StepFault { step: fault, error }))?;
        let items = ids.iter().map(|id| widget_of(&state, who, id)).collect::<Result<_, _>>().map_err(all)?;
        Ok(Changed { change, items })
    }
}

fn planned_step(state: &State, step: &mut StepRequest) -> Result<Step, Error> {
    let seen = step.etag.as_deref().map(Etag::given);
    let needs_etag = || {
        let hint = Some("send the `etag` of the widget as you read it".into());
        Error::invalid_at("etag", "this step needs the entity tag of what it changes", hint)
    };
    match (step.add.take(), step.put.take(), step.r#move.take(), step.remove.take()) {
        (Some(mut widget), None, None, None) => {
            given(&mut widget.id, "w");
            check_widget(&widget, "add")?;
            added(state, Body::Widget(Box::new(widget)))
        }
        (None, Some(widget), None, None) => {
            check_widget(&widget, "put")?;
            changed(state, &seen.ok_or_else(needs_etag)?, Body::Widget(Box::new(widget)))
        }
        (None, None, Some(id), None) => {
            let entry = unchanged(state, &Key::new(EntryKind::Widget, &id), Some(&seen.ok_or_else(needs_etag)?))?;
            let Body::Widget(widget) = &entry.body else { return Err(Error::Internal("no widget".into())) };
            let mut moved = (**widget).clone();
            moved.layout = step.layout.take().unwrap_or(moved.layout);
            moved.dashboard = step.dashboard.take().unwrap_or(moved.dashboard);
            moved.group = step.group.take().unwrap_or(moved.group);
            check_widget(&moved, "")?;
            Ok(Step::put(Entry::new(Body::Widget(Box::new(moved)))))
        }
        (None, None, None, Some(id)) => {
            let key = Key::new(EntryKind::Widget, &id);
            unchanged(state, &key, Some(&seen.ok_or_else(needs_etag)?))?;
            Ok(Step::remove(key))
        }
        _ => Err(Error::invalid("a step does exactly one thing", "`add`, `put`, `move` or `remove`")),
    }
}
