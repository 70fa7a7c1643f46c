//! TLS for the HTTPS listener: which certificate is shown, and who is sent over from HTTP.
//!
//! TLS 1.2 and 1.3 by rustls and ring. The house is asked for its certificate at each handshake, so a renewed one is shown to
//! the next connection while those that are open go on.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use fieldrail_node::Node;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{DEFAULT_VERSIONS, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::app::App;
use crate::guard::is_secure;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Shows the certificate that the house has in force.
struct OfTheHouse(Weak<Node>);

impl fmt::Debug for OfTheHouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfTheHouse")
    }
}

impl ResolvesServerCert for OfTheHouse {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.upgrade()?.certificate_in_force()
    }
}

/// What turns TCP into TLS.
pub(crate) fn acceptor(node: &Arc<Node>) -> io::Result<TlsAcceptor> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_protocol_versions(DEFAULT_VERSIONS).map_err(io::Error::other)?;
    let mut config = config.with_no_client_auth().with_cert_resolver(Arc::new(OfTheHouse(Arc::downgrade(node))));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

/// One handshake, in time.
pub(crate) async fn shake_hands(tls: &TlsAcceptor, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(shaken) => shaken,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Where a browser is sent that came over HTTP; nowhere if it comes from this machine, or nobody wants that.
pub(crate) fn redirect(app: &App, request: &Request) -> Option<Response> {
    let secure = app.secure.filter(|_| !is_secure(request.extensions()))?;
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    if !app.node.settings().https.is_some_and(|https| https.redirect) {
        return None;
    }
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    let place = HeaderValue::from_str(&elsewhere(peer.ip(), host, request.uri(), secure.port())?).ok()?;
    Some((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, place)]).into_response())
}

/// The same address over HTTPS, for somebody who is not on this machine.
fn elsewhere(peer: IpAddr, host: &str, uri: &Uri, port: u16) -> Option<String> {
    if peer.to_canonical().is_loopback() {
        return None;
    }
    let host: Authority = host.parse().ok()?;
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    Some(format!("https://{}:{port}{path}", host.host()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(peer: &str, host: &str, path: &str, want: Option<&str>) {
        let found = elsewhere(peer.parse().unwrap(), host, &path.parse().unwrap(), 8443);
        assert_eq!(found.as_deref(), want, "{peer} {host}");
    }

    #[test]
    fn who_comes_from_another_machine_is_sent_over_and_nobody_else() {
        check("192.168.2.9", "haus.example:8420", "/api/me?x=1", Some("https://haus.example:8443/api/me?x=1"));
        check("fd12::9", "[fd12::7]:8420", "/", Some("https://[fd12::7]:8443/"));
        for here in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            check(here, "localhost:8420", "/", None);
        }
        check("192.168.2.9", "a b", "/", None);
    }
}
