//! What all dashboards say at one moment, entry by entry, and how steps lead from one such state to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fieldrail_store::{Etag, FormatVersion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bounds::{self, MOST_BYTES, MOST_DASHBOARDS, MOST_TEMPLATES, MOST_WIDGETS};
use super::model::{Dashboard, Template, Widget, WidgetsFile};
use crate::{Error, Result};

/// Pages whose place in the order is kept although they are gone, so that an undone removal brings them back to it.
const MOST_ORDERED: usize = 2 * MOST_DASHBOARDS;

/// A sort of entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A page.
    Dashboard,
    /// A widget.
    Widget,
    /// A template.
    Template,
    /// The order of the pages.
    Order,
}

impl EntryKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Widget => "widget",
            Self::Template => "template",
            Self::Order => "order",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Dashboard, Self::Widget, Self::Template, Self::Order].into_iter().find(|kind| kind.name() == name)
    }
}

/// Which entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) kind: EntryKind,
    pub(crate) id: Arc<str>,
}

impl Key {
    pub(crate) fn new(kind: EntryKind, id: &str) -> Self {
        Self { kind, id: id.into() }
    }

    pub(crate) fn order() -> Self {
        Self::new(EntryKind::Order, "order")
    }
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Dashboard(Dashboard),
    Widget(Box<Widget>),
    Template(Template),
    Order(Vec<String>),
}

/// One entry as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) body: Body,
    /// Its JSON.
    pub(crate) text: String,
    pub(crate) etag: Etag,
}

impl Entry {
    pub(crate) fn new(body: Body) -> Arc<Self> {
        let text = match &body {
            Body::Dashboard(body) => serde_json::to_string(body),
            Body::Widget(body) => serde_json::to_string(body),
            Body::Template(body) => serde_json::to_string(body),
            Body::Order(body) => serde_json::to_string(body),
        };
        let text = text.expect("an entry has text keys only");
        Arc::new(Self { body, etag: Etag::of_bytes(text.as_bytes()), text })
    }

    /// An entry of a kind from its JSON.
    pub(crate) fn parse(kind: EntryKind, text: &str) -> Result<Arc<Self>> {
        let body = match kind {
            EntryKind::Dashboard => serde_json::from_str(text).map(Body::Dashboard),
            EntryKind::Widget => serde_json::from_str(text).map(Body::Widget),
            EntryKind::Template => serde_json::from_str(text).map(Body::Template),
            EntryKind::Order => serde_json::from_str(text).map(Body::Order),
        };
        let body = body.map_err(|error| Error::Internal(format!("an entry of the history cannot be read: {error}")))?;
        Ok(Self::new(body))
    }

    pub(crate) fn key(&self) -> Key {
        match &self.body {
            Body::Dashboard(body) => Key::new(EntryKind::Dashboard, &body.id),
            Body::Widget(body) => Key::new(EntryKind::Widget, &body.id),
            Body::Template(body) => Key::new(EntryKind::Template, &body.id),
            Body::Order(_) => Key::order(),
        }
    }

    /// What people call it; a widget without a title by its kind.
    pub(crate) fn title(&self) -> &str {
        match &self.body {
            Body::Dashboard(body) => &body.name,
            Body::Widget(body) if body.title.is_empty() => &body.kind,
            Body::Widget(body) => &body.title,
            Body::Template(body) => &body.name,
            Body::Order(_) => "",
        }
    }
}

/// What becomes of one entry; nothing means that it goes.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) key: Key,
    pub(crate) after: Option<Arc<Entry>>,
}

impl Step {
    pub(crate) fn put(entry: Arc<Entry>) -> Self {
        Self { key: entry.key(), after: Some(entry) }
    }

    pub(crate) fn remove(key: Key) -> Self {
        Self { key, after: None }
    }
}

/// All entries at one moment. A copy is cheap: entries are shared.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    entries: BTreeMap<Key, Arc<Entry>>,
    /// Pages in their order, also some that are gone.
    order: Vec<String>,
    /// All entries together.
    bytes: usize,
}

impl State {
    /// The state that a file describes, which [`bounds::check_file`] found right.
    pub(crate) fn of_file(file: &WidgetsFile) -> Self {
        let mut state = Self::default();
        let bodies = file
            .dashboards
            .iter()
            .map(|page| Body::Dashboard(page.clone()))
            .chain(file.widgets.iter().map(|widget| Body::Widget(Box::new(widget.clone()))))
            .chain(file.templates.iter().map(|template| Body::Template(template.clone())));
        for body in bodies {
            state.apply(&Step::put(Entry::new(body)));
        }
        state
    }

    /// The file that describes this state.
    pub(crate) fn to_file(&self) -> WidgetsFile {
        let mut file = WidgetsFile { version: FormatVersion, ..WidgetsFile::default() };
        file.dashboards = self.dashboards().into_iter().map(|(page, _)| page.clone()).collect();
        for entry in self.entries.values() {
            match &entry.body {
                Body::Widget(widget) => file.widgets.push((**widget).clone()),
                Body::Template(template) => file.templates.push(template.clone()),
                _ => {}
            }
        }
        file
    }

    /// An entry. The order of the pages is one too, made on the spot.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        if key.kind == EntryKind::Order {
            return Some(Entry::new(Body::Order(self.ordered())));
        }
        self.entries.get(key).cloned()
    }

    pub(crate) fn dashboard(&self, id: &str) -> Option<(&Dashboard, &Etag)> {
        let entry = self.entries.get(&Key::new(EntryKind::Dashboard, id))?;
        let Body::Dashboard(page) = &entry.body else { return None };
        Some((page, &entry.etag))
    }

    pub(crate) fn widget(&self, id: &str) -> Option<(&Widget, &Etag)> {
        let entry = self.entries.get(&Key::new(EntryKind::Widget, id))?;
        let Body::Widget(widget) = &entry.body else { return None };
        Some((widget, &entry.etag))
    }

    /// The pages in their order.
    pub(crate) fn dashboards(&self) -> Vec<(&Dashboard, &Etag)> {
        self.ordered().iter().filter_map(|id| self.dashboard(id)).collect()
    }

    /// The widgets, by their ids.
    pub(crate) fn widgets(&self) -> impl Iterator<Item = (&Widget, &Etag)> {
        self.of_kind(EntryKind::Widget).filter_map(|entry| match &entry.body {
            Body::Widget(widget) => Some((&**widget, &entry.etag)),
            _ => None,
        })
    }

    /// The templates, by their ids.
    pub(crate) fn templates(&self) -> impl Iterator<Item = (&Template, &Etag)> {
        self.of_kind(EntryKind::Template).filter_map(|entry| match &entry.body {
            Body::Template(template) => Some((template, &entry.etag)),
            _ => None,
        })
    }

    fn of_kind(&self, kind: EntryKind) -> impl Iterator<Item = &Arc<Entry>> {
        let from = Key::new(kind, "");
        self.entries.range(from..).take_while(move |(key, _)| key.kind == kind).map(|(_, entry)| entry)
    }

    /// The ids of the pages that are there, in their order.
    pub(crate) fn ordered(&self) -> Vec<String> {
        let there = |id: &&String| self.entries.contains_key(&Key::new(EntryKind::Dashboard, id));
        self.order.iter().filter(there).cloned().collect()
    }

    /// Does one step, whatever comes of it.
    pub(crate) fn apply(&mut self, step: &Step) {
        let Step { key, after } = step;
        if let Some(Body::Order(ids)) = after.as_ref().map(|entry| &entry.body) {
            let named: BTreeSet<&String> = ids.iter().collect();
            let rest = self.order.iter().filter(|id| !named.contains(id)).cloned();
            self.order = ids.iter().cloned().chain(rest.collect::<Vec<_>>()).take(MOST_ORDERED).collect();
            return;
        }
        let gone = match after {
            Some(entry) => {
                self.bytes += entry.text.len();
                self.entries.insert(key.clone(), Arc::clone(entry))
            }
            None => self.entries.remove(key),
        };
        self.bytes -= gone.map_or(0, |entry| entry.text.len());
        if key.kind == EntryKind::Dashboard && after.is_some() && !self.order.iter().any(|id| **id == *key.id) {
            self.order.push(key.id.to_string());
            self.forget_places();
        }
    }

    /// Does several steps, one after the other.
    pub(crate) fn apply_all(&mut self, steps: &[Step]) {
        for step in steps {
            self.apply(step);
        }
    }

    /// Pages that are long gone lose their places.
    fn forget_places(&mut self) {
        if self.order.len() > MOST_ORDERED {
            self.order = self.ordered();
        }
    }

    /// The state after these steps, or why it would be wrong.
    pub(crate) fn after(&self, steps: &[Step]) -> Result<Self> {
        let mut next = self.clone();
        next.apply_all(steps);
        if let Some(orphan) = next.orphans(steps).first() {
            let page = next.widget(&orphan.id).map_or("", |(widget, _)| widget.dashboard.as_str());
            return Err(bounds::no_page("dashboard", page));
        }
        let count = |kind| next.of_kind(kind).count();
        for (what, count, most) in [
            ("widgets", count(EntryKind::Widget), MOST_WIDGETS),
            ("pages", count(EntryKind::Dashboard), MOST_DASHBOARDS),
            ("templates", count(EntryKind::Template), MOST_TEMPLATES),
            ("bytes", next.bytes, MOST_BYTES),
        ] {
            if count > most {
                let message = format!("there would be {count} {what}; {most} are the most of a house");
                return Err(Error::invalid(message, "remove some that nobody looks at"));
            }
        }
        Ok(next)
    }

    /// Widgets that these steps left without a page.
    pub(crate) fn orphans(&self, steps: &[Step]) -> Vec<Key> {
        let is_there = |page: &str| self.dashboard(page).is_some();
        let removes = steps.iter().any(|step| step.key.kind == EntryKind::Dashboard && step.after.is_none());
        let suspects: Vec<&Widget> = if removes {
            self.widgets().map(|(widget, _)| widget).collect()
        } else {
            let touched = steps.iter().filter(|step| step.key.kind == EntryKind::Widget);
            touched.filter_map(|step| self.widget(&step.key.id)).map(|(widget, _)| widget).collect()
        };
        let orphans = suspects.into_iter().filter(|widget| !is_there(&widget.dashboard));
        orphans.map(|widget| Key::new(EntryKind::Widget, &widget.id)).collect()
    }

    /// The steps that lead from `self` to `other`, pages first.
    pub(crate) fn steps_to(&self, other: &Self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for (key, entry) in &other.entries {
            if self.entries.get(key).is_none_or(|mine| mine.etag != entry.etag) {
                steps.push(Step { key: key.clone(), after: Some(Arc::clone(entry)) });
            }
        }
        for key in self.entries.keys().filter(|key| !other.entries.contains_key(key)) {
            steps.push(Step::remove(key.clone()));
        }
        let mut reached = self.clone();
        reached.apply_all(&steps);
        let order = other.ordered();
        if reached.ordered() != order {
            steps.push(Step::put(Entry::new(Body::Order(order))));
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(pages: &[&str], widgets: &[(&str, &str)]) -> State {
        let pages: Vec<_> = pages.iter().map(|id| json!({ "id": id, "name": id })).collect();
        let widget = |(id, page): &(&str, &str)| json!({ "id": id, "dashboard": page, "kind": "value" });
        let widgets: Vec<_> = widgets.iter().map(widget).collect();
        let file = json!({ "version": "1.0", "dashboards": pages, "widgets": widgets });
        let file: WidgetsFile = serde_json::from_value(file).unwrap();
        bounds::check_file(&file).unwrap();
        State::of_file(&file)
    }

    #[test]
    fn the_steps_between_two_states_lead_from_one_to_the_other_and_back() {
        let states = [
            state(&[], &[]),
            state(&["eg", "og"], &[("a", "eg"), ("b", "og")]),
            state(&["og", "eg"], &[("a", "og")]),
            state(&["dg", "og"], &[("c", "og"), ("b", "dg")]),
        ];
        for from in &states {
            for to in &states {
                let steps = from.steps_to(to);
                let there = from.after(&steps).unwrap();
                assert_eq!(there.to_file(), to.to_file());
                assert_eq!(there.bytes, to.bytes);
                assert!(there.steps_to(to).is_empty());
            }
        }
    }

    #[test]
    fn a_widget_never_stands_on_a_page_that_is_not_there() {
        let full = state(&["eg", "og"], &[("a", "eg"), ("b", "og")]);
        let page = Step::remove(Key::new(EntryKind::Dashboard, "eg"));
        assert!(full.after(std::slice::from_ref(&page)).is_err());
        let widget = Step::remove(Key::new(EntryKind::Widget, "a"));
        assert_eq!(full.after(&[page, widget]).unwrap().widgets().count(), 1);
    }

    #[test]
    fn a_page_that_comes_back_stands_where_it_stood() {
        let full = state(&["eg", "og", "dg"], &[]);
        let key = Key::new(EntryKind::Dashboard, "og");
        let gone = full.after(&[Step::remove(key.clone())]).unwrap();
        assert_eq!(gone.ordered(), ["eg", "dg"]);
        let back = gone.after(&[Step { after: full.get(&key), key }]).unwrap();
        assert_eq!(back.ordered(), ["eg", "og", "dg"]);
    }
}
