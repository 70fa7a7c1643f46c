//! The configuration, checked: everything that one request needs.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fieldrail_driver::Command;
use fieldrail_model::{InstanceId, Value};
use hmac::{KeyInit as _, Mac as _};
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Uri};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use sha2::Sha256;
use tokio_rustls::TlsConnector;

use crate::config::{Config, Hmac, Method};
use crate::error::Error;
use crate::guard::Guard;
use crate::template::{Message, Template, default_body};

/// The most headers that may be configured.
const MAX_HEADERS: usize = 64;

/// The largest body that is sent, in bytes.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Headers that HTTP itself sets.
const OWN: [HeaderName; 5] =
    [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::UPGRADE];

/// Where requests go and what they look like.
pub(crate) struct Target {
    /// Host name or address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// For people: scheme, host and port. Path and query stay out, for they may hold a secret.
    pub(crate) shown: String,
    pub(crate) tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(crate) guard: Guard,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    method: Method,
    path: String,
    headers: HeaderMap,
    template: Option<Template>,
    signer: Option<(HeaderName, hmac::Hmac<Sha256>)>,
    instance: String,
    /// Makes the ids of deliveries differ between two runs.
    started_ms: i64,
}

impl Target {
    pub(crate) fn new(config: &Config, instance: &InstanceId) -> Result<Self, Error> {
        check_range("timeout_ms", config.timeout_ms, 100, 120_000)?;
        check_range("retries", config.retries, 0, 20)?;
        let uri: Uri = config.url.parse().map_err(|_| Error::Url)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Error::Scheme),
        };
        let authority = uri.authority().ok_or(Error::Url)?;
        if authority.as_str().contains('@') {
            return Err(Error::UserInfo);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(Error::Url);
        }
        let headers = headers(config, authority.as_str())?;
        let template = config.template.as_deref().map(|text| template(text, &headers)).transpose()?;
        let tls = if https {
            let name = ServerName::try_from(host.clone()).map_err(|_| Error::Url)?;
            Some((connector(config.ca_file.as_deref())?, name))
        } else {
            None
        };
        Ok(Self {
            port: authority.port_u16().unwrap_or(if https { 443 } else { 80 }),
            host,
            shown: format!("{}://{authority}", if https { "https" } else { "http" }),
            tls,
            guard: Guard::new(&config.allow_private)?,
            timeout: Duration::from_millis(config.timeout_ms.into()),
            retries: config.retries,
            method: config.method,
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            headers,
            template,
            signer: config.hmac.as_ref().map(signer).transpose()?,
            instance: instance.to_string(),
            started_ms: now_ms(),
        })
    }

    /// The body for one write, true at `time_ms`.
    pub(crate) fn body(&self, command: &Command, time_ms: i64) -> Bytes {
        let address = command.origin.as_ref().map_or(self.instance.as_str(), |(address, _)| address);
        let message = Message { value: &command.value, address, time_ms, instance: &self.instance };
        self.template.as_ref().map_or_else(|| default_body(&message), |template| template.fill(&message)).into()
    }

    /// The request; each try of the same command sends the same.
    pub(crate) fn request(&self, command: u64, body: Bytes) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let method = match self.method {
            Method::Post => hyper::Method::POST,
            Method::Put => hyper::Method::PUT,
        };
        let signature = self.signer.as_ref().map(|(name, key)| (name, sign(key, &body)));
        let mut request = Request::builder().method(method).uri(&self.path).body(Full::new(body))?;
        *request.headers_mut() = self.headers.clone();
        if let Some((name, signature)) = signature {
            request.headers_mut().insert(name, HeaderValue::try_from(signature)?);
        }
        let delivery = format!("{}/{}/{command}", self.instance, self.started_ms);
        request.headers_mut().insert("x-fieldrail-delivery", HeaderValue::try_from(delivery)?);
        Ok(request)
    }
}

/// Milliseconds since 1970 UTC.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn check_range(key: &'static str, value: u32, low: u32, high: u32) -> Result<(), Error> {
    if (low..=high).contains(&value) { Ok(()) } else { Err(Error::Range { key, value, low, high }) }
}

fn headers(config: &Config, authority: &str) -> Result<HeaderMap, Error> {
    if config.headers.len() > MAX_HEADERS {
        return Err(Error::TooManyHeaders(config.headers.len()));
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_str(authority).map_err(|_| Error::Url)?);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("fieldrail"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    for (name, value) in &config.headers {
        let wrong = || Error::Header(name.chars().filter(|c| !c.is_control()).take(64).collect());
        let parsed = HeaderName::try_from(name.as_str()).map_err(|_| wrong())?;
        if OWN.contains(&parsed) {
            return Err(Error::OwnHeader(name.clone()));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}

/// Cuts the template and tries it once, so that a mistake shows at the start and not at the first alarm.
fn template(text: &str, headers: &HeaderMap) -> Result<Template, Error> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = media == "application/json" || media.ends_with("+json");
    let template = Template::new(text, json);
    if json {
        let trial = template.fill(&Message { value: &Value::Int(0), address: "a.b", time_ms: 0, instance: "a" });
        serde_json::from_str::<serde::de::IgnoredAny>(&trial).map_err(Error::Template)?;
    }
    Ok(template)
}

fn signer(config: &Hmac) -> Result<(HeaderName, hmac::Hmac<Sha256>), Error> {
    let name = HeaderName::try_from(config.header.as_str()).map_err(|_| Error::Header("hmac.header".into()))?;
    if OWN.contains(&name) {
        return Err(Error::OwnHeader(config.header.clone()));
    }
    if config.secret.is_empty() {
        return Err(Error::NoSecret);
    }
    let key = hmac::Hmac::new_from_slice(config.secret.as_bytes()).map_err(|_| Error::NoSecret)?;
    Ok((name, key))
}

fn sign(key: &hmac::Hmac<Sha256>, body: &[u8]) -> String {
    let mut mac = key.clone();
    mac.update(body);
    let mut text = String::from("sha256=");
    for byte in mac.finalize().into_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// TLS that trusts `ca_file`, or else what the system trusts.
fn connector(ca_file: Option<&std::path::Path>) -> Result<TlsConnector, Error> {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(file) = ca_file {
        let wrong = |reason: String| Error::Certificates { file: file.to_owned(), reason };
        for certificate in CertificateDer::pem_file_iter(file).map_err(|e| wrong(e.to_string()))? {
            let certificate = certificate.map_err(|e| wrong(e.to_string()))?;
            roots.add(certificate).map_err(|e| wrong(e.to_string()))?;
        }
        if roots.is_empty() {
            return Err(wrong("it holds no certificate".into()));
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(Error::NoRoots);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
