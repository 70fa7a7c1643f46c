//! Pages, widgets and templates are added, changed and removed one by one.

use std::collections::BTreeSet;
use std::sync::Arc;

use fieldrail_model::{Sample, Value};
use fieldrail_store::{ChangeHead, Etag};

use super::bounds::{check_dashboard, check_template, check_widget};
use super::desk::Deed;
use super::model::{Dashboard, Template, Widget};
use super::places::check_places;
use super::state::{Body, Entry, EntryKind, Key, State, Step};
use super::views::{
    DashboardView, DashboardsView, OrderRequest, TemplateView, WidgetView, list_of, no_widget, page_of, widget_of,
};
use crate::people::{Role, Who};
use crate::{Error, Node, Result};

/// Tells of each change of a dashboard.
pub(crate) const CHANGE: &str = "system.dashboards.change";

impl Node {
    /// Makes a change on what is there at this moment, and shows what came of it.
    pub(super) fn change_dashboards<T>(
        &self,
        who: &Who,
        deed: Deed,
        plan: impl FnOnce(&State) -> Result<Vec<Step>>,
        show: impl FnOnce(&State) -> Result<T>,
    ) -> Result<T> {
        who.must_be(Role::Admin)?;
        let mut desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        let steps = plan(desk.open_state()?)?;
        let head = desk.commit(&self.dashboards.changes, &who.name, deed, None, &steps)?;
        let shown = show(desk.state()?)?;
        drop(desk);
        if let Some(head) = head {
            self.dashboards_changed(&head);
        }
        Ok(shown)
    }

    /// Everybody who looks at a dashboard hears of it, and charts have what they need.
    pub(crate) fn dashboards_changed(&self, head: &ChangeHead) {
        self.tell_change(head.number);
        self.keep_charts();
    }

    /// Says which change was the last.
    pub(crate) fn tell_change(&self, number: u64) {
        let point = self.traffic.engine().point_at(CHANGE);
        if let Some(point) = point {
            self.traffic.route_one(point, Sample::good(Value::uint(number), crate::clock::now()));
        }
    }

    /// Adds a page behind all others.
    pub fn add_dashboard(&self, who: &Who, mut page: Dashboard) -> Result<DashboardView> {
        given(&mut page.id, "d");
        check_dashboard(&page, "")?;
        let id = page.id.clone();
        let plan = |state: &State| Ok(vec![added(state, Body::Dashboard(page))?]);
        self.change_dashboards(who, Deed::Edit, plan, |state| page_of(state, who, &id))
    }

    /// Changes a page.
    pub fn put_dashboard(&self, who: &Who, id: &str, seen: &Etag, page: Dashboard) -> Result<DashboardView> {
        let page = Dashboard { id: same_id(&page.id, id)?, ..page };
        check_dashboard(&page, "")?;
        let plan = |state: &State| Ok(vec![changed(state, seen, Body::Dashboard(page))?]);
        self.change_dashboards(who, Deed::Edit, plan, |state| page_of(state, who, id))
    }

    /// Removes a page with all that stands on it.
    pub fn remove_dashboard(&self, who: &Who, id: &str, seen: &Etag) -> Result<()> {
        let key = Key::new(EntryKind::Dashboard, id);
        let plan = |state: &State| {
            unchanged(state, &key, Some(seen))?;
            let widgets = state.widgets().filter(|(widget, _)| widget.dashboard == id);
            let mut steps: Vec<Step> =
                widgets.map(|(widget, _)| Step::remove(Key::new(EntryKind::Widget, &widget.id))).collect();
            steps.push(Step::remove(key.clone()));
            Ok(steps)
        };
        self.change_dashboards(who, Deed::Edit, plan, |_| Ok(()))
    }

    /// Gives the pages another order.
    pub fn order_dashboards(&self, who: &Who, request: OrderRequest, seen: &Etag) -> Result<DashboardsView> {
        let plan = |state: &State| {
            unchanged(state, &Key::order(), Some(seen))?;
            let there: BTreeSet<String> = state.ordered().into_iter().collect();
            let named: BTreeSet<String> = request.ids.iter().cloned().collect();
            if named != there || named.len() != request.ids.len() {
                let hint = Some("name each page once".into());
                return Err(Error::invalid_at("ids", "these are not all pages, each once", hint));
            }
            Ok(vec![Step::put(Entry::new(Body::Order(request.ids)))])
        };
        self.change_dashboards(who, Deed::Edit, plan, |state| Ok(list_of(state, who)))
    }

    /// Adds a widget.
    pub fn add_widget(&self, who: &Who, mut widget: Widget) -> Result<WidgetView> {
        given(&mut widget.id, "w");
        check_widget(&widget, "")?;
        let id = widget.id.clone();
        let plan = |state: &State| placed(state, added(state, Body::Widget(Box::new(widget)))?);
        self.change_dashboards(who, Deed::Edit, plan, |state| widget_of(state, who, &id))
    }

    /// Changes a widget.
    pub fn put_widget(&self, who: &Who, id: &str, seen: &Etag, widget: Widget) -> Result<WidgetView> {
        let widget = Widget { id: same_id(&widget.id, id)?, ..widget };
        check_widget(&widget, "")?;
        let plan = |state: &State| placed(state, changed(state, seen, Body::Widget(Box::new(widget)))?);
        self.change_dashboards(who, Deed::Edit, plan, |state| widget_of(state, who, id))
    }

    /// Removes a widget.
    pub fn remove_widget(&self, who: &Who, id: &str, seen: &Etag) -> Result<()> {
        self.remove_entry(who, &Key::new(EntryKind::Widget, id), seen)
    }

    /// Adds a template.
    pub fn add_template(&self, who: &Who, mut template: Template) -> Result<TemplateView> {
        given(&mut template.id, "t");
        check_template(&template, "")?;
        let id = template.id.clone();
        let plan = |state: &State| Ok(vec![added(state, Body::Template(template))?]);
        self.change_dashboards(who, Deed::Edit, plan, |state| template_of(state, &id))
    }

    /// Changes a template.
    pub fn put_template(&self, who: &Who, id: &str, seen: &Etag, template: Template) -> Result<TemplateView> {
        let template = Template { id: same_id(&template.id, id)?, ..template };
        check_template(&template, "")?;
        let plan = |state: &State| Ok(vec![changed(state, seen, Body::Template(template))?]);
        self.change_dashboards(who, Deed::Edit, plan, |state| template_of(state, id))
    }

    /// Removes a template.
    pub fn remove_template(&self, who: &Who, id: &str, seen: &Etag) -> Result<()> {
        self.remove_entry(who, &Key::new(EntryKind::Template, id), seen)
    }

    fn remove_entry(&self, who: &Who, key: &Key, seen: &Etag) -> Result<()> {
        let plan = |state: &State| {
            unchanged(state, key, Some(seen))?;
            Ok(vec![Step::remove(key.clone())])
        };
        self.change_dashboards(who, Deed::Edit, plan, |_| Ok(()))
    }
}

fn template_of(state: &State, id: &str) -> Result<TemplateView> {
    let mut all = state.templates();
    let (template, etag) = all
        .find(|(template, _)| template.id == id)
        .ok_or_else(|| Error::NotFound(format!("there is no template `{id:.80}`")))?;
    Ok(TemplateView { template: template.clone(), etag: etag.to_string() })
}

/// The step alone, unless it puts its widget on another one.
fn placed(state: &State, step: Step) -> Result<Vec<Step>> {
    let steps = vec![step];
    check_places(state, &steps).map_err(|(_, error)| error)?;
    Ok(steps)
}

/// The step that adds an entry. One that is there already is not written over.
pub(super) fn added(state: &State, body: Body) -> Result<Step> {
    let step = Step::put(Entry::new(body));
    if state.get(&step.key).is_some() {
        return Err(Error::Conflict(format!("the id `{}` is taken", step.key.id)));
    }
    Ok(step)
}

/// The step that changes an entry, if it still is what its editor saw.
pub(super) fn changed(state: &State, seen: &Etag, body: Body) -> Result<Step> {
    let step = Step::put(Entry::new(body));
    unchanged(state, &step.key, Some(seen))?;
    Ok(step)
}

/// The entry as it is, if it still is what its editor saw.
pub(super) fn unchanged(state: &State, key: &Key, seen: Option<&Etag>) -> Result<Arc<Entry>> {
    let entry = state.get(key).ok_or_else(|| match key.kind {
        EntryKind::Widget => no_widget(&key.id),
        EntryKind::Template => Error::NotFound(format!("there is no template `{:.80}`", key.id)),
        _ => Error::NotFound(format!("there is no page `{:.80}`", key.id)),
    })?;
    match seen {
        Some(seen) if *seen != entry.etag => Err(Error::Changed(format!("`{}`", entry.title()))),
        _ => Ok(entry),
    }
}

/// The id in the body; if it is left out, that of the path.
fn same_id(body: &str, path: &str) -> Result<String> {
    if body.is_empty() || body == path {
        return Ok(path.to_owned());
    }
    let hint = Some("an id stays; add another entry instead".into());
    Err(Error::invalid_at("id", format!("`{body:.80}` is not the id of the path"), hint))
}

/// Gives an entry an id, if it has none: a letter and ten that nobody has thought of.
pub(super) fn given(id: &mut String, letter: &str) {
    if id.is_empty() {
        let random = crate::people::sha256_hex(crate::people::Secret::long().reveal());
        *id = format!("{letter}{}", &random[..10]);
    }
}
