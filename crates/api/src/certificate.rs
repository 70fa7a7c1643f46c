//! HTTPS: the certificate in force, another one, and where the listener is.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use axum::http::StatusCode;
use fieldrail_node::CertificateView;
use fieldrail_node::settings::Https;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{Json, Tagged};
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::{At, Problem, Result};

/// The certificate in force, and whether the daemon listens for HTTPS at all.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Certificate {
    #[serde(flatten)]
    certificate: CertificateView,
    /// Where the daemon listens for HTTPS now; none if it does not. What the configuration asks for counts from the next start.
    #[serde(skip_serializing_if = "Option::is_none")]
    serving: Option<String>,
}

/// Another certificate.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCertificate {
    /// The certificate as PEM, then those of its authorities.
    certificate: String,
    /// Its private key as PEM, without a pass phrase. It is never shown again.
    key: String,
}

/// Where HTTPS is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpsWish {
    /// Address and port, for example `0.0.0.0:8443`; none switches it off.
    #[schemars(with = "Option<String>")]
    listen: Option<SocketAddr>,
    /// Whether browsers that come over HTTP from another machine are sent to HTTPS.
    #[serde(default)]
    redirect: bool,
}

fn shown(call: &Call, certificate: CertificateView) -> Tagged<Certificate> {
    let serving = call.app.secure.map(|address| address.to_string());
    Tagged(certificate.etag.clone(), Certificate { certificate, serving })
}

pub(crate) fn view(call: &Call, _: NoQuery, _: NoBody) -> Result<Tagged<Certificate>> {
    Ok(shown(call, call.node().certificate(call.who()?)?))
}

pub(crate) fn put(call: &Call, _: NoQuery, Json(new): Json<NewCertificate>) -> Result<Tagged<Certificate>> {
    let view = call.node().put_certificate(call.who()?, &new.certificate, &new.key)?;
    call.about("", view.fingerprint.clone().unwrap_or_default());
    Ok(shown(call, view))
}

pub(crate) fn sign(call: &Call, _: NoQuery, _: NoBody) -> Result<Tagged<Certificate>> {
    let view = call.node().sign_certificate(call.who()?)?;
    call.about("", view.fingerprint.clone().unwrap_or_default());
    Ok(shown(call, view))
}

pub(crate) fn put_https(call: &Call, _: NoQuery, Json(wish): Json<HttpsWish>) -> Result<Tagged<Certificate>> {
    let HttpsWish { listen, redirect } = wish;
    call.about("", listen.map_or("off".into(), |listen| format!("{listen}, redirect {redirect}")));
    if let Some(listen) = listen {
        must_be_free(call, listen)?;
    }
    let before = call.node().settings().https;
    let https = listen.map(|listen| match before {
        Some(before) => Https { listen, redirect, ..before },
        None => Https { listen, certificate: None, key: None, redirect },
    });
    let view = call.node().put_https(call.who()?, call.expected(), https.as_ref())?;
    Ok(shown(call, view))
}

/// Fails if nobody could listen there. Better said now than at the next start.
fn must_be_free(call: &Call, listen: SocketAddr) -> Result<()> {
    let ours = [call.app.listen, call.app.secure].into_iter().flatten().any(|ours| ours.port() == listen.port());
    let refused = match TcpListener::bind(listen) {
        Err(error) if !ours => error,
        _ => return Ok(()),
    };
    let hint = match refused.kind() {
        ErrorKind::PermissionDenied => "ports below 1024 are for root only; 8443 is usual",
        ErrorKind::AddrInUse => "another program uses this port; take another one",
        _ => "0.0.0.0 stands for all addresses of this machine",
    };
    let at = At { key: Some("listen".into()), ..At::default() };
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("nobody can listen on {listen}: {refused}"));
    Err(problem.hint(hint).at(at).into())
}
