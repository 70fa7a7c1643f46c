//! Connections as they are configured.

use fieldrail_node::Etag;
use fieldrail_node::connections::Connection;
use fieldrail_node::views::{Paged, TestResult};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::answer::{Created, Done, Json, Tagged};
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;

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
    fn new((connection, etag): (Connection, Etag)) -> Self {
        Self { connection, etag: etag.to_string() }
    }

    fn tagged(entry: (Connection, Etag)) -> Tagged<Self> {
        Tagged(entry.1.to_string(), Self::new(entry))
    }
}

pub(crate) fn list(call: &Call, _: NoQuery, _: NoBody) -> Result<Json<Paged<Entry>>> {
    let connections = call.node().connections()?;
    Ok(Json(Paged::whole(connections.into_iter().map(Entry::new).collect())))
}

pub(crate) fn add(call: &Call, _: NoQuery, Json(connection): Json<Connection>) -> Result<Created<Entry>> {
    let id = connection.id.to_string();
    call.node().add_connection(call.who()?, &connection)?;
    Ok(Created(Entry::new(call.node().connection(&id)?)))
}

pub(crate) fn one(call: &Call, _: NoQuery, _: NoBody) -> Result<Tagged<Entry>> {
    Ok(Entry::tagged(call.node().connection(call.segment("id"))?))
}

pub(crate) fn put(call: &Call, _: NoQuery, Json(connection): Json<Connection>) -> Result<Tagged<Entry>> {
    let id = call.segment("id");
    call.node().put_connection(call.who()?, id, call.expected(), &connection)?;
    Ok(Entry::tagged(call.node().connection(id)?))
}

pub(crate) fn remove(call: &Call, _: NoQuery, _: NoBody) -> Result<Done> {
    call.node().remove_connection(call.who()?, call.segment("id"), call.expected())?;
    Ok(Done)
}

pub(crate) async fn test(call: Call, _: NoQuery, Json(connection): Json<Connection>) -> Result<Json<TestResult>> {
    Ok(Json(call.node().test_connection(call.who()?, &connection).await?))
}

pub(crate) async fn act(call: Call, _: NoQuery, arguments: Option<Json<Value>>) -> Result<Json<Value>> {
    let arguments = arguments.map_or(Value::Null, |Json(arguments)| arguments);
    let (id, action) = (call.segment("id"), call.segment("action"));
    Ok(Json(call.node().call(call.who()?, id, action, arguments).await?))
}
