//! What went wrong, as RFC 9457 says it: `application/problem+json`.

use std::io::ErrorKind;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fieldrail_node::{Error, FileError};
use schemars::JsonSchema;
use serde::Serialize;

/// What went wrong. In a box, so that results stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem(Box<Document>);

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Document {
    /// Always `about:blank`: the status says the kind.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong, with its values.
    detail: String,
    /// What to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Where it is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<At>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

/// A place in a file or in the body of the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct At {
    /// The configuration file; none means the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// Counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// Counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// A key path such as `connections[2].config.port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Document {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            detail: detail.into(),
            hint: None,
            at: None,
            retry_after_s: None,
        }))
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub(crate) fn at(mut self, at: At) -> Self {
        self.0.at = Some(at);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    pub(crate) fn unauthorised() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "this needs a session or a token").hint("log in first")
    }

    /// The problem as the façade tells it. `conditional` says that the request named the state that it wants to change.
    pub(crate) fn of(error: Error, conditional: bool) -> Self {
        let (status, at) = match &error {
            Error::NotFound(_) => (StatusCode::NOT_FOUND, None),
            Error::Unauthorised(_) => (StatusCode::UNAUTHORIZED, None),
            Error::Forbidden { .. } | Error::OutOfScope(_) | Error::Protected { .. } => (StatusCode::FORBIDDEN, None),
            Error::Changed(_) if conditional => (StatusCode::PRECONDITION_FAILED, None),
            Error::Changed(_) | Error::Conflict(_) => (StatusCode::CONFLICT, None),
            Error::Invalid { key, .. } => {
                let at = key.clone().map(|key| At { key: Some(key), ..At::default() });
                (StatusCode::UNPROCESSABLE_ENTITY, at)
            }
            Error::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, None),
            Error::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, None),
            Error::File(fault)
                if matches!(fault.io_kind(), Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded)) =>
            {
                (StatusCode::INSUFFICIENT_STORAGE, place(fault))
            }
            Error::File(fault) if fault.io_kind().is_some() => (StatusCode::INTERNAL_SERVER_ERROR, place(fault)),
            Error::File(fault) => (StatusCode::UNPROCESSABLE_ENTITY, place(fault)),
            Error::Broken(fault) => (StatusCode::CONFLICT, place(fault)),
            Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%error, "A request failed.");
        }
        let mut problem = Self::new(status, error.to_string());
        problem.0.hint = error.hint();
        problem.0.at = at;
        problem.0.retry_after_s = if let Error::TooMany { retry_after_s } = error { Some(retry_after_s) } else { None };
        problem
    }
}

fn place(fault: &FileError) -> Option<At> {
    Some(At {
        file: Some(fault.file.clone()),
        line: fault.line(),
        column: fault.column(),
        key: Some(fault.key.clone()).filter(|key| !key.is_empty()),
    })
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let retry_after = self.0.retry_after_s.map(HeaderValue::from);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Why a handler did not answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The façade said no.
    House(Error),
    /// The request itself was wrong.
    Http(Problem),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::House(error)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Http(problem)
    }
}

impl Failure {
    pub(crate) fn into_problem(self, conditional: bool) -> Problem {
        match self {
            Self::House(error) => Problem::of(error, conditional),
            Self::Http(problem) => problem,
        }
    }
}

/// What a handler returns.
pub(crate) type Result<T> = std::result::Result<T, Failure>;
