//! Widgets and templates: one by one, several at once, from a file and into one, and what they operate.

use fieldrail_node::dashboards::model::{Template, Widget, WidgetsFile};
use fieldrail_node::dashboards::{
    BatchRequest, Changed, ImportMode, ImportReport, ImportWish, Operation, StepFault, TemplateView, WidgetView,
    WidgetsWanted,
};
use fieldrail_node::views::{Paged, WriteResult};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::{Created, Done, Json, Tagged};
use crate::call::{Call, JsonText, NoBody, NoQuery};
use crate::dashboards::seen;
use crate::problem::{At, Problem, Result};

/// Which widgets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WidgetQuery {
    /// Only those of this page.
    dashboard: Option<String>,
    /// Only those behind this id: `next` of the page before.
    after: Option<String>,
    /// The most on the page.
    #[schemars(range(min = 1, max = 5000))]
    limit: Option<usize>,
}

/// How a file is to be imported.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// `add`: beside what is there; `replace`: in its place.
    #[serde(default)]
    mode: ImportMode,
    /// Only say what would be.
    #[serde(default)]
    try_only: bool,
    /// Whose the variables of an old configuration are: the id of a PLC's connection.
    instance: Option<String>,
}

/// Another PIN of the house.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinRequest {
    /// 4 to 12 digits.
    pin: String,
}

pub(crate) fn list(call: &Call, query: WidgetQuery, _: NoBody) -> Result<Json<Paged<WidgetView>>> {
    let WidgetQuery { dashboard, after, limit } = query;
    let dashboard = dashboard.filter(|id| !id.is_empty());
    Ok(Json(call.node().widgets(call.who()?, &WidgetsWanted { dashboard, after, limit })?))
}

pub(crate) fn one(call: &Call, _: NoQuery, _: NoBody) -> Result<Tagged<WidgetView>> {
    Ok(tagged(call.node().widget(call.who()?, call.segment("id"))?))
}

pub(crate) fn add(call: &Call, _: NoQuery, Json(widget): Json<Widget>) -> Result<Created<WidgetView>> {
    let made = call.node().add_widget(call.who()?, widget)?;
    call.about(made.widget.id.clone(), format!("{} on {}", made.widget.kind, made.widget.dashboard));
    Ok(Created(made))
}

pub(crate) fn put(call: &Call, _: NoQuery, Json(widget): Json<Widget>) -> Result<Tagged<WidgetView>> {
    Ok(tagged(call.node().put_widget(call.who()?, call.segment("id"), seen(call)?, widget)?))
}

pub(crate) fn remove(call: &Call, _: NoQuery, _: NoBody) -> Result<Done> {
    call.node().remove_widget(call.who()?, call.segment("id"), seen(call)?)?;
    Ok(Done)
}

pub(crate) fn batch(call: &Call, _: NoQuery, Json(request): Json<BatchRequest>) -> Result<Json<Changed>> {
    let count = request.steps.len();
    call.about("", format!("{count} steps"));
    let done = call.node().change_widgets(call.who()?, request);
    // Each step names what it saw, so a lost race is a failed precondition.
    done.map(Json).map_err(|fault| {
        let StepFault { step, error } = *fault;
        let key = match &error {
            fieldrail_node::Error::Invalid { key: Some(key), .. } => format!(".{key}"),
            _ => String::new(),
        };
        let problem = Problem::of(error, true);
        match step {
            Some(nth) => problem.at(At { key: Some(format!("steps[{nth}]{key}")), ..At::default() }).into(),
            None => problem.into(),
        }
    })
}

pub(crate) async fn operate(call: Call, _: NoQuery, Json(operation): Json<Operation>) -> Result<Json<WriteResult>> {
    let id = call.segment("id").to_owned();
    let value = operation.value.as_ref().map(|value| format!(" = {:.80}", value.to_string())).unwrap_or_default();
    call.about(id.clone(), format!("{}{value}", operation.binding.as_deref().unwrap_or_default()));
    let result = call.node().operate(call.who()?, &id, operation).await?;
    call.ended(result.outcome);
    Ok(Json(result))
}

pub(crate) fn templates(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Paged<TemplateView>>> {
    Ok(Json(call.node().templates()?))
}

pub(crate) fn add_template(call: &Call, _: NoQuery, Json(template): Json<Template>) -> Result<Created<TemplateView>> {
    let made = call.node().add_template(call.who()?, template)?;
    call.about(made.template.id.clone(), made.template.name.clone());
    Ok(Created(made))
}

pub(crate) fn put_template(call: &Call, _: NoQuery, Json(template): Json<Template>) -> Result<Tagged<TemplateView>> {
    let view = call.node().put_template(call.who()?, call.segment("id"), seen(call)?, template)?;
    Ok(Tagged(view.etag.clone(), view))
}

pub(crate) fn remove_template(call: &Call, _: NoQuery, _: NoBody) -> Result<Done> {
    call.node().remove_template(call.who()?, call.segment("id"), seen(call)?)?;
    Ok(Done)
}

pub(crate) fn export(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<WidgetsFile>> {
    Ok(Json(call.node().export_dashboards(call.who()?)?))
}

pub(crate) fn import(call: &Call, query: ImportQuery, file: JsonText<WidgetsFile>) -> Result<Json<ImportReport>> {
    let ImportQuery { mode, try_only, instance } = query;
    call.about("", format!("{mode:?}").to_lowercase());
    if try_only {
        call.changes_nothing();
    }
    let wish = ImportWish { mode, try_only, instance };
    Ok(Json(call.node().import_dashboards(call.who()?, file.text(), &wish)?))
}

pub(crate) async fn set_pin(call: Call, _: NoQuery, Json(request): Json<PinRequest>) -> Result<Done> {
    call.node().set_pin(call.who()?, request.pin).await?;
    Ok(Done)
}

pub(crate) fn remove_pin(call: &Call, _: NoQuery, _: NoBody) -> Result<Done> {
    call.node().remove_pin(call.who()?)?;
    Ok(Done)
}

fn tagged(view: WidgetView) -> Tagged<WidgetView> {
    Tagged(view.etag.clone(), view)
}
