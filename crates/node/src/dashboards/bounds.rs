//! What a page, a widget and a template may be: bounds on everything that somebody may write into them.

use std::collections::{BTreeMap, BTreeSet};

use fieldrail_model::address::MAX_ADDRESS_BYTES;
use serde_json::{Map, Value};

use super::model::{Binding, Cell, Dashboard, Grid, Pattern, Rule, Scalar, Size, Template, Widget, WidgetsFile};
use crate::{Error, Result};

/// In the whole house.
pub(crate) const MOST_WIDGETS: usize = 5_000;
pub(crate) const MOST_DASHBOARDS: usize = 500;
pub(crate) const MOST_TEMPLATES: usize = 500;
/// All entries together, in bytes of JSON.
pub(crate) const MOST_BYTES: usize = 16 << 20;

/// Texts that people read, in characters.
const LONGEST_TITLE: usize = 200;
const LONGEST_ID: usize = 64;
const MOST_BINDINGS: usize = 128;
const MOST_RULES: usize = 50;
const MOST_OF_TEMPLATE: usize = 50;
/// Free JSON, in bytes and in levels.
const MOST_OPTIONS: usize = 32 << 10;
const MOST_PAGE_OPTIONS: usize = 16 << 10;
const DEEPEST: usize = 16;
const MOST_COLUMNS: u32 = 48;

/// Ids that are words of the API.
const RESERVED: [&str; 10] =
    ["batch", "export", "import", "order", "pin", "redo", "state", "templates", "undo", "versions"];

/// Fails unless the whole file is right, with the place of the first mistake.
pub(crate) fn check_file(file: &WidgetsFile) -> Result<()> {
    let counts = [
        ("dashboards", file.dashboards.len(), MOST_DASHBOARDS),
        ("widgets", file.widgets.len(), MOST_WIDGETS),
        ("templates", file.templates.len(), MOST_TEMPLATES),
    ];
    for (list, count, most) in counts {
        at_most(list, count, most, list)?;
    }
    let mut pages = BTreeSet::new();
    for (nth, page) in file.dashboards.iter().enumerate() {
        let key = format!("dashboards[{nth}]");
        check_dashboard(page, &key)?;
        once(pages.insert(page.id.as_str()), &key, &page.id)?;
    }
    let mut ids = BTreeSet::new();
    for (nth, widget) in file.widgets.iter().enumerate() {
        let key = format!("widgets[{nth}]");
        check_widget(widget, &key)?;
        once(ids.insert(widget.id.as_str()), &key, &widget.id)?;
        if !pages.contains(widget.dashboard.as_str()) {
            return Err(no_page(&format!("{key}.dashboard"), &widget.dashboard));
        }
    }
    let mut ids = BTreeSet::new();
    for (nth, template) in file.templates.iter().enumerate() {
        let key = format!("templates[{nth}]");
        check_template(template, &key)?;
        once(ids.insert(template.id.as_str()), &key, &template.id)?;
    }
    Ok(())
}

pub(crate) fn no_page(key: &str, id: &str) -> Error {
    let message = format!("there is no page `{id:.80}`");
    Error::invalid_at(key, message, Some("GET /api/dashboards lists the pages with their ids".into()))
}

fn once(is_new: bool, key: &str, id: &str) -> Result<()> {
    if is_new {
        return Ok(());
    }
    let hint = Some("give each entry an id of its own".into());
    Err(Error::invalid_at(format!("{key}.id"), format!("the id `{id}` is there twice"), hint))
}

/// Fails unless the page is right. `key` is where it stands; empty for the body of a request.
pub(crate) fn check_dashboard(page: &Dashboard, key: &str) -> Result<()> {
    let at = Place(key);
    id(&page.id, &at.of("id"))?;
    if page.name.trim().is_empty() {
        return Err(Error::invalid_at(at.of("name"), "a page needs a name", None));
    }
    text(&page.name, LONGEST_TITLE, &at.of("name"))?;
    text(&page.icon, LONGEST_ID, &at.of("icon"))?;
    text(&page.group, LONGEST_TITLE, &at.of("group"))?;
    free(&page.options, MOST_PAGE_OPTIONS, &at.of("options"))?;
    for (size, Grid { columns, .. }) in &page.grids {
        within(*columns, 1, MOST_COLUMNS, &at.of(&format!("grids.{}.columns", size.name())))?;
    }
    Ok(())
}

/// Fails unless the widget is right; whether its page is there is not looked at.
pub(crate) fn check_widget(widget: &Widget, key: &str) -> Result<()> {
    let at = Place(key);
    id(&widget.id, &at.of("id"))?;
    id(&widget.dashboard, &at.of("dashboard"))?;
    check_look(&Look::of_widget(widget), &at)
}

/// Fails unless the template is right.
pub(crate) fn check_template(template: &Template, key: &str) -> Result<()> {
    let at = Place(key);
    id(&template.id, &at.of("id"))?;
    if template.name.trim().is_empty() {
        return Err(Error::invalid_at(at.of("name"), "a template needs a name", None));
    }
    text(&template.name, LONGEST_TITLE, &at.of("name"))?;
    text(&template.icon, LONGEST_ID, &at.of("icon"))?;
    at_most("widgets", template.widgets.len(), MOST_OF_TEMPLATE, &at.of("widgets"))?;
    for (nth, pattern) in template.widgets.iter().enumerate() {
        check_look(&Look::of_pattern(pattern), &Place(&at.of(&format!("widgets[{nth}]"))))?;
    }
    Ok(())
}

/// What widgets and patterns have in common.
struct Look<'a> {
    kind: &'a str,
    texts: [(&'static str, &'a str, usize); 3],
    bindings: &'a BTreeMap<String, Binding>,
    options: &'a Map<String, Value>,
    rules: &'a [Rule],
    layout: &'a BTreeMap<Size, Cell>,
}

impl<'a> Look<'a> {
    fn of_widget(widget: &'a Widget) -> Self {
        let Widget { kind, title, icon, bindings, options, rules, layout, group, .. } = widget;
        Self { kind, texts: texts(title, icon, group), bindings, options, rules, layout }
    }

    fn of_pattern(pattern: &'a Pattern) -> Self {
        let Pattern { kind, title, icon, bindings, options, rules, layout, group, .. } = pattern;
        Self { kind, texts: texts(title, icon, group), bindings, options, rules, layout }
    }
}

fn texts<'a>(title: &'a str, icon: &'a str, group: &'a str) -> [(&'static str, &'a str, usize); 3] {
    [("title", title, LONGEST_TITLE), ("icon", icon, LONGEST_ID), ("group", group, LONGEST_TITLE)]
}

fn check_look(look: &Look<'_>, at: &Place<'_>) -> Result<()> {
    name(look.kind, &at.of("kind"))?;
    for (key, words, longest) in look.texts {
        text(words, longest, &at.of(key))?;
    }
    at_most("bindings", look.bindings.len(), MOST_BINDINGS, &at.of("bindings"))?;
    for (slot, binding) in look.bindings {
        let key = at.of(&format!("bindings.{slot:.80}"));
        name(slot, &key)?;
        check_binding(binding, &Place(&key))?;
    }
    free(look.options, MOST_OPTIONS, &at.of("options"))?;
    at_most("rules", look.rules.len(), MOST_RULES, &at.of("rules"))?;
    for (nth, rule) in look.rules.iter().enumerate() {
        check_rule(rule, &Place(&at.of(&format!("rules[{nth}]"))))?;
    }
    for (size, cell) in look.layout {
        check_cell(*cell, &at.of(&format!("layout.{}", size.name())))?;
    }
    Ok(())
}

fn check_binding(binding: &Binding, at: &Place<'_>) -> Result<()> {
    let key = at.of("address");
    if binding.address.is_empty() {
        return Err(Error::invalid_at(key, "there is no address", Some("leave the binding out instead".into())));
    }
    at_most("bytes of an address", binding.address.len(), MAX_ADDRESS_BYTES, &key)?;
    text(&binding.address, MAX_ADDRESS_BYTES, &key)?;
    text(&binding.label, LONGEST_TITLE, &at.of("label"))?;
    text(binding.unit.as_deref().unwrap_or_default(), 32, &at.of("unit"))?;
    within(binding.decimals.unwrap_or(0).into(), 0, 12, &at.of("decimals"))?;
    within(binding.pulse_ms.unwrap_or(50), 50, 5_000, &at.of("pulse_ms"))
}

fn check_rule(rule: &Rule, at: &Place<'_>) -> Result<()> {
    if let Some(binding) = &rule.binding {
        name(binding, &at.of("binding"))?;
    }
    if let Some(Scalar::Text(than)) = &rule.than {
        text(than, LONGEST_TITLE, &at.of("than"))?;
    }
    text(rule.text.as_deref().unwrap_or_default(), LONGEST_TITLE, &at.of("text"))?;
    let colour = &rule.colour;
    let word = !colour.is_empty() && colour.len() <= 32 && colour.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let digits = |rest: &str| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_hexdigit());
    if word || colour.strip_prefix('#').is_some_and(digits) {
        return Ok(());
    }
    let hint = Some("the name of a colour, such as `good`, or `#rrggbb`".into());
    Err(Error::invalid_at(at.of("colour"), format!("`{colour:.40}` is no colour"), hint))
}

fn check_cell(cell: Cell, key: &str) -> Result<()> {
    let at = Place(key);
    within(cell.x, 0, MOST_COLUMNS - 1, &at.of("x"))?;
    within(cell.y, 0, 10_000, &at.of("y"))?;
    within(cell.w, 1, MOST_COLUMNS, &at.of("w"))?;
    within(cell.h, 1, 200, &at.of("h"))
}

/// Where something stands, as a key path.
struct Place<'a>(&'a str);

impl Place<'_> {
    fn of(&self, key: &str) -> String {
        if self.0.is_empty() { key.to_owned() } else { format!("{}.{key}", self.0) }
    }
}

fn id(id: &str, key: &str) -> Result<()> {
    name(id, key)?;
    if RESERVED.contains(&id) {
        let hint = Some("choose another id, or leave it out".into());
        return Err(Error::invalid_at(key, format!("the id `{id}` is a word of the API"), hint));
    }
    Ok(())
}

/// A word that programs use.
fn name(word: &str, key: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    if !word.is_empty() && word.len() <= LONGEST_ID && word.bytes().all(plain) {
        return Ok(());
    }
    let hint = Some(format!("1 to {LONGEST_ID} lower-case letters, digits, `_` and `-`"));
    Err(Error::invalid_at(key, format!("`{word:.80}` is no such name"), hint))
}

/// A text that people read. Everything in it is shown as text, whatever it looks like.
fn text(words: &str, longest: usize, key: &str) -> Result<()> {
    if words.chars().nth(longest).is_some() {
        let message = format!("longer than {longest} characters");
        return Err(Error::invalid_at(key, message, Some("shorten it".into())));
    }
    if let Some(found) = words.chars().find(|c| c.is_control()) {
        let message = format!("holds the control character U+{:04X}", u32::from(found));
        return Err(Error::invalid_at(key, message, Some("take it out".into())));
    }
    Ok(())
}

fn free(options: &Map<String, Value>, most: usize, key: &str) -> Result<()> {
    fn depth(value: &Value) -> usize {
        match value {
            Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }
    if options.is_empty() {
        return Ok(());
    }
    if options.values().map(depth).max().unwrap_or(0) >= DEEPEST {
        return Err(Error::invalid_at(key, format!("nested deeper than {DEEPEST}"), None));
    }
    let bytes = serde_json::to_vec(options).map_or(usize::MAX, |text| text.len());
    at_most("bytes", bytes, most, key)
}

fn at_most(what: &str, count: usize, most: usize, key: &str) -> Result<()> {
    if count <= most {
        return Ok(());
    }
    Err(Error::invalid_at(key, format!("there are {count} {what}; {most} are the most"), None))
}

fn within(number: u32, least: u32, most: u32, key: &str) -> Result<()> {
    if (least..=most).contains(&number) {
        return Ok(());
    }
    Err(Error::invalid_at(key, format!("{number} is not within {least} and {most}"), None))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(file: &Value, want: Option<(&str, &str)>) {
        let file: WidgetsFile = serde_json::from_value(file.clone()).unwrap();
        match (check_file(&file), want) {
            (Ok(()), None) => {}
            (Err(Error::Invalid { message, key, .. }), Some((place, words))) => {
                assert_eq!(key.as_deref(), Some(place), "{message}");
                assert!(message.contains(words), "{message}");
            }
            (got, want) => panic!("got {got:?}, want {want:?}"),
        }
    }

    fn file(widget: &Value) -> Value {
        json!({ "version": "1.0", "dashboards": [{ "id": "eg", "name": "Erdgeschoß" }], "widgets": [widget] })
    }

    fn with(key: &str, value: &Value) -> Value {
        let mut widget = json!({ "id": "w", "dashboard": "eg", "kind": "value" });
        widget[key] = value.clone();
        file(&widget)
    }

    #[test]
    fn each_mistake_is_told_with_its_place() {
        check(&with("title", &json!("<script>alert(1)</script>")), None);
        check(&with("title", &json!("ü".repeat(200))), None);
        check(&with("title", &json!("ü".repeat(201))), Some(("widgets[0].title", "longer")));
        check(&with("title", &json!("a\u{0}b")), Some(("widgets[0].title", "U+0000")));
        check(&with("kind", &json!("of_tomorrow-2")), None);
        check(&with("kind", &json!("Grüße")), Some(("widgets[0].kind", "no such name")));
        check(&with("dashboard", &json!("og")), Some(("widgets[0].dashboard", "no page")));
        check(&with("id", &json!("batch")), Some(("widgets[0].id", "word of the API")));
        check(&with("id", &json!("../x")), Some(("widgets[0].id", "no such name")));
        check(&with("options", &json!({ "x": "y".repeat(40_000) })), Some(("widgets[0].options", "bytes")));
        let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
        check(&with("options", &json!({ "x": deep })), Some(("widgets[0].options", "deeper")));
        let pulse = json!({ "command": { "address": "a.b", "pulse_ms": 49 } });
        check(&with("bindings", &pulse), Some(("widgets[0].bindings.command.pulse_ms", "within 50 and 5000")));
        check(
            &with("bindings", &json!({ "value": { "address": "" } })),
            Some(("widgets[0].bindings.value.address", "no")),
        );
        let cell = json!({ "phone": { "x": 0, "y": 0, "w": 0, "h": 1 } });
        check(&with("layout", &cell), Some(("widgets[0].layout.phone.w", "within")));
        let rule = json!([{ "when": ">", "than": 5, "colour": "url(x)" }]);
        check(&with("rules", &rule), Some(("widgets[0].rules[0].colour", "no colour")));
        let mut twice = with("title", &json!(""));
        twice["widgets"] = json!([twice["widgets"][0], twice["widgets"][0]]);
        check(&twice, Some(("widgets[1].id", "twice")));
    }
}
