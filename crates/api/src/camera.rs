//! The picture of a camera: one, or a stream of them (MJPEG), fetched by the daemon.
//!
//! Invariant: a name is resolved once, and the connection goes to an address that was judged; nothing that the camera sends is
//! taken for anything but a picture; a stream ends with its browser, with the daemon, or after a while.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::uri::Scheme;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use fieldrail_node::dashboards::Camera;
use futures_util::stream;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::answer::Answer;
use crate::call::{Call, NoBody};
use crate::problem::{Problem, Result};
use crate::serve::told;

/// Pictures and streams that are fetched at the same time.
pub(crate) const MOST_CAMERAS: usize = 32;
/// How long a camera may take for the head of its answer, and for a whole picture.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a stream may say nothing, and how long it lasts; the browser then asks anew.
const SILENCE: Duration = Duration::from_secs(15);
const LONGEST: Duration = Duration::from_mins(15);
/// The largest picture, in bytes.
const MOST_BYTES: usize = 8 << 20;

/// Pictures that a browser draws and nothing else.
const PICTURES: [&str; 5] = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"];
const STREAM: &str = "multipart/x-mixed-replace";

/// Which picture.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CameraQuery {
    /// Any number; another one makes a browser ask again.
    #[serde(default)]
    #[allow(dead_code)] // it is for the browser
    at: Option<u64>,
}

/// A picture, or a stream of them.
pub(crate) struct Picture {
    kind: HeaderValue,
    body: Body,
}

impl Answer for Picture {
    const STATUS: StatusCode = StatusCode::OK;

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn respond(self) -> Response {
        (Self::STATUS, [(header::CONTENT_TYPE, self.kind)], self.body).into_response()
    }
}

pub(crate) async fn picture(call: Call, _: CameraQuery, _: NoBody) -> Result<Picture> {
    let camera = call.node().camera(call.who()?, call.segment("id"))?;
    let place = Arc::clone(&call.app.cameras).try_acquire_owned().map_err(|_| {
        let problem =
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{MOST_CAMERAS} pictures are fetched already"));
        problem.hint("close some pages with cameras")
    })?;
    let mut task = JoinSet::new();
    let answer = timeout(PATIENCE, fetch(&camera, &mut task)).await.unwrap_or_else(|_| Err(silent()))?;
    let kind = answer.headers().get(header::CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static(""));
    let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == STREAM {
        let frames = Frames {
            body: answer.into_body(),
            until: Instant::now() + LONGEST,
            closing: call.app.closing.subscribe(),
            _held: (place, task),
        };
        return Ok(Picture { kind, body: Body::from_stream(stream::unfold(frames, Frames::next)) });
    }
    if !PICTURES.contains(&essence.as_str()) {
        let detail = format!("the camera sent `{essence:.60}`, which is no picture");
        return Err(bad(detail, "use its address for a snapshot or for MJPEG").into());
    }
    let whole = timeout(PATIENCE, Limited::new(answer.into_body(), MOST_BYTES).collect()).await;
    let bytes = whole.map_err(|_| silent())?.map_err(|error| bad(format!("the picture broke off: {error}"), AGAIN))?;
    drop((place, task));
    Ok(Picture { kind, body: Body::from(bytes.to_bytes()) })
}

const AGAIN: &str = "does the camera run, and is its address right?";

fn bad(detail: impl Into<String>, hint: &str) -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, detail).hint(hint)
}

fn silent() -> Problem {
    let detail = format!("the camera did not answer within {} s", PATIENCE.as_secs());
    Problem::new(StatusCode::GATEWAY_TIMEOUT, detail).hint(AGAIN)
}

/// A stream under way.
struct Frames {
    body: Incoming,
    until: Instant,
    closing: watch::Receiver<bool>,
    /// Given back, and ended, with the stream.
    _held: (OwnedSemaphorePermit, JoinSet<()>),
}

impl Frames {
    async fn next(mut self) -> Option<(std::result::Result<Bytes, hyper::Error>, Self)> {
        loop {
            let silence = SILENCE.min(self.until.saturating_duration_since(Instant::now()));
            let frame = tokio::select! {
                frame = timeout(silence, self.body.frame()) => frame.ok()??,
                () = told(&mut self.closing) => return None,
            };
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => return Some((Ok(data), self)),
                // Trailers, of which nobody knows what they would mean.
                Ok(Err(_)) => {}
                Err(error) => return Some((Err(error), self)),
            }
        }
    }
}

/// Asks the camera.
async fn fetch(camera: &Camera, task: &mut JoinSet<()>) -> std::result::Result<hyper::Response<Incoming>, Problem> {
    let uri: Uri = camera.url.parse().map_err(|_| bad("the address of the camera is none", "http://HOST/PATH"))?;
    let secure = uri.scheme() == Some(&Scheme::HTTPS);
    if !secure && uri.scheme() != Some(&Scheme::HTTP) {
        return Err(bad("the address of the camera is neither http nor https", "http://HOST/PATH"));
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let address = judged(&host, port, &camera.local).await?;
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| bad(format!("the camera cannot be reached: {error}"), AGAIN))?;
    let request = request(&uri, &host)?;
    let answer = if secure {
        let name = ServerName::try_from(host).map_err(|_| bad("the host of the camera is no name for TLS", AGAIN))?;
        let stream = roots()?.connect(name, stream).await;
        let stream = stream
            .map_err(|error| bad(format!("TLS to the camera failed: {error}"), "use http in your own network"))?;
        speak(stream, request, task).await
    } else {
        speak(stream, request, task).await
    };
    let answer = answer.map_err(|error| bad(format!("the camera does not speak HTTP: {error}"), AGAIN))?;
    match answer.status() {
        status if status.is_success() => Ok(answer),
        StatusCode::UNAUTHORIZED => Err(bad(
            "the camera wants another log-in",
            "put name and password into its address: http://NAME:PASSWORD@HOST/",
        )),
        status if status.is_redirection() => {
            Err(bad("the camera leads to another address", "give the address that it leads to"))
        }
        status => Err(bad(format!("the camera answered {}", status.as_u16()), AGAIN)),
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: hyper::Request<Empty<Bytes>>,
    task: &mut JoinSet<()>,
) -> hyper::Result<hyper::Response<Incoming>> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    task.spawn(async move {
        // Its end is seen where the body is read.
        let _ = connection.await;
    });
    sender.send_request(request).await
}

fn request(uri: &Uri, host: &str) -> std::result::Result<hyper::Request<Empty<Bytes>>, Problem> {
    let wrong = |_| bad("the address of the camera is none", "http://HOST/PATH");
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    let (login, place) = authority.rsplit_once('@').map_or((None, authority), |(login, place)| (Some(login), place));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = hyper::Request::get(path).header(header::HOST, place).header(header::USER_AGENT, "fieldrail");
    if let Some(login) = login {
        request = request.header(header::AUTHORIZATION, format!("Basic {}", base64(&plain(login))));
    }
    request.body(Empty::new()).map_err(wrong)
}

/// Percent signs of an address as the bytes that they stand for.
fn plain(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let coded = (bytes[at] == b'%').then(|| u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok()).flatten();
        plain.push(coded.unwrap_or(bytes[at]));
        at += if coded.is_some() { 3 } else { 1 };
    }
    plain
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = bytes.chunks(3).flat_map(|chunk| {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..4_usize).map(move |nth| {
            let letter = LETTERS[(group >> (18 - 6 * nth)) as usize & 63];
            if nth <= chunk.len() { char::from(letter) } else { '=' }
        })
    });
    letters.collect()
}

/// An address of the host that may be spoken to.
async fn judged(host: &str, port: u16, local: &[String]) -> std::result::Result<SocketAddr, Problem> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found: Vec<SocketAddr> = found.map_err(|_| bad("nobody knows the host of the camera", AGAIN))?.collect();
    let is_listed = local.iter().any(|listed| listed.eq_ignore_ascii_case(&format!("{host}:{port}")));
    let allowed =
        found.iter().find(|address| not_a_camera(address.ip()).is_none() || is_listed && address.ip().is_loopback());
    allowed.copied().ok_or_else(|| {
        let what = found.first().and_then(|address| not_a_camera(address.ip())).unwrap_or("no address");
        bad(
            format!("the host of the camera is {what}"),
            "a camera on this machine itself: name it in `dashboards.local_cameras` of fieldrail.json",
        )
    })
}

/// What an address is that is none of a camera.
fn not_a_camera(address: IpAddr) -> Option<&'static str> {
    let address = address.to_canonical();
    let metadata = matches!(address, IpAddr::V4(v4) if v4.octets() == [169, 254, 169, 254])
        || matches!(address, IpAddr::V6(v6) if v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]);
    match address {
        _ if metadata => Some("a cloud metadata address"),
        address if address.is_loopback() => Some("this machine itself"),
        address if address.is_unspecified() || address.is_multicast() => Some("no address of one machine"),
        IpAddr::V4(v4) if v4.is_broadcast() || v4.octets()[0] == 0 => Some("no address of one machine"),
        _ => None,
    }
}

/// TLS with the certificates that the system trusts.
fn roots() -> std::result::Result<TlsConnector, Problem> {
    static ROOTS: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    let config = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
    });
    let config = config.clone().ok_or_else(|| bad("TLS cannot be set up", "use http in your own network"))?;
    Ok(TlsConnector::from(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_goes_as_basic_authorisation() {
        for (login, want) in [("user:pass", "dXNlcjpwYXNz"), ("a:b%40c", "YTpiQGM="), ("a:", "YTo="), ("%zz", "JXp6")] {
            assert_eq!(base64(&plain(login)), want, "{login}");
        }
    }

    #[test]
    fn what_is_no_camera_is_not_spoken_to() {
        for (address, is_camera) in [
            ("192.168.2.9", true),
            ("10.0.0.1", true),
            ("fe80::1", true),
            ("8.8.8.8", true),
            ("127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("::1", false),
            ("0.0.0.0", false),
            ("169.254.169.254", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
        ] {
            assert_eq!(not_a_camera(address.parse().unwrap()).is_none(), is_camera, "{address}");
        }
    }
}
