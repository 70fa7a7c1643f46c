//! Configurations of the program that Fieldrail follows, `twincat_config.json`: its widgets and lights become widgets.
//!
//! Nothing is guessed: what has no counterpart is left out, and the report says so.

use std::collections::{BTreeMap, HashSet};

use fieldrail_store::parse_str;
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use super::edit::given;
use super::import::ImportNote;
use super::model::{Binding, Cell, Dashboard, Size, Widget, WidgetsFile};
use crate::{Error, Result};

/// A page for what names none.
const ELSEWHERE: &str = "Other";
/// Columns of the grid, and of a widget on it.
const COLUMNS: u32 = 12;
const WIDE: u32 = 3;
const HIGH: u32 = 2;

#[derive(Debug, Deserialize)]
struct Old {
    #[serde(default)]
    widgets: BTreeMap<String, OldWidget>,
    #[serde(default)]
    custom_lights: BTreeMap<String, OldCard>,
    #[serde(default)]
    tabs: BTreeMap<String, OldPage>,
    #[serde(default)]
    pages: BTreeMap<String, OldPage>,
}

#[derive(Debug, Deserialize)]
struct OldPage {
    #[serde(default)]
    name: String,
    #[serde(default)]
    icon: String,
    #[serde(default)]
    order: f64,
}

#[derive(Debug, Deserialize)]
struct OldWidget {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    bindings: BTreeMap<String, OldBinding>,
    /// Of versions without bindings.
    variable: Option<String>,
    #[serde(default)]
    config: OldConfig,
}

#[derive(Debug, Deserialize)]
struct OldBinding {
    #[serde(default)]
    variable: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OldConfig {
    mode: String,
    pulse_duration: Option<f64>,
    unit: Option<String>,
    min: Option<f64>,
    max: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct OldCard {
    name: String,
    plugin_type: String,
    r#type: String,
    pulse_duration: Option<f64>,
    input: String,
    output: String,
    variable: String,
    unit: Option<String>,
    min_value: Option<f64>,
    max_value: Option<f64>,
    tab_id: String,
    floor: String,
}

/// What one widget or card comes to.
struct Found {
    key: String,
    kind: &'static str,
    title: String,
    page: String,
    /// Name of the binding, variable, milliseconds of a pulse.
    bindings: Vec<(&'static str, String, Option<u32>)>,
    unit: Option<String>,
    options: Map<String, Value>,
}

/// Dashboards from an old configuration, whose variables are those of `instance`.
pub(super) fn read(text: &str, file: &str, instance: Option<&str>, notes: &mut Vec<ImportNote>) -> Result<WidgetsFile> {
    let Some(instance) = instance.filter(|id| !id.is_empty()) else {
        let hint = Some("name the connection of its PLC, for example `instance=plc_001`".into());
        return Err(Error::invalid_at(
            "instance",
            "this is an old configuration, whose variables belong to a PLC",
            hint,
        ));
    };
    let old: Old = parse_str(file, text)?;
    let mut pages: Vec<(&String, &OldPage)> = old.tabs.iter().chain(&old.pages).collect();
    pages.sort_by(|a, b| a.1.order.total_cmp(&b.1.order));
    let mut made = WidgetsFile::default();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for (id, page) in pages {
        let name = if page.name.trim().is_empty() { id } else { &page.name };
        add_page(&mut made, &mut ids, id, name, &page.icon);
    }
    let mut seen = HashSet::new();
    let mut heights: BTreeMap<String, u32> = BTreeMap::new();
    let found = old.widgets.into_iter().map(|(id, widget)| of_widget(&id, widget));
    let found = found.chain(old.custom_lights.into_iter().map(|(id, card)| of_card(&id, card)));
    for found in found {
        let found = match found {
            Ok(found) => found,
            Err(note) => {
                notes.push(note);
                continue;
            }
        };
        if !seen.insert((found.title.clone(), found.page.clone(), found.bindings.clone())) {
            notes.push(ImportNote::new(found.key, "this is there twice, just so; one is taken", ""));
            continue;
        }
        let page = if found.page.is_empty() { ELSEWHERE.to_owned() } else { found.page.clone() };
        if !ids.contains_key(&page) {
            add_page(&mut made, &mut ids, &page, &page, "");
        }
        let nth = heights.entry(page.clone()).or_default();
        made.widgets.push(widget_of(found, ids[&page].clone(), *nth, instance));
        *nth += 1;
    }
    Ok(made)
}

fn add_page(made: &mut WidgetsFile, ids: &mut BTreeMap<String, String>, old: &str, name: &str, icon: &str) {
    let mut id = String::new();
    given(&mut id, "d");
    ids.insert(old.to_owned(), id.clone());
    let text = |text: &str, longest| text.chars().filter(|c| !c.is_control()).take(longest).collect();
    made.dashboards.push(Dashboard { id, name: text(name, 200), icon: text(icon, 64), ..Dashboard::default() });
}

fn of_widget(id: &str, widget: OldWidget) -> std::result::Result<Found, ImportNote> {
    let key = format!("widgets.{id:.80}");
    let OldWidget { r#type, title, page, bindings, variable, config } = widget;
    let of = |name: &str| bindings.get(name).map(|binding| binding.variable.clone()).filter(|text| !text.is_empty());
    let value = of("value").or(variable).unwrap_or_default();
    if value.is_empty() {
        return Err(ImportNote::new(key, "there is no variable in it, so it is left out", ""));
    }
    let pulse = (config.mode == "pulse").then(|| pulse_of(config.pulse_duration));
    let (kind, bindings) = match r#type.as_str() {
        "switch" | "boolean" | "light" => {
            let feedback = of("feedback").map(|variable| ("feedback", variable, None));
            ("switch", std::iter::once(("command", value, pulse)).chain(feedback).collect())
        }
        "button" => ("button", vec![("command", value, pulse)]),
        "gauge" => ("gauge", vec![("value", value, None)]),
        "slider" | "dimmer" => ("slider", vec![("command", value, None)]),
        _ => ("value", vec![("value", value, None)]),
    };
    let options = range(config.min, config.max);
    Ok(Found { key, kind, title, page, bindings, unit: config.unit, options })
}

fn of_card(id: &str, card: OldCard) -> std::result::Result<Found, ImportNote> {
    let key = format!("custom_lights.{id:.80}");
    let page = if card.tab_id.is_empty() { card.floor } else { card.tab_id };
    let (kind, bindings) = match card.plugin_type.as_str() {
        "light" if !card.output.is_empty() => {
            let pulse = (card.r#type == "pulse").then(|| pulse_of(card.pulse_duration));
            let feedback = (!card.input.is_empty()).then_some(("feedback", card.input, None));
            ("switch", std::iter::once(("command", card.output, pulse)).chain(feedback).collect())
        }
        "temperature" if !card.variable.is_empty() => ("value", vec![("value", card.variable, None)]),
        "gauge" if !card.variable.is_empty() => ("gauge", vec![("value", card.variable, None)]),
        other => {
            let message = format!("the card `{:.80}` of the sort `{other:.40}` is left out", card.name);
            return Err(ImportNote::new(key, message, "bind its datapoints anew: drag them from the tree onto a page"));
        }
    };
    let options = range(card.min_value, card.max_value);
    Ok(Found { key, kind, title: card.name, page, bindings, unit: card.unit, options })
}

/// Milliseconds, within what a pulse may last.
fn pulse_of(duration: Option<f64>) -> u32 {
    let ms = duration.filter(|ms| ms.is_finite()).unwrap_or(500.0).clamp(50.0, 5_000.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within 50 and 5,000
    {
        ms.round() as u32
    }
}

fn range(min: Option<f64>, max: Option<f64>) -> Map<String, Value> {
    let ends = [("low", min), ("high", max)];
    let number = |(name, x): (&str, Option<f64>)| Some((name.to_owned(), Value::Number(Number::from_f64(x?)?)));
    ends.into_iter().filter_map(number).collect()
}

fn widget_of(found: Found, dashboard: String, nth: u32, instance: &str) -> Widget {
    let per_row = COLUMNS / WIDE;
    let cell = Cell { x: nth % per_row * WIDE, y: nth / per_row * HIGH, w: WIDE, h: HIGH };
    let mut id = String::new();
    given(&mut id, "w");
    let binding = |(name, variable, pulse_ms): (&str, String, Option<u32>)| {
        let address = format!("{instance}.{variable}");
        let unit = found.unit.clone();
        (name.to_owned(), Binding { address, label: String::new(), unit, decimals: None, pulse_ms })
    };
    Widget {
        id,
        dashboard,
        kind: found.kind.into(),
        title: found.title.chars().filter(|c| !c.is_control()).take(200).collect(),
        icon: String::new(),
        bindings: found.bindings.into_iter().map(binding).collect(),
        options: found.options,
        rules: Vec::new(),
        rights: super::model::Rights::default(),
        pin: false,
        layout: [(Size::Wall, cell)].into(),
        group: String::new(),
    }
}
