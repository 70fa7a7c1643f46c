//! A certificate and its key as text: what is in it, whether the two belong together, whether it is in its time.
//!
//! Pure: time and text come as arguments. Whatever is wrong is said with its file, its line and what to try.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fieldrail_model::Timestamp;
use fieldrail_store::{FileError, Place};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Certificates in one file, at the most: a chain has three or four.
const MOST_SECTIONS: usize = 20;

/// Names that are shown of a certificate, at the most.
const MOST_NAMES: usize = 100;

/// A text and what a person calls it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

/// A certificate that may be shown to browsers.
#[derive(Debug)]
pub(super) struct Usable {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) about: About,
}

/// What stands in a certificate.
#[derive(Debug)]
pub(super) struct About {
    pub(super) subject: String,
    pub(super) names: Vec<String>,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    /// SHA-256 of the certificate, as browsers show it.
    pub(super) fingerprint: String,
}

/// A part between `BEGIN` and `END`.
struct Section {
    label: String,
    line: usize,
    bytes: Vec<u8>,
}

/// Reads a certificate with its chain, and its key; both may stand in one text.
pub(super) fn usable(certificate: Text<'_>, key: Text<'_>, now: Timestamp) -> Result<Usable, FileError> {
    let mut chain = sections(certificate)?;
    chain.retain(|section| section.label == "CERTIFICATE");
    let Some(first) = chain.first() else {
        let hint = "it begins with -----BEGIN CERTIFICATE-----; a .der or .p12 file is converted with openssl";
        return Err(wrong(certificate, 1, "there is no certificate in it", hint));
    };
    let line = first.line;
    let unreadable = || wrong(certificate, line, "this certificate cannot be read", "was it copied as a whole?");
    let about = about(&first.bytes).ok_or_else(unreadable)?;
    let day = crate::clock::date;
    if now > about.until {
        let what = format!("this certificate has expired on {}", day(about.until));
        return Err(wrong(certificate, line, &what, "renew it; if it is new, is the clock of this machine right?"));
    }
    if now < about.from {
        let what = format!("this certificate is not valid before {}", day(about.from));
        return Err(wrong(certificate, line, &what, "is the clock of this machine right?"));
    }
    let private = private_key(key)?;
    let chain: Vec<CertificateDer<'static>> = chain.into_iter().map(|section| section.bytes.into()).collect();
    let provider = rustls::crypto::ring::default_provider();
    let certified = CertifiedKey::from_der(chain, private.0, &provider).map_err(|error| {
        let (what, hint) = match error {
            rustls::Error::InconsistentKeys(_) => (
                "this key does not belong to the certificate",
                "the house's own certificate comes first in its file, those of its authorities after it",
            ),
            _ => ("this key cannot be used", "use an RSA key of 2048 to 8192 bits, P-256, P-384 or Ed25519"),
        };
        wrong(key, private.1, what, hint)
    })?;
    Ok(Usable { certified: Arc::new(certified), about })
}

/// Reads a certificate.
fn about(der: &[u8]) -> Option<About> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let seconds = |seconds: i64| Timestamp(seconds.saturating_mul(1_000_000));
    let names = certificate.subject_alternative_name().ok()?;
    let names = names.into_iter().flat_map(|names| &names.value.general_names).filter_map(name);
    Some(About {
        subject: fieldrail_store::visible(&certificate.subject().to_string(), 512),
        names: names.take(MOST_NAMES).collect(),
        from: seconds(certificate.validity().not_before.timestamp()),
        until: seconds(certificate.validity().not_after.timestamp()),
        fingerprint: fingerprint(der),
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(fieldrail_store::visible(name, 255)),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            v4.or(v6).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn fingerprint(der: &[u8]) -> String {
    let pairs: Vec<String> = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// The one private key in a text, and its line.
fn private_key(key: Text<'_>) -> Result<(PrivateKeyDer<'static>, usize), FileError> {
    for Section { label, line, bytes } in sections(key)? {
        return Ok(match label.as_str() {
            "PRIVATE KEY" => (PrivatePkcs8KeyDer::from(bytes).into(), line),
            "RSA PRIVATE KEY" => (PrivatePkcs1KeyDer::from(bytes).into(), line),
            "EC PRIVATE KEY" => (PrivateSec1KeyDer::from(bytes).into(), line),
            "ENCRYPTED PRIVATE KEY" => {
                let hint = "take the pass phrase off: openssl pkey -in KEY -out KEY.plain";
                return Err(wrong(key, line, "this key has a pass phrase, and nobody types it at a start", hint));
            }
            _ => continue,
        });
    }
    Err(wrong(key, 1, "there is no private key in it", "it begins with -----BEGIN PRIVATE KEY-----"))
}

/// The parts of a text; what stands between them is skipped, as everybody does.
fn sections(source: Text<'_>) -> Result<Vec<Section>, FileError> {
    let (mut found, mut open): (Vec<Section>, Option<(String, usize, String)>) = (Vec::new(), None);
    for (line, text) in (1..).zip(source.text.lines()) {
        let text = text.trim();
        let mark = |kind: &str| text.strip_prefix(kind)?.strip_suffix("-----").map(ToOwned::to_owned);
        match (&mut open, mark("-----BEGIN "), mark("-----END ")) {
            (None, Some(label), _) if found.len() < MOST_SECTIONS => open = Some((label, line, String::new())),
            (None, Some(_), _) => return Err(wrong(source, line, "there are too many parts in it", "remove the rest")),
            (None, ..) => {}
            (Some((label, begun, body)), None, Some(end)) if *label == end => {
                let bytes = STANDARD.decode(body.as_bytes());
                let bytes = bytes.map_err(|_| wrong(source, *begun, "this part is not whole", "copy it again"))?;
                found.push(Section { label: std::mem::take(label), line: *begun, bytes });
                open = None;
            }
            (Some((_, begun, _)), Some(_), _) | (Some((_, begun, _)), _, Some(_)) => {
                return Err(wrong(source, *begun, "this part has no end", "copy it again, with its last line"));
            }
            (Some((_, _, body)), None, None) => {
                let is_base64 = text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'='));
                if !is_base64 {
                    return Err(wrong(
                        source,
                        line,
                        "this line does not belong into a certificate or key",
                        "copy it again",
                    ));
                }
                body.push_str(text);
            }
        }
    }
    match open {
        Some((_, begun, _)) => Err(wrong(source, begun, "this part has no end", "copy it again, with its last line")),
        None => Ok(found),
    }
}

fn wrong(source: Text<'_>, line: usize, what: &str, hint: &str) -> FileError {
    FileError::at(source.name, Some(Place { line, column: 1 }), "", what, Some(hint.into()))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn pair(until: i32) -> (String, String) {
        let mut params = CertificateParams::new(vec!["haus.example".into(), "192.168.2.7".into()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn read(certificate: &str, key: &str) -> Result<Usable, FileError> {
        let now = Timestamp(1_795_000_000_000_000);
        usable(Text { name: "c.pem", text: certificate }, Text { name: "k.pem", text: key }, now)
    }

    #[test]
    fn a_certificate_tells_its_names_and_its_time() {
        let (certificate, key) = pair(2030);
        let usable = read(&format!("Bag Attributes\n{certificate}"), &key).unwrap().about;
        assert_eq!(usable.names, ["haus.example", "192.168.2.7"]);
        assert_eq!(usable.until.0, 1_893_456_000_000_000);
        assert_eq!(usable.fingerprint.len(), 95);
        let both = format!("{key}{certificate}");
        assert!(read(&both, &both).is_ok());
    }

    #[track_caller]
    fn check(certificate: &str, key: &str, file: &str, line: usize, words: &str) {
        let error = read(certificate, key).unwrap_err();
        assert_eq!((error.file.as_str(), error.line()), (file, Some(line)), "{error}");
        assert!(error.what.contains(words) && error.hint().is_some(), "{error}");
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_line() {
        let (certificate, key) = pair(2030);
        let (expired, its_key) = pair(2021);
        check(&expired, &its_key, "c.pem", 1, "expired");
        check(&certificate, &its_key, "k.pem", 1, "does not belong");
        check("", &key, "c.pem", 1, "no certificate");
        check(&key, &key, "c.pem", 1, "no certificate");
        check(&certificate, &certificate, "k.pem", 1, "no private key");
        check(&format!("\n\n{}", certificate.replace("-----END CERTIFICATE-----", "")), &key, "c.pem", 3, "no end");
        check(&certificate.replacen("\nMI", "\n<script>MI", 1), &key, "c.pem", 2, "does not belong into");
        check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &key, "c.pem", 1, "cannot be read");
        check("-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n", &key, "c.pem", 1, "not whole");
        check(&certificate, &key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "k.pem", 1, "pass phrase");
        let junk = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        check(&certificate, junk, "k.pem", 1, "cannot be used");
        check(&certificate.repeat(21), &key, "c.pem", certificate.lines().count() * 20 + 1, "too many");
    }
}
