//! A widget switches something: its rights, then the PIN, then the way that every write goes.
//!
//! Invariant: a widget gives nobody more than their own role and token do. And what some widget protects, nobody below
//! an administrator who is logged in writes past it, unless another widget offers it to them.

use std::collections::HashMap;
use std::sync::Arc;

use fieldrail_model::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::model::{Binding, Widget};
use super::views::{no_widget, operator, sees};
use crate::people::{Role, Who};
use crate::views::{PulseRequest, WriteRequest, WriteResult};
use crate::{Error, Node, Result};

/// The binding that is operated, and the one if a widget has no such.
const COMMAND: &str = "command";
const VALUE: &str = "value";

/// What a widget is to do.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Operation {
    /// The name of the binding; `command` if there is one, else `value`.
    pub binding: Option<String>,
    /// What is written, plain JSON or `{"t": …, "v": …}`. A pulse is `true` unless something is given.
    #[schemars(with = "Option<serde_json::Value>")]
    pub value: Option<Value>,
    /// The PIN of the house, if the widget asks for it.
    pub pin: Option<String>,
    /// Milliseconds to wait for the end of it.
    #[schemars(range(max = 3_600_000))]
    pub wait_ms: Option<u32>,
}

/// How one widget protects an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protection {
    operator: Role,
    pin: bool,
}

/// By address, as its instance spells it, of those that at least one widget protects.
pub(crate) type Protected = Arc<HashMap<String, Vec<Protection>>>;

impl Node {
    /// Operates a widget, and waits for the end of it.
    pub async fn operate(self: &Arc<Self>, who: &Who, id: &str, operation: Operation) -> Result<WriteResult> {
        who.must_be(Role::Operator)?;
        let widget = self.operable(who, id)?;
        let binding = binding_of(&widget, operation.binding.as_deref())?;
        if !who.reaches(&binding.address) {
            return Err(Error::OutOfScope(binding.address.clone()));
        }
        if widget.pin {
            self.must_know_pin(who, operation.pin).await?;
        }
        let (address, wait_ms) = (binding.address.clone(), operation.wait_ms);
        match (binding.pulse_ms, operation.value) {
            (Some(duration_ms), value) => {
                let value = value.unwrap_or(Value::Bool(true));
                self.pulse_freely(who, PulseRequest { address, value, duration_ms, wait_ms }).await
            }
            (None, Some(value)) => self.write_freely(who, WriteRequest { address, value, ttl_ms: None, wait_ms }).await,
            (None, None) => {
                let hint = Some("give the value that is to be written".into());
                Err(Error::invalid_at("value", "there is nothing to write", hint))
            }
        }
    }

    /// The widget, if somebody may operate it.
    fn operable(&self, who: &Who, id: &str) -> Result<Widget> {
        let desk = self.dashboards.desk_in_step(&self.files.widgets)?;
        let state = desk.state()?;
        let seen = state.widget(id).filter(|(widget, _)| sees(state, who, widget));
        let (widget, _) = seen.ok_or_else(|| no_widget(id))?;
        who.must_be(operator(state, widget))?;
        Ok(widget.clone())
    }

    /// Fails if a widget protects this address from who writes it past the widget. Tokens are for machines, which know no
    /// PIN; an administrator made them.
    pub(crate) fn may_write_past_widgets(&self, who: &Who, address: &str) -> Result<()> {
        if who.role >= Role::Admin || who.scope.is_some() {
            return Ok(());
        }
        let protected = self.protected();
        if protected.is_empty() {
            return Ok(());
        }
        let address = self.traffic.engine().canonical(address).into_owned();
        let Some(widgets) = protected.get(&address) else { return Ok(()) };
        if widgets.iter().any(|widget| !widget.pin && who.role >= widget.operator) {
            return Ok(());
        }
        let hint = "operate it by its widget; its rights and its PIN hold there";
        Err(Error::Protected { address, hint })
    }

    /// What widgets protect; made anew after each change.
    fn protected(&self) -> Protected {
        let Ok(mut desk) = self.dashboards.desk_in_step(&self.files.widgets) else { return Protected::default() };
        if let Some(known) = &desk.protected {
            return Arc::clone(known);
        }
        let Ok(state) = desk.state() else { return Protected::default() };
        let mut all: HashMap<String, Vec<Protection>> = HashMap::new();
        let engine = self.traffic.engine();
        for (widget, _) in state.widgets() {
            let protection = Protection { operator: operator(state, widget), pin: widget.pin };
            for binding in widget.bindings.values() {
                all.entry(engine.canonical(&binding.address).into_owned()).or_default().push(protection);
            }
        }
        drop(engine);
        all.retain(|_, widgets| widgets.iter().any(|widget| widget.pin || widget.operator > Role::Operator));
        let made = Arc::new(all);
        desk.protected = Some(Arc::clone(&made));
        made
    }
}

fn binding_of<'a>(widget: &'a Widget, name: Option<&str>) -> Result<&'a Binding> {
    let bindings = &widget.bindings;
    let found = match name {
        Some(name) => bindings.get(name),
        None => bindings.get(COMMAND).or_else(|| bindings.get(VALUE)),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = bindings.keys().map(String::as_str).take(20).collect();
        let hint =
            if names.is_empty() { "bind a datapoint to it".into() } else { format!("it has {}", names.join(", ")) };
        let message = format!("the widget has no binding `{:.80}`", name.unwrap_or(COMMAND));
        Error::invalid_at("binding", message, Some(hint))
    })
}
