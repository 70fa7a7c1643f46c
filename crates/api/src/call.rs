//! What goes in: the caller, the path, the query, the body.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts as _, Query, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use fieldrail_node::people::Who;
use fieldrail_node::{Etag, Node};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::answer::Json;
use crate::app::App;
use crate::audit::Note;
use crate::guard::{Caller, is_secure};
use crate::problem::{At, Failure, Problem, Result};

/// How long the body of a request may take to arrive.
const BODY: Duration = Duration::from_mins(1);

/// One request that was let in.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    caller: Option<Caller>,
    path: Vec<(Box<str>, String)>,
    if_match: Option<Etag>,
    /// Whom the log-in limiter counts.
    pub(crate) from: String,
    /// It came over TLS.
    pub(crate) secure: bool,
    note: Arc<Note>,
}

impl Call {
    pub(crate) async fn new(app: Arc<App>, caller: Option<Caller>, parts: &mut Parts, note: Arc<Note>) -> Result<Self> {
        let path = RawPathParams::from_request_parts(parts, &()).await;
        let path = path.map_err(|_| Problem::new(StatusCode::NOT_FOUND, "the path is not UTF-8"))?;
        let path: Vec<(Box<str>, String)> = path.iter().map(|(name, value)| (name.into(), value.to_owned())).collect();
        let values: Vec<&str> = path.iter().map(|(_, value)| value.as_str()).collect();
        note.lock().target = values.join(" ");
        let if_match = if_match(&parts.headers)?;
        let secure = is_secure(&parts.extensions);
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        Ok(Self { app, caller, path, if_match, from: peer.map(network).unwrap_or_default(), secure, note })
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.app.node
    }

    /// Who asks. Fails on an open end point, which nobody in particular asks.
    pub(crate) fn caller(&self) -> Result<&Caller> {
        self.caller.as_ref().ok_or_else(|| Problem::unauthorised().into())
    }

    /// Who asks.
    pub(crate) fn who(&self) -> Result<&Who> {
        self.caller().map(|caller| &caller.who)
    }

    /// Says for the audit trail what the call is about, where its path does not.
    pub(crate) fn about(&self, target: impl Into<String>, detail: impl Into<String>) {
        let mut note = self.note.lock();
        (note.target, note.detail) = (target.into(), detail.into());
    }

    /// Says who asks, once that is known at an end point that is open to everybody.
    pub(crate) fn is_by(&self, name: &str) {
        self.note.lock().by = Some(name.to_owned());
    }

    /// Says how it ended, where the status does not say all.
    pub(crate) fn ended(&self, outcome: &'static str) {
        self.note.lock().outcome = Some(outcome);
    }

    /// It changes nothing, and must not push out what does.
    pub(crate) fn changes_nothing(&self) {
        self.note.lock().frequent = true;
    }

    /// A part of the path by its name in the table, decoded.
    pub(crate) fn segment(&self, name: &str) -> &str {
        self.path.iter().find(|(known, _)| &**known == name).map_or("", |(_, value)| value)
    }

    /// The state that the request wants to change, if it names one.
    pub(crate) fn expected(&self) -> Option<&Etag> {
        self.if_match.as_ref()
    }
}

/// An address as the limiter counts it: who has one IPv6 address has 2^64 of them.
fn network(peer: IpAddr) -> String {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn if_match(headers: &HeaderMap) -> Result<Option<Etag>> {
    let mut given = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let one = value.to_str().ok().map(str::trim).filter(|text| *text != "*" && !text.contains(','));
    if let (Some(text), None) = (one, given.next()) {
        return Ok(Some(Etag::given(text)));
    }
    let problem = Problem::new(StatusCode::BAD_REQUEST, "If-Match takes exactly one entity tag");
    Err(problem.hint("send the `etag` of the entry as you read it").into())
}

/// An end point without a query.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoQuery {}

/// The query, with unknown names refused.
pub(crate) fn query<Q: DeserializeOwned>(uri: &Uri) -> Result<Q> {
    let query = Query::<Q>::try_from_uri(uri).map_err(|rejection| {
        let cause = std::error::Error::source(&rejection).map_or_else(|| rejection.to_string(), ToString::to_string);
        Problem::new(StatusCode::BAD_REQUEST, format!("the query is wrong: {cause}"))
    })?;
    Ok(query.0)
}

/// The body of a request.
pub(crate) trait Input: Send + Sized + 'static {
    /// The schema of the body, and whether there must be one; none if there is no body.
    fn schema(generator: &mut SchemaGenerator) -> Option<(Schema, bool)>;

    /// Reads the body, at most `limit` bytes.
    fn read(headers: &HeaderMap, body: Body, limit: usize) -> impl Future<Output = Result<Self>> + Send;
}

/// No body; one that comes all the same is not read.
#[derive(Debug)]
pub(crate) struct NoBody;

impl Input for NoBody {
    fn schema(_: &mut SchemaGenerator) -> Option<(Schema, bool)> {
        None
    }

    async fn read(_: &HeaderMap, _: Body, _: usize) -> Result<Self> {
        Ok(Self)
    }
}

impl<T: DeserializeOwned + JsonSchema + Send + 'static> Input for Json<T> {
    fn schema(generator: &mut SchemaGenerator) -> Option<(Schema, bool)> {
        Some((generator.subschema_for::<T>(), true))
    }

    async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Self> {
        must_be_json(headers)?;
        parse(bytes(headers, body, limit).await?).await.map(Self)
    }
}

/// JSON as it was written, for whoever reads it with its lines and columns; what it is to be is `T`.
pub(crate) struct JsonText<T>(String, PhantomData<fn() -> T>);

impl<T> JsonText<T> {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl<T: JsonSchema + 'static> Input for JsonText<T> {
    fn schema(generator: &mut SchemaGenerator) -> Option<(Schema, bool)> {
        Some((generator.subschema_for::<T>(), true))
    }

    async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Self> {
        must_be_json(headers)?;
        let text = String::from_utf8(bytes(headers, body, limit).await?);
        let text = text.map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let problem = Problem::new(StatusCode::BAD_REQUEST, format!("the body is no UTF-8 text from byte {at} on"));
            problem.hint("save the file as UTF-8")
        })?;
        // Some editors put a mark at its begin.
        Ok(Self(text.trim_start_matches('\u{feff}').to_owned(), PhantomData))
    }
}

/// A body that may be left out.
impl<T: DeserializeOwned + JsonSchema + Send + 'static> Input for Option<Json<T>> {
    fn schema(generator: &mut SchemaGenerator) -> Option<(Schema, bool)> {
        Some((generator.subschema_for::<T>(), false))
    }

    async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Self> {
        let bytes = bytes(headers, body, limit).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        must_be_json(headers)?;
        parse(bytes).await.map(|value| Some(Json(value)))
    }
}

/// A form of another page can send other types without asking first (CSRF), so only this one is read.
fn must_be_json(headers: &HeaderMap) -> Result<()> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the body is `{given}`"));
    Err(problem.hint("send Content-Type: application/json").into())
}

async fn bytes(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>> {
    let too_large = || {
        let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes"));
        Failure::from(problem.hint("send less at once"))
    };
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::new(StatusCode::BAD_REQUEST, format!("the body broke off: {error}")).into()),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time").into()),
    }
}

/// Bodies up to here are parsed where they arrive; larger ones on a thread that may be busy.
const SMALL: usize = 64 * 1024;

async fn parse<T: DeserializeOwned + Send + 'static>(bytes: Vec<u8>) -> Result<T> {
    if bytes.len() <= SMALL {
        return from_json(&bytes);
    }
    match tokio::task::spawn_blocking(move || from_json(&bytes)).await {
        Ok(parsed) => parsed,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json);
    let (error, key) = match parsed.map(|value| json.end().map(|()| value)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => (error, None),
        Err(error) => {
            let key = error.path().to_string();
            (error.into_inner(), Some(key).filter(|key| key != "." && key != "?"))
        }
    };
    let at = At { file: None, line: Some(error.line()), column: Some(error.column()), key };
    Err(Problem::new(StatusCode::BAD_REQUEST, format!("the body is wrong: {error}")).at(at).into())
}
