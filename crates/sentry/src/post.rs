//! One request to the server.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::dsn::Dsn;
use crate::envelope::CLIENT;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// So much of an answer's body is read, so that the server is not cut off; nobody looks at it.
const MOST_ANSWER: usize = 64 << 10;

/// Why an event did not get there. It never repeats the key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the system trusts no certificate at all; install ca-certificates")]
    NoRoots,
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("the host of the DSN is no name for TLS")]
    Name,
    #[error("it cannot be reached: {0}")]
    Io(#[from] std::io::Error),
    #[error("it does not speak HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be made: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("it did not answer within {} s", TIMEOUT.as_secs())]
    Silent,
}

/// What the server said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It has the event.
    Taken,
    /// It will never take this event.
    Never(u16),
    /// Not now; perhaps it says when.
    Later { status: u16, after: Option<Duration> },
}

/// The way to one server.
pub(crate) struct Post {
    dsn: Dsn,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Post {
    pub(crate) fn new(dsn: Dsn) -> Result<Self, Error> {
        let tls = if dsn.https {
            let name = ServerName::try_from(dsn.host.clone()).map_err(|_| Error::Name)?;
            Some((connector()?, name))
        } else {
            None
        };
        Ok(Self { dsn, tls })
    }

    /// Sends one envelope.
    pub(crate) async fn send(&self, body: Vec<u8>) -> Result<Reply, Error> {
        tokio::time::timeout(TIMEOUT, self.exchange(body)).await.unwrap_or(Err(Error::Silent))
    }

    async fn exchange(&self, body: Vec<u8>) -> Result<Reply, Error> {
        let stream = TcpStream::connect((self.dsn.host.as_str(), self.dsn.port)).await?;
        match &self.tls {
            Some((connector, name)) => self.speak(connector.connect(name.clone(), stream).await?, body).await,
            None => self.speak(stream, body).await,
        }
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        body: Vec<u8>,
    ) -> Result<Reply, Error> {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(self.request(body)?).await;
        let reply = match answer {
            Ok(answer) => Ok(reply(answer).await),
            Err(error) => Err(error.into()),
        };
        connection.abort();
        reply
    }

    fn request(&self, body: Vec<u8>) -> Result<Request<Full<Bytes>>, Error> {
        let auth = format!("Sentry sentry_version=7, sentry_client={CLIENT}, sentry_key={}", self.dsn.key);
        let request = Request::post(&self.dsn.path)
            .header(header::HOST, &self.dsn.authority)
            .header(header::USER_AGENT, CLIENT)
            .header(header::CONTENT_TYPE, "application/x-sentry-envelope")
            .header(header::CONNECTION, "close")
            .header("x-sentry-auth", auth)
            .body(Full::new(Bytes::from(body)))?;
        Ok(request)
    }
}

async fn reply(answer: Response<hyper::body::Incoming>) -> Reply {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let _ = Limited::new(answer.into_body(), MOST_ANSWER).collect().await;
    judge(status, &headers)
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Reply {
    match status.as_u16() {
        200..=299 => Reply::Taken,
        408 | 429 | 500..=599 => Reply::Later { status: status.as_u16(), after: asked_pause(headers) },
        // A redirect would carry the key to another place.
        other => Reply::Never(other),
    }
}

/// How long the server does not want any, by its own header or by HTTP's; one it means for other things does not count.
fn asked_pause(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let limits = text("x-sentry-rate-limits").into_iter().flat_map(|limits| limits.split(','));
    let of_errors = limits.filter_map(|limit| {
        let mut parts = limit.trim().split(':');
        let seconds = parts.next()?.parse::<f64>().ok()?;
        let categories = parts.next().unwrap_or_default();
        (categories.is_empty() || categories.split(';').any(|one| one == "error")).then_some(seconds)
    });
    let longest = of_errors
        .chain(text("retry-after").and_then(|text| text.parse().ok()))
        .fold(None, |longest: Option<f64>, next| Some(longest.map_or(next, |longest| longest.max(next))));
    longest.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// TLS that trusts what the system trusts.
fn connector() -> Result<TlsConnector, Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(Error::NoRoots);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, headers: &[(&'static str, &str)], want: &Reply) {
        let headers = headers
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().expect("a header")));
        let headers: HeaderMap = headers.collect();
        assert_eq!(judge(StatusCode::from_u16(status).unwrap(), &headers), *want);
    }

    #[test]
    fn what_the_server_says_is_understood() {
        let later = |status, seconds: Option<u64>| Reply::Later { status, after: seconds.map(Duration::from_secs) };
        check(200, &[], &Reply::Taken);
        check(400, &[], &Reply::Never(400));
        check(413, &[], &Reply::Never(413));
        check(302, &[("location", "http://evil/")], &Reply::Never(302));
        check(503, &[], &later(503, None));
        check(429, &[("retry-after", "7")], &later(429, Some(7)));
        check(429, &[("retry-after", "-7")], &later(429, None));
        check(429, &[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], &later(429, None));
        let limits = "60:transaction:key, 90:default;error:organization, 5::key";
        check(429, &[("x-sentry-rate-limits", limits)], &later(429, Some(90)));
        check(429, &[("x-sentry-rate-limits", "2700:profile:key"), ("retry-after", "1")], &later(429, Some(1)));
    }
}
