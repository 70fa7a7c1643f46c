//! What people see of dashboards: pages, widgets and templates, each with its entity tag and as far as their role goes.

use fieldrail_store::Etag;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{CAMERA, Dashboard, Template, Widget};
use super::state::{Body, Entry, State};
use super::versions::ChangeView;
use crate::people::{Role, Who};
use crate::views::{Finding, Paged};
use crate::{Error, Node, Result};

/// Widgets on a page of a list, at the most and unless somebody says otherwise.
const LONGEST_PAGE: usize = 5_000;

/// A page with its entity tag.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DashboardView {
    /// The page.
    #[serde(flatten)]
    pub dashboard: Dashboard,
    /// For `If-Match` when it is changed.
    pub etag: String,
    /// How many widgets the asker may see on it.
    pub widgets: usize,
}

/// All pages that the asker may see, in their order.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DashboardsView {
    /// The pages.
    #[serde(flatten)]
    pub pages: Paged<DashboardView>,
    /// For `If-Match` when their order is changed.
    pub order_etag: String,
}

/// The order that the pages are to have.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// Each page once.
    pub ids: Vec<String>,
}

/// A widget with its entity tag.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WidgetView {
    /// The widget. The address of a camera only administrators see.
    #[serde(flatten)]
    pub widget: Widget,
    /// For `If-Match` when it is changed.
    pub etag: String,
    /// Whether the asker may operate it.
    pub may_operate: bool,
}

/// Which widgets.
#[derive(Debug, Clone, Default)]
pub struct WidgetsWanted {
    /// Only those of this page.
    pub dashboard: Option<String>,
    /// Only those behind this id.
    pub after: Option<String>,
    /// The most on the page.
    pub limit: Option<usize>,
}

/// A template with its entity tag.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TemplateView {
    /// The template.
    #[serde(flatten)]
    pub template: Template,
    /// For `If-Match` when it is changed.
    pub etag: String,
}

/// What came of several steps.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Changed {
    /// The last change: the one that they made, if they changed anything.
    pub change: u64,
    /// The widgets that were added, changed or moved, as they are now.
    pub items: Vec<WidgetView>,
}

/// What holds for all dashboards.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DashboardsState {
    /// The last change. The datapoint `system.dashboards.change` tells of each new one.
    pub change: u64,
    /// Why nothing can be changed: what is wrong with the file on the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Finding>,
    /// Origins that embedded pages may have.
    pub frames: Vec<String>,
    /// Whether there is a PIN.
    pub pin_is_set: bool,
    /// What the asker's next undo takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<ChangeView>,
    /// What the asker's next redo takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redo: Option<ChangeView>,
}

impl Node {
    /// What holds for all dashboards.
    pub fn dashboards_state(&self, who: &Who) -> Result<DashboardsState> {
        let fault = {
            let desk = self.dashboards.desk_in_step(&self.files.widgets)?;
            desk.fault.as_ref().map(Finding::from)
        };
        let [undo, redo] = self.next_steps(who)?;
        let view = |head: Option<_>| head.map(|head| self.change_view(head)).transpose();
        Ok(DashboardsState {
            change: self.dashboards.changes.last(),
            fault,
            frames: self.settings().dashboards.frames(),
            pin_is_set: self.pin_hash().is_some(),
            undo: view(undo)?,
            redo: view(redo)?,
        })
    }

    /// The pages that the asker may see, in their order.
    pub fn dashboards(&self, who: &Who) -> Result<DashboardsView> {
        let desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        Ok(list_of(desk.state()?, who))
    }

    /// One page.
    pub fn dashboard(&self, who: &Who, id: &str) -> Result<DashboardView> {
        let desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        page_of(desk.state()?, who, id)
    }

    /// The widgets that the asker may see, by their ids.
    pub fn widgets(&self, who: &Who, wanted: &WidgetsWanted) -> Result<Paged<WidgetView>> {
        let desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        let state = desk.state()?;
        if let Some(id) = &wanted.dashboard {
            page_of(state, who, id)?;
        }
        let limit = wanted.limit.unwrap_or(LONGEST_PAGE).clamp(1, LONGEST_PAGE);
        let of_page = |widget: &Widget| wanted.dashboard.as_ref().is_none_or(|page| *page == widget.dashboard);
        let seen: Vec<_> = state.widgets().filter(|(widget, _)| of_page(widget) && sees(state, who, widget)).collect();
        let total = Some(seen.len());
        let mut rest =
            seen.into_iter().filter(|(widget, _)| wanted.after.as_ref().is_none_or(|after| widget.id > *after));
        let items: Vec<_> = rest.by_ref().take(limit).map(|(widget, etag)| view(state, who, widget, etag)).collect();
        let next = rest.next().and(items.last()).map(|last| last.widget.id.clone());
        Ok(Paged { items, next, total })
    }

    /// One widget.
    pub fn widget(&self, who: &Who, id: &str) -> Result<WidgetView> {
        let desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        widget_of(desk.state()?, who, id)
    }

    /// The templates, by their ids.
    pub fn templates(&self) -> Result<Paged<TemplateView>> {
        let desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        let view =
            |(template, etag): (&Template, &Etag)| TemplateView { template: template.clone(), etag: etag.to_string() };
        Ok(Paged::whole(desk.state()?.templates().map(view).collect()))
    }
}

/// Whether somebody may see a widget: its own rights hold, and those of its page.
pub(super) fn sees(state: &State, who: &Who, widget: &Widget) -> bool {
    let page = state.dashboard(&widget.dashboard).is_some_and(|(page, _)| page.rights.shows(who.role));
    page && widget.rights.shows(who.role)
}

/// The least role that operates a widget.
pub(super) fn operator(state: &State, widget: &Widget) -> Role {
    let page = state.dashboard(&widget.dashboard).map_or(Role::Admin, |(page, _)| page.rights.operator());
    widget.rights.operator().max(page)
}

pub(super) fn list_of(state: &State, who: &Who) -> DashboardsView {
    let pages = state.dashboards().into_iter().filter(|(page, _)| page.rights.shows(who.role));
    let items = pages.map(|(page, etag)| page_view(state, who, page, etag)).collect();
    let order = Entry::new(Body::Order(state.ordered()));
    DashboardsView { pages: Paged::whole(items), order_etag: order.etag.to_string() }
}

fn page_view(state: &State, who: &Who, page: &Dashboard, etag: &Etag) -> DashboardView {
    let shown = state.widgets().filter(|(widget, _)| widget.dashboard == page.id && sees(state, who, widget));
    DashboardView { dashboard: page.clone(), etag: etag.to_string(), widgets: shown.count() }
}

/// A page as somebody sees it; one that they may not see is not there.
pub(super) fn page_of(state: &State, who: &Who, id: &str) -> Result<DashboardView> {
    let (page, etag) = state
        .dashboard(id)
        .filter(|(page, _)| page.rights.shows(who.role))
        .ok_or_else(|| Error::NotFound(format!("there is no page `{id:.80}`")))?;
    Ok(page_view(state, who, page, etag))
}

/// A widget as somebody sees it; one that they may not see is not there.
pub(super) fn widget_of(state: &State, who: &Who, id: &str) -> Result<WidgetView> {
    let (widget, etag) =
        state.widget(id).filter(|(widget, _)| sees(state, who, widget)).ok_or_else(|| no_widget(id))?;
    Ok(view(state, who, widget, etag))
}

pub(super) fn no_widget(id: &str) -> Error {
    Error::NotFound(format!("there is no widget `{id:.80}`"))
}

fn view(state: &State, who: &Who, widget: &Widget, etag: &Etag) -> WidgetView {
    let mut shown = widget.clone();
    if shown.kind == CAMERA && who.role < Role::Admin {
        // A password may stand in it.
        shown.options.shift_remove("url");
    }
    WidgetView { widget: shown, etag: etag.to_string(), may_operate: who.role >= operator(state, widget) }
}
