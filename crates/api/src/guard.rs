//! Who comes in: the host that was asked for, the session or token, the role, and that it was no other page's idea.
//!
//! Invariant: nothing here trusts `Referer`, `X-Forwarded-*` or the address of the peer.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, Uri, header};
use fieldrail_node::people::{Credential, Who};
use fieldrail_node::{Error, Node};

use crate::endpoint::{Endpoint, Reach};
use crate::problem::Problem;

/// The cookie of a session.
pub(crate) const COOKIE: &str = "fieldrail_session";

/// The same over HTTPS. Browsers take a cookie of this name over HTTPS only and for this host only, so that nothing that comes
/// over HTTP puts another in its place.
pub(crate) const SECURE_COOKIE: &str = "__Host-fieldrail_session";

/// How a request came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    /// Over TLS.
    pub(crate) secure: bool,
}

/// Whether a request came over TLS.
pub(crate) fn is_secure(extensions: &Extensions) -> bool {
    extensions.get::<Line>().is_some_and(|line| line.secure)
}

/// The header that a page of another origin cannot send without being asked about it first (CSRF).
const OURS: &str = "x-fieldrail";

/// Somebody with a valid credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    pub(crate) credential: Credential,
}

/// Who shows a valid credential. A token counts before a cookie, and a wrong token is not healed by one.
pub(crate) fn identify(node: &Node, headers: &HeaderMap, extensions: &Extensions) -> Option<Caller> {
    let credential = match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| Credential::token(secret.trim()))?
        }
        None => Credential::session(cookie(headers, if is_secure(extensions) { SECURE_COOKIE } else { COOKIE })?),
    };
    let who = node.people().who(&credential)?;
    Some(Caller { who, credential })
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// Lets a request in, or says why not. None is somebody unknown at an open end point.
pub(crate) fn admit(node: &Node, endpoint: &Endpoint, parts: &Parts) -> Result<Option<Caller>, Problem> {
    let Some(role) = endpoint.access.role() else { return Ok(None) };
    let caller = identify(node, &parts.headers, &parts.extensions).ok_or_else(Problem::unauthorised)?;
    let by_cookie = matches!(caller.credential, Credential::Session(_));
    if by_cookie && !parts.method.is_safe() && parts.headers.get(OURS).is_none_or(|value| value != "1") {
        let problem = Problem::new(StatusCode::FORBIDDEN, "a change with a cookie needs the header X-Fieldrail: 1");
        return Err(problem.hint("it keeps other pages from acting in your name"));
    }
    caller.who.must_be(role).map_err(|error| Problem::of(error, false))?;
    if endpoint.reach == Reach::House {
        whole_house(&caller.who).map_err(|error| Problem::of(error, false))?;
    }
    Ok(Some(caller))
}

/// A token that is narrowed to addresses sees nothing else of the house.
pub(crate) fn whole_house(who: &Who) -> Result<(), Error> {
    match &who.scope {
        Some(scope) if !scope.addresses.is_empty() => Err(Error::OutOfScope("more than its addresses".into())),
        _ => Ok(()),
    }
}

/// Refuses a name of this house that nobody gave it: a foreign page may have pointed its own name here (DNS rebinding).
pub(crate) fn check_host(node: &Node, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|value| value.to_str().ok()).filter(|_| hosts.next().is_none());
    let ours = &node.settings().hosts;
    let known = host.is_some_and(|host| host.parse().is_ok_and(|host| is_ours(&host, ours)))
        && uri.authority().is_none_or(|authority| is_ours(authority, ours));
    if known {
        return Ok(());
    }
    let detail = format!("this house is not called `{}`", host.unwrap_or_default());
    Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail)
        .hint("use its IP address or `localhost`, or add the name to `hosts` in fieldrail.json"))
}

fn is_ours(authority: &Authority, ours: &[String]) -> bool {
    let name = authority.host();
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    !authority.as_str().contains('@')
        && (bare.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || ours.iter().any(|ours| name.eq_ignore_ascii_case(ours)))
}

/// Refuses a WebSocket that a page of another origin opens: browsers send the cookie along. Programs name no origin.
pub(crate) fn check_origin(headers: &HeaderMap, extensions: &Extensions) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()?.parse::<Authority>().ok());
    let same = match (origin.as_ref().and_then(Uri::authority), host) {
        (Some(origin), Some(host)) => *origin == host,
        _ => false,
    };
    let scheme = if is_secure(extensions) { "https" } else { "http" };
    let same = same && origin.as_ref().and_then(Uri::scheme_str) == Some(scheme);
    if same { Ok(()) } else { Err(Problem::new(StatusCode::FORBIDDEN, "another page may not open this connection")) }
}

/// The policy of every answer: nothing from another host, nothing inline, in nobody's frame.
const HEADERS: [(header::HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Puts the policy on an answer; pages of `frames` may be embedded, which are origins and nothing else. What says nothing
/// about caching is kept by nobody.
pub(crate) fn harden(headers: &mut HeaderMap, frames: &[String]) {
    for (name, value) in &HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !frames.is_empty() {
        let policy = format!("{}; frame-src {}", HEADERS[0].1, frames.join(" "));
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, want: bool) {
        let hosts = ["Haus.example".to_owned()];
        assert_eq!(host.parse().is_ok_and(|host| is_ours(&host, &hosts)), want, "{host}");
    }

    #[test]
    fn only_ip_addresses_and_given_names_are_this_house() {
        for ours in
            ["127.0.0.1:8420", "192.168.2.7", "[::1]:8420", "[fe80::1]", "localhost", "LOCALHOST:1", "haus.example:80"]
        {
            check(ours, true);
        }
        for foreign in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "haus.example.",
            "a@localhost",
            "x@127.0.0.1",
        ] {
            check(foreign, false);
        }
    }
}
