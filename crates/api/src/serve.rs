//! The table as a router, and the router on a port.

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, on};
use fieldrail_node::Node;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::{App, MOST_LIVE};
use crate::guard::Line;
use crate::problem::Problem;
use crate::table::endpoints;
use crate::{assets, guard, tls};

/// Connections at the same time; more wait until one ends.
const MOST_CONNECTIONS: u32 = 1024;

/// How long the head of a request may take, also the next one on a connection that is kept.
const HEAD: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes.
const MOST_HEAD: usize = 64 * 1024;

/// How long requests may take to end once the daemon stops.
const GRACE: Duration = Duration::from_secs(2);

/// The router of a house, for whoever serves it in his own way.
pub fn router(node: Arc<Node>) -> Router {
    build(App::new(node, None, None))
}

fn build(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for endpoint in endpoints() {
        let filter = MethodFilter::try_from(endpoint.method.clone()).expect("the table has common methods only");
        let app = Arc::clone(&app);
        let serve = move |request: Request| async move { endpoint.serve(app, request).await };
        router = router.route(endpoint.path, on(filter, serve));
    }
    router
        .fallback(elsewhere)
        .method_not_allowed_fallback(not_this_way)
        .layer(CatchPanicLayer::custom(fell))
        .layer(from_fn_with_state(Arc::clone(&app), enter))
        .with_state(app)
}

/// Every request comes through here, and every answer goes out through here.
async fn enter(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = match guard::check_host(&app.node, request.uri(), request.headers()) {
        Ok(()) => match tls::redirect(&app, &request) {
            Some(elsewhere) => elsewhere,
            None => next.run(request).await,
        },
        Err(problem) => problem.into_response(),
    };
    guard::harden(response.headers_mut(), &app.node.settings().dashboards.frames());
    response
}

/// What is not in the table: a file of the web admin, or nothing. Who has no session is not told which.
async fn elsewhere(State(app): State<Arc<App>>, request: Request) -> Response {
    let readable = matches!(*request.method(), Method::GET | Method::HEAD);
    if let Some(file) = assets::find(request.uri().path(), request.headers()).filter(|_| readable) {
        return file;
    }
    let problem = match guard::identify(&app.node, request.headers(), request.extensions()) {
        None => Problem::unauthorised(),
        Some(_) => Problem::new(StatusCode::NOT_FOUND, "there is nothing here").hint("the pages are behind `/`"),
    };
    if readable && wants_page(request.headers()) { page(&problem) } else { problem.into_response() }
}

async fn not_this_way(State(app): State<Arc<App>>, request: Request) -> Response {
    let problem = match guard::identify(&app.node, request.headers(), request.extensions()) {
        None => Problem::unauthorised(),
        Some(_) => Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this takes other methods")
            .hint("GET /api/openapi.json names them"),
    };
    problem.into_response()
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// For a person who typed a wrong address. It repeats nothing of the request.
fn page(problem: &Problem) -> Response {
    const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Fieldrail</title>\
        <p>There is no page here. <a href=\"/\">To the start</a></p></html>\n";
    (problem.status(), [(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}

#[allow(clippy::needless_pass_by_value)] // the layer hands it over
fn fell(panic: Box<dyn Any + Send>) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = words.unwrap_or("?"), "A request met a fault of Fieldrail.");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a fault of Fieldrail; its log says more").into_response()
}

/// Serves the house until `shutdown` ends, then lets running requests come to their end.
///
/// # Errors
/// The listener has no address.
pub async fn serve(listener: TcpListener, node: Arc<Node>, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    serve_with_https(listener, None, node, shutdown).await
}

/// The same, over HTTPS too. Which certificate is shown the house says for each connection anew.
///
/// # Errors
/// A listener has no address.
pub async fn serve_with_https(
    http: TcpListener,
    https: Option<TcpListener>,
    node: Arc<Node>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let tls = https.as_ref().map(|_| tls::acceptor(&node)).transpose()?;
    let secure = https.as_ref().map(TcpListener::local_addr).transpose()?;
    let app = App::new(node, Some(http.local_addr()?), secure);
    let router = build(Arc::clone(&app));
    let server = Server { app: Arc::clone(&app), router, places: Arc::new(Semaphore::new(MOST_CONNECTIONS as usize)) };
    let both = async {
        let plain = server.keep_accepting(&http, None);
        match (&https, tls) {
            (Some(https), Some(tls)) => drop(tokio::join!(plain, server.keep_accepting(https, Some(tls)))),
            _ => plain.await,
        }
    };
    tokio::select! {
        () = both => {}
        () = shutdown => {}
    }
    drop((http, https));
    app.closing.send_replace(true);
    let all_ended = async {
        let _ = app.live.acquire_many(MOST_LIVE).await;
        let _ = server.places.acquire_many(MOST_CONNECTIONS).await;
    };
    let _ = tokio::time::timeout(GRACE, all_ended).await;
    Ok(())
}

/// What both listeners share.
struct Server {
    app: Arc<App>,
    router: Router,
    places: Arc<Semaphore>,
}

impl Server {
    /// Takes connections until it is dropped.
    async fn keep_accepting(&self, listener: &TcpListener, tls: Option<TlsAcceptor>) {
        loop {
            // None only if the semaphore were closed, which nobody does.
            let place = Arc::clone(&self.places).acquire_owned().await.ok();
            let (stream, peer) = accept(listener).await;
            let (router, closing, tls) = (self.router.clone(), self.app.closing.subscribe(), tls.clone());
            tokio::spawn(async move {
                // Small frames go out at once; where that cannot be set they only go out later.
                let _ = stream.set_nodelay(true);
                match tls {
                    None => ended(peer, serve_one(stream, peer, false, router, closing).await),
                    Some(tls) => match tls::shake_hands(&tls, stream).await {
                        Ok(stream) => ended(peer, serve_one(stream, peer, true, router, closing).await),
                        // Browsers that ask about a certificate first, and whoever knocks at ports.
                        Err(error) => tracing::debug!(%peer, %error, "A TLS connection did not come about."),
                    },
                }
                drop(place);
            });
        }
    }
}

fn ended(peer: SocketAddr, end: hyper::Result<()>) {
    if let Err(error) = end {
        tracing::debug!(%peer, %error, "A connection ended early.");
    }
}

/// The next connection. Errors belong to one that is gone already, or to a lack of descriptors, which passes.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    const PAUSE: Duration = Duration::from_millis(200);
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::debug!(%error, "A connection was not accepted.");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Serves one connection until it ends or becomes a WebSocket; once the daemon stops, only the request that runs.
async fn serve_one(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    secure: bool,
    router: Router,
    mut closing: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(Line { secure });
        router.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MOST_HEAD);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    tokio::select! {
        ended = &mut connection => return ended,
        () = told(&mut closing) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Waits until the daemon stops.
pub(crate) async fn told(closing: &mut watch::Receiver<bool>) {
    // The sender lives as long as whoever asks.
    let _ = closing.wait_for(|closing| *closing).await;
}

#[cfg(test)]
mod tests {
    use hyper::service::Service as _;

    use super::*;

    #[tokio::test]
    async fn a_fault_of_fieldrail_is_a_problem_and_no_lost_connection() {
        async fn fault() -> StatusCode {
            panic!("a secret detail")
        }
        let router = Router::new().route("/", axum::routing::get(fault)).layer(CatchPanicLayer::custom(fell));
        let request = Request::new(axum::body::Body::empty());
        let response = TowerToHyperService::new(router).call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("secret"));
    }
}
