//! Certificates for tests: an authority of its own, and what it signs, as PEM files in a temporary folder.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;

/// A certificate authority that nobody else knows.
pub struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with a new key.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are valid names");
        // Authorities of one name would be told apart by their signatures alone.
        params.distinguished_name.push(DnType::CommonName, format!("testkit {}", crate::free_port()));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority can sign itself");
        let folder = TempDir::new().expect("there is room for a temporary folder");
        let authority = Self { folder, issuer };
        authority.keep("ca.pem", &authority.issuer.pem());
        authority
    }

    /// The authority's own certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Signs a certificate for these host names or addresses. Returns the files of certificate and key.
    pub fn sign(&self, name: &str, hosts: &[&str]) -> (PathBuf, PathBuf) {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.into()).collect();
        let params = CertificateParams::new(hosts).expect("the hosts are valid names");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority can sign");
        let (certificate_file, key_file) = (format!("{name}.pem"), format!("{name}.key"));
        self.keep(&certificate_file, &certificate.pem());
        self.keep(&key_file, &key.serialize_pem());
        (self.path(&certificate_file), self.path(&key_file))
    }

    fn path(&self, file: &str) -> PathBuf {
        Path::join(self.folder.path(), file)
    }

    fn keep(&self, file: &str, pem: &str) {
        fs::write(self.path(file), pem).expect("the temporary folder can be written");
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
