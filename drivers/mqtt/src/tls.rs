//! The TLS configuration: verification always, `ring` as the one provider.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::config::Tls;
use crate::error::Error;

/// Builds the configuration that a [`Tls`] describes.
///
/// # Errors
/// A file that cannot be read, or that does not hold what it should.
pub(crate) fn client(tls: &Tls) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(error.to_string()))?
        .with_root_certificates(roots(tls)?);
    let (Some(certificate), Some(key)) = (&tls.client_cert, &tls.client_key) else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, "private key", &error))?;
    let built = builder.with_client_auth_cert(certificates(certificate)?, private);
    built.map(Arc::new).map_err(|error| unusable(certificate, "certificate for that key", &error))
}

/// The authorities that are trusted: the configured one alone, or this machine's.
fn roots(tls: &Tls) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = &tls.ca_file {
        for certificate in certificates(file)? {
            roots.add(certificate).map_err(|error| unusable(file, "authority", &error))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let reason = "this machine knows no authorities; name one".into();
            return Err(Error::Config { key: "tls.ca_file".into(), reason });
        }
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unusable = |error: &dyn std::fmt::Display| unusable(file, "certificate", error);
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|error| unusable(&error))?;
    if certificates.is_empty() { Err(unusable(&"it is empty")) } else { Ok(certificates) }
}

fn unusable(file: &Path, what: &'static str, reason: &dyn std::fmt::Display) -> Error {
    Error::Certificate { file: file.into(), what, reason: reason.to_string() }
}
