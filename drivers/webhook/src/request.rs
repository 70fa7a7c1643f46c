//! One try: resolve, judge, connect, send, hear the status.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use fieldrail_driver::Failure;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::RETRY_AFTER;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::target::Target;

/// The most bytes of an answer's head, and of its body, that are read.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// How one try ended.
pub(crate) enum Try {
    /// The receiver took it.
    Taken(StatusCode),
    /// It may work later.
    Later {
        /// What happened.
        failure: Failure,
        /// The status, if there was an answer.
        status: Option<StatusCode>,
        /// How long the receiver asked to be left alone.
        wait: Option<Duration>,
    },
    /// It will never work.
    Never(Failure, Option<StatusCode>),
    /// The command expired before anything was sent.
    Expired,
}

/// Tries once. Nothing is sent after `expires`; what was sent by then is waited for.
pub(crate) async fn send(target: &Target, command: u64, body: Bytes, expires: Instant) -> Try {
    let deadline = Instant::now() + target.timeout;
    match timeout_at(deadline.min(expires), open(target)).await {
        Ok(Ok(stream)) if Instant::now() < expires => {
            match timeout_at(deadline, speak(target, stream, command, body)).await {
                Ok(answer) => answer,
                Err(_) => later(format!("{} did not answer within {} ms", target.shown, target.timeout.as_millis())),
            }
        }
        Ok(Err(ended)) => ended,
        _ if Instant::now() >= expires => Try::Expired,
        _ => later(format!("no connection to {} within {} ms", target.shown, target.timeout.as_millis())),
    }
}

fn later(message: String) -> Try {
    let failure = Failure::new(message).hint("is the receiver running, and may this machine reach it?");
    Try::Later { failure, status: None, wait: None }
}

/// A stream of either kind.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

async fn open(target: &Target) -> Result<Box<dyn Stream>, Try> {
    let tcp = connect(target).await?;
    let _ = tcp.set_nodelay(true);
    let Some((connector, name)) = &target.tls else { return Ok(Box::new(tcp)) };
    match connector.connect(name.clone(), tcp).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) if error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()).is_some() => {
            let failure = Failure::new(format!("{} is not trusted: {error}", target.shown));
            let hint = "is the certificate for this name, in date, and signed by an authority this machine trusts? \
                        a private authority goes into `ca_file`";
            Err(Try::Never(failure.hint(hint), None))
        }
        Err(error) => Err(later(format!("{} broke off while TLS was agreed on: {error}", target.shown))),
    }
}

/// Resolves the name, judges every address, and connects to the first that answers.
async fn connect(target: &Target) -> Result<TcpStream, Try> {
    let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(addresses) => addresses.collect(),
        Err(error) => return Err(later(format!("the name {} cannot be resolved: {error}", target.host))),
    };
    for address in &addresses {
        if let Err(kind) = target.guard.judge(&target.host, address.ip()) {
            let failure = Failure::new(format!("{} is {kind} ({})", target.host, address.ip()));
            return Err(Try::Never(failure.hint("list it in `allow_private` if requests may go there"), None));
        }
    }
    let mut last = String::from("the name has no address");
    for address in addresses.iter().take(MAX_ADDRESSES) {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.to_string(),
        }
    }
    Err(later(format!("no connection to {}: {last}", target.shown)))
}

async fn speak(target: &Target, stream: Box<dyn Stream>, command: u64, body: Bytes) -> Try {
    let request = match target.request(command, body) {
        Ok(request) => request,
        Err(error) => return Try::Never(Failure::new(format!("the request cannot be built: {error}")), None),
    };
    let broken = |error: hyper::Error| later(format!("{} broke off: {error}", target.shown));
    let handshake =
        hyper::client::conn::http1::Builder::new().max_buf_size(MAX_ANSWER_BYTES).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = match handshake {
        Ok(both) => both,
        Err(error) => return broken(error),
    };
    let talk = async {
        match sender.send_request(request).await {
            Ok(answer) => {
                let ended = judge(target, &answer);
                leave_in_order(answer).await;
                ended
            }
            Err(error) => broken(error),
        }
    };
    tokio::pin!(talk, connection);
    tokio::select! {
        biased;
        ended = &mut talk => ended,
        // The connection has ended; what it brought is still to be read.
        _ = &mut connection => talk.await,
    }
}

/// What the status means.
fn judge(target: &Target, answer: &Response<Incoming>) -> Try {
    let status = answer.status();
    let said = || Failure::new(format!("{} answered {status}", target.shown));
    match status.as_u16() {
        200..=299 => Try::Taken(status),
        300..=399 => Try::Never(said().hint("redirects are not followed: configure the final address"), Some(status)),
        429 | 500..=599 => {
            let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            Try::Later { failure: said(), status: Some(status), wait: seconds.map(Duration::from_secs) }
        }
        _ => {
            let hint = match status.as_u16() {
                401 | 403 => "check the headers that log in, and the HMAC secret",
                404 | 410 => "check the path of `url`",
                405 => "try the other `method`",
                _ => "the receiver does not like the request: check `template` and `headers`",
            };
            Try::Never(said().hint(hint), Some(status))
        }
    }
}

/// Reads a little of the answer's body, so that a usual receiver sees an orderly end; a huge body is cut off.
async fn leave_in_order(answer: Response<Incoming>) {
    let mut body = answer.into_body();
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > MAX_ANSWER_BYTES {
            return;
        }
    }
}
