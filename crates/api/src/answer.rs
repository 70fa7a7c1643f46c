//! What comes out: each kind of answer knows its status, its schema and its headers.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use crate::problem::Problem;

/// An answer that is no problem.
pub(crate) trait Answer: Send + 'static {
    /// The status of each such answer.
    const STATUS: StatusCode;

    /// The schema of the body; none without a body.
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema>;

    /// The answer as it goes out.
    fn respond(self) -> Response;
}

/// JSON, in and out.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// Something new is there.
#[derive(Debug)]
pub(crate) struct Created<T>(pub(crate) T);

/// JSON with the entity tag for `If-Match` as a header.
#[derive(Debug)]
pub(crate) struct Tagged<T>(pub(crate) String, pub(crate) T);

/// JSON, and a cookie to keep.
#[derive(Debug)]
pub(crate) struct WithCookie<T>(pub(crate) String, pub(crate) T);

/// Plain text of some kind.
#[derive(Debug)]
pub(crate) struct Text {
    /// The content type.
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// Something was begun; it is done after the answer.
#[derive(Debug)]
pub(crate) struct Accepted;

/// Done; there is nothing to say.
#[derive(Debug)]
pub(crate) struct Done;

/// Done, and the cookie is to be forgotten.
#[derive(Debug)]
pub(crate) struct DoneWithCookie(pub(crate) &'static str);

impl<T: Serialize + JsonSchema + Send + 'static> Answer for Json<T> {
    const STATUS: StatusCode = StatusCode::OK;

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    fn respond(self) -> Response {
        json(Self::STATUS, &self.0)
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Answer for Created<T> {
    const STATUS: StatusCode = StatusCode::CREATED;

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    fn respond(self) -> Response {
        json(Self::STATUS, &self.0)
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Answer for Tagged<T> {
    const STATUS: StatusCode = StatusCode::OK;

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    fn respond(self) -> Response {
        with_header(json(Self::STATUS, &self.1), header::ETAG, &format!("\"{}\"", self.0))
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Answer for WithCookie<T> {
    const STATUS: StatusCode = StatusCode::OK;

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    fn respond(self) -> Response {
        with_header(json(Self::STATUS, &self.1), header::SET_COOKIE, &self.0)
    }
}

impl Answer for Done {
    const STATUS: StatusCode = StatusCode::NO_CONTENT;

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn respond(self) -> Response {
        Self::STATUS.into_response()
    }
}

impl Answer for Text {
    const STATUS: StatusCode = StatusCode::OK;

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn respond(self) -> Response {
        (Self::STATUS, [(header::CONTENT_TYPE, self.kind)], self.text).into_response()
    }
}

impl Answer for Accepted {
    const STATUS: StatusCode = StatusCode::ACCEPTED;

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn respond(self) -> Response {
        Self::STATUS.into_response()
    }
}

impl Answer for DoneWithCookie {
    const STATUS: StatusCode = StatusCode::NO_CONTENT;

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn respond(self) -> Response {
        with_header(Self::STATUS.into_response(), header::SET_COOKIE, self.0)
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => {
            tracing::error!(%error, "An answer is no JSON.");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written as JSON").into_response()
        }
    }
}

fn with_header(mut response: Response, name: header::HeaderName, value: &str) -> Response {
    let value = HeaderValue::from_str(value).expect("entity tags and cookies are ASCII");
    response.headers_mut().insert(name, value);
    response
}
