//! HTTPS: the certificate in force, another one, and where the listener is.

use std::net::SocketAddr;

use fieldrail_node::CertificateView;
use fieldrail_node::settings::Https;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{Json, Tagged};
use crate::call::{Call, NoBody, NoQuery};
use crate::problem::Result;

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
    let before = call.node().settings().https;
    let https = listen.map(|listen| match before {
        Some(before) => Https { listen, redirect, ..before },
        None => Https { listen, certificate: None, key: None, redirect },
    });
    let view = call.node().put_https(call.who()?, call.expected(), https.as_ref())?;
    Ok(shown(call, view))
}
