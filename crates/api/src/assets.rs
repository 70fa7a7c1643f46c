//! The files of the web admin, as the build left them in `web/dist`, each also compressed beforehand.
//!
//! Invariant: a file is found by its exact name only; nothing of a path is decoded, joined or opened.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rust_embed::RustEmbed;

use crate::problem::Problem;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Dist;

/// The start page; all others are behind its `#`.
const INDEX: &str = "index.html";

/// A compressed form of a file: its ending, and its name in HTTP, the best first.
const COMPRESSED: [(&str, &str); 2] = [(".br", "br"), (".gz", "gzip")];

/// The file at this path, if there is one.
pub(crate) fn find(path: &str, headers: &HeaderMap) -> Option<Response> {
    serve(path, headers, |name| Dist::get(name).map(|file| file.data))
}

type Bytes = Cow<'static, [u8]>;

fn serve(path: &str, headers: &HeaderMap, file: impl Fn(&str) -> Option<Bytes>) -> Option<Response> {
    let name = path.strip_prefix('/')?;
    let name = if name.is_empty() { INDEX } else { name };
    if COMPRESSED.iter().any(|(ending, _)| name.ends_with(ending)) {
        return None;
    }
    let Some(plain) = file(name) else { return (name == INDEX).then(not_built) };
    let mut taken = COMPRESSED.iter().filter(|(_, encoding)| accepts(headers, encoding));
    let smaller = taken.find_map(|(ending, encoding)| Some((file(&format!("{name}{ending}"))?, *encoding)));
    let (bytes, encoding) = smaller.map_or((plain, None), |(bytes, encoding)| (bytes, Some(encoding)));
    let mut response = (StatusCode::OK, bytes).into_response();
    let mut put = |name, value| response.headers_mut().insert(name, HeaderValue::from_static(value));
    put(header::CONTENT_TYPE, media_type(name));
    put(header::CACHE_CONTROL, if is_hashed(name) { "public, max-age=31536000, immutable" } else { "no-cache" });
    put(header::VARY, "accept-encoding");
    if let Some(encoding) = encoding {
        put(header::CONTENT_ENCODING, encoding);
    }
    Some(response)
}

fn not_built() -> Response {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the web admin was not built");
    problem.hint("run `make web`, then build the daemon again").into_response()
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let given = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|line| line.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        named && parts.all(|part| part.strip_prefix("q=").is_none_or(|q| q.parse::<f32>().is_ok_and(|q| q > 0.0)))
    })
}

/// Vite puts what has its hash in its name there; what is in it never changes.
fn is_hashed(name: &str) -> bool {
    name.starts_with("assets/")
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Option<Bytes> {
        let names = ["index.html", "index.html.br", "assets/a-1f.js", "assets/a-1f.js.gz", "assets/a-1f.js.br"];
        names.contains(&name).then(|| Cow::Owned(name.as_bytes().to_vec()))
    }

    #[track_caller]
    fn check(path: &str, accept: &'static str, want: Option<(&str, &str)>) {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accept))]);
        let got = serve(path, &headers, file);
        let of = |response: &Response, name| {
            let value = response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            value.unwrap_or_default()
        };
        let got = got.map(|response| (of(&response, header::CONTENT_ENCODING), of(&response, header::CACHE_CONTROL)));
        let got = got.as_ref().map(|(encoding, cache)| (encoding.as_str(), cache.as_str()));
        assert_eq!(got, want, "{path}");
    }

    const FOR_EVER: &str = "public, max-age=31536000, immutable";

    #[test]
    fn a_browser_gets_the_smallest_form_that_it_takes() {
        check("/", "gzip, deflate, br", Some(("br", "no-cache")));
        check("/", "gzip", Some(("", "no-cache")));
        check("/assets/a-1f.js", "gzip, br;q=0", Some(("gzip", FOR_EVER)));
        check("/assets/a-1f.js", "", Some(("", FOR_EVER)));
    }

    #[test]
    fn only_an_exact_name_finds_a_file() {
        for path in [
            "//",
            "/index.html.br",
            "/assets/",
            "/assets/a-1f.js/",
            "/./index.html",
            "/assets/../index.html",
            "/assets%2fa-1f.js",
            "/ASSETS/a-1f.js",
            "/assets/a-1f.js.",
            "/assets\\a-1f.js",
            "",
        ] {
            check(path, "br", None);
        }
    }

    #[test]
    fn a_daemon_without_the_web_admin_says_how_to_build_it() {
        let response = serve("/", &HeaderMap::new(), |_| None).unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(serve("/assets/a.js", &HeaderMap::new(), |_| None).is_none());
    }
}
