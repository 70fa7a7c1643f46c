//! An entry of the table: what it is called, who may use it, what goes in and out, and how it is served.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fieldrail_node::people::Role;
use futures_util::future::BoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

use crate::answer::Answer;
use crate::app::App;
use crate::audit::{Note, Open, leaves_row};
use crate::call::{Call, Input, query};
use crate::guard;
use crate::problem::Result;

/// Who may use an end point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without a session.
    Open,
    /// Who may read.
    Viewer,
    /// Who may write datapoints.
    Operator,
    /// Who may configure.
    Admin,
}

impl Access {
    /// The least role that comes in; none means everybody does.
    pub fn role(self) -> Option<Role> {
        match self {
            Self::Open => None,
            Self::Viewer => Some(Role::Viewer),
            Self::Operator => Some(Role::Operator),
            Self::Admin => Some(Role::Admin),
        }
    }
}

/// How much of the house an end point shows or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Single addresses: a token that is narrowed to some may use it, and sees those.
    Addresses,
    /// The house as a whole: not for a token that is narrowed to addresses.
    House,
}

/// The largest body, in bytes, unless an entry says otherwise.
const BODY: usize = 1024 * 1024;

type Handler = Box<dyn Fn(Call, Parts, Body) -> BoxFuture<'static, Result<Response>> + Send + Sync>;
type Describe = fn(&mut SchemaGenerator) -> Shape;

/// What goes in and out.
pub(crate) struct Shape {
    pub(crate) query: Schema,
    /// And whether there must be one.
    pub(crate) body: Option<(Schema, bool)>,
    pub(crate) status: StatusCode,
    pub(crate) answer: Option<Schema>,
}

/// One end point.
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path; `{name}` stands for one segment.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// How much it shows.
    pub reach: Reach,
    /// What it does, one sentence.
    pub summary: &'static str,
    pub(crate) describe: Describe,
    handler: Handler,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Method and path: what the audit trail calls it.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Endpoint {
    /// Serves one request: the guard first, then the work. A change leaves its row in the audit trail before it is answered.
    pub(crate) async fn serve(&self, app: Arc<App>, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        let note = Arc::new(Note::default());
        let caller = match guard::admit(&app.node, self, &parts) {
            Ok(caller) => caller,
            Err(problem) => {
                // Of somebody unknown nobody could say who it was, and anybody could fill the trail.
                if let (Some(caller), true) =
                    (guard::identify(&app.node, &parts.headers, &parts.extensions), leaves_row(self))
                {
                    let open = Open::new(&app.node, self, &caller.who.name, &note);
                    parts.uri.path().clone_into(&mut note.lock().target);
                    open.end(Some((problem.status(), problem.detail()))).await;
                }
                return problem.into_response();
            }
        };
        let by = caller.as_ref().map(|caller| caller.who.name.clone()).unwrap_or_default();
        let open = leaves_row(self).then(|| Open::new(&app.node, self, &by, &note));
        let conditional = parts.headers.contains_key(header::IF_MATCH);
        let answer = match Call::new(app, caller, &mut parts, note).await {
            Ok(call) => (self.handler)(call, parts, body).await,
            Err(failure) => Err(failure),
        };
        let answer = answer.map_err(|failure| failure.into_problem(conditional));
        if let Some(open) = open {
            open.end(answer.as_ref().err().map(|problem| (problem.status(), problem.detail()))).await;
        }
        answer.unwrap_or_else(IntoResponse::into_response)
    }
}

/// An entry without its handler.
pub(crate) struct Draft {
    method: Method,
    path: &'static str,
    access: Access,
    reach: Reach,
    summary: &'static str,
    limit: usize,
}

/// Begins an entry.
pub(crate) fn at(method: Method, path: &'static str, access: Access, summary: &'static str) -> Draft {
    Draft { method, path, access, reach: Reach::House, summary, limit: BODY }
}

impl Draft {
    /// It is about single addresses.
    pub(crate) fn by_address(self) -> Self {
        Self { reach: Reach::Addresses, ..self }
    }

    /// It takes a body of up to so many bytes.
    pub(crate) fn up_to(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    fn done(self, describe: Describe, handler: Handler) -> Endpoint {
        let Self { method, path, access, reach, summary, .. } = self;
        Endpoint { method, path, access, reach, summary, describe, handler }
    }

    /// Answers after some work that may wait for the disk or a lock: it runs where waiting holds up nobody else.
    pub(crate) fn answers<Q, B, A>(self, work: fn(&Call, Q, B) -> Result<A>) -> Endpoint
    where
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        B: Input,
        A: Answer,
    {
        self.answers_later(move |call, query, body| async move {
            match tokio::task::spawn_blocking(move || work(&call, query, body)).await {
                Ok(answer) => answer,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            }
        })
    }

    /// Answers after waiting for somebody else.
    pub(crate) fn answers_later<Q, B, A, F>(
        self,
        work: impl Fn(Call, Q, B) -> F + Send + Sync + Copy + 'static,
    ) -> Endpoint
    where
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        B: Input,
        A: Answer,
        F: Future<Output = Result<A>> + Send + 'static,
    {
        let limit = self.limit;
        let handler = move |call: Call, parts: Parts, body: Body| -> BoxFuture<'static, Result<Response>> {
            Box::pin(async move {
                let query = query::<Q>(&parts.uri)?;
                let body = B::read(&parts.headers, body, limit).await?;
                work(call, query, body).await.map(Answer::respond)
            })
        };
        self.done(shape::<Q, B, A>, Box::new(handler))
    }

    /// Answers by becoming something else than HTTP.
    pub(crate) fn upgrades<F>(self, work: impl Fn(Call, Parts) -> F + Send + Sync + Copy + 'static) -> Endpoint
    where
        F: Future<Output = Result<Response>> + Send + 'static,
    {
        let shape = |generator: &mut SchemaGenerator| Shape {
            query: generator.subschema_for::<crate::call::NoQuery>(),
            body: None,
            status: StatusCode::SWITCHING_PROTOCOLS,
            answer: None,
        };
        self.done(shape, Box::new(move |call, parts, _| Box::pin(work(call, parts))))
    }
}

fn shape<Q: JsonSchema, B: Input, A: Answer>(generator: &mut SchemaGenerator) -> Shape {
    Shape {
        query: Q::json_schema(generator),
        body: B::schema(generator),
        status: A::STATUS,
        answer: A::schema(generator),
    }
}
