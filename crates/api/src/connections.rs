//! Connections as they are configured.

use fieldrail_node::connections::Connection;
use fieldrail_node::views::{Paged, TestResult};
use fieldrail_node::{Dependents, Error, Etag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::{Created, Done, Json, Tagged};
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;
use crate::secrets::{Hidden, dotted};

/// Actions that look for devices: a page that shows who is around asks again and again.
const SEARCHES: [&str; 2] = ["discover", "scan"];

/// A connection with the entity tag for `If-Match`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Entry {
    /// The connection as configured.
    #[serde(flatten)]
    connection: Connection,
    /// For `If-Match` when the connection is changed.
    etag: String,
}

impl Entry {
    fn new(call: &Call, (mut connection, etag): (Connection, Etag)) -> Self {
        let mut shown = std::mem::take(&mut connection.config);
        hidden_of(call, &connection.driver, &shown).hide(&mut shown);
        connection.config = shown;
        Self { connection, etag: etag.to_string() }
    }

    fn read(call: &Call, id: &str) -> Result<Self> {
        Ok(Self::new(call, call.node().connection(id)?))
    }

    fn tagged(self) -> Tagged<Self> {
        Tagged(self.etag.clone(), self)
    }
}

/// What of a driver's configuration is secret.
pub(crate) fn hidden_of<'a>(call: &'a Call, driver: &str, config: &Value) -> Hidden<'a> {
    match call.node().plugins().get(driver) {
        Ok(plugin) => Hidden::by(&plugin.manifest.config_schema),
        Err(_) => Hidden::all_of(config),
    }
}

/// Whose secrets the masks stand for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretsOf {
    /// The connection that a copy was made of: masks stand for its secrets. Unless given: those of this id.
    secrets_of: Option<String>,
}

/// An action that is tried without an instance.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trial {
    /// The connection; its driver runs with its configuration for as long as the action takes.
    connection: Connection,
    /// As the action's own schema says.
    #[serde(default)]
    arguments: Value,
}

/// The connection with the stored secrets in the place of their masks.
fn unmasked(call: &Call, mut connection: Connection, SecretsOf { secrets_of }: SecretsOf) -> Result<Connection> {
    let whose = secrets_of.as_deref().unwrap_or(connection.id.as_str());
    let stored = call.node().connection(whose).map(|(stored, _)| stored.config).unwrap_or_default();
    let hidden = hidden_of(call, &connection.driver, &connection.config);
    hidden.restore(&mut connection.config, &stored).map_err(|missing| {
        let key = missing.first().map(|pointer| dotted(pointer)).unwrap_or_default();
        let message = format!("the value of `{key}` is only the mask of a secret");
        Error::invalid_at(format!("config.{key}"), message, Some("give the secret itself".into()))
    })?;
    Ok(connection)
}

pub(crate) fn list(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Paged<Entry>>> {
    let connections = call.node().connections()?;
    Ok(Json(Paged::whole(connections.into_iter().map(|entry| Entry::new(call, entry)).collect())))
}

pub(crate) fn add(call: &Call, of: SecretsOf, Json(connection): Json<Connection>) -> Result<Created<Entry>> {
    let id = connection.id.to_string();
    call.about(id.clone(), format!("driver {}", connection.driver));
    call.node().add_connection(call.who()?, &unmasked(call, connection, of)?)?;
    Ok(Created(Entry::read(call, &id)?))
}

pub(crate) fn one(call: &Call, _: NoQuery, _: NoBody) -> Result<Tagged<Entry>> {
    Ok(Entry::read(call, call.segment("id"))?.tagged())
}

pub(crate) fn put(call: &Call, _: NoQuery, Json(connection): Json<Connection>) -> Result<Tagged<Entry>> {
    let id = call.segment("id");
    call.node().put_connection(call.who()?, id, call.expected(), &unmasked(call, connection, SecretsOf::default())?)?;
    Ok(Entry::read(call, id)?.tagged())
}

pub(crate) fn remove(call: &Call, _: NoQuery, _: NoBody) -> Result<Done> {
    call.node().remove_connection(call.who()?, call.segment("id"), call.expected())?;
    Ok(Done)
}

pub(crate) async fn test(call: Call, of: SecretsOf, Json(connection): Json<Connection>) -> Result<Json<TestResult>> {
    call.about(connection.id.to_string(), format!("driver {}", connection.driver));
    let connection = unmasked(&call, connection, of)?;
    Ok(Json(call.node().test_connection(call.who()?, &connection).await?))
}

pub(crate) async fn try_action(call: Call, of: SecretsOf, Json(trial): Json<Trial>) -> Result<Json<Value>> {
    let Trial { connection, arguments } = trial;
    let action = call.segment("action");
    call.about(connection.id.to_string(), format!("driver {}: {action}", connection.driver));
    let connection = unmasked(&call, connection, of)?;
    Ok(Json(call.node().try_action(call.who()?, &connection, action, arguments).await?))
}

pub(crate) fn dependents(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Dependents>> {
    Ok(Json(call.node().dependents(call.segment("id"))?))
}

pub(crate) fn bring_back(call: &Call, _: NoQuery, _: NoBody) -> Result<Created<Entry>> {
    let id = call.segment("id");
    call.node().bring_back_connection(call.who()?, id)?;
    Ok(Created(Entry::read(call, id)?))
}

pub(crate) async fn act(call: Call, _: NoQuery, arguments: Option<Json<Value>>) -> Result<Json<Value>> {
    let arguments = arguments.map_or(Value::Null, |Json(arguments)| arguments);
    let (id, action) = (call.segment("id"), call.segment("action"));
    if SEARCHES.contains(&action) {
        call.changes_nothing();
    }
    Ok(Json(call.node().call(call.who()?, id, action, arguments).await?))
}
