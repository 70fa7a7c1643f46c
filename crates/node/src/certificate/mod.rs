//! The certificate of the HTTPS listener: one from files that `fieldrail.json` names, one that was uploaded, or the house's own.
//!
//! Looked at each second, so that a renewed one is in force without a restart; connections that are open keep theirs.
//! Invariants: what cannot be used never replaces what is in force; a key never leaves this module but as a signer.
//!
//! Read in this order: [`pem`] what can be used, [`self_signed`] the house's own, [`kept`] which one is in force.

mod kept;
mod pem;
mod self_signed;

use std::sync::Arc;

use rustls::sign::CertifiedKey;
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) use kept::{Certificates, check};

use crate::files::FileName;
use crate::node::lock;
use crate::people::{Role, Who};
use crate::settings::Https;
use crate::views::Finding;
use crate::{Error, Etag, Node, Result};
use pem::Text;

/// Where a certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateSource {
    /// The house signed it itself.
    SelfSigned,
    /// An administrator uploaded it.
    Uploaded,
    /// `fieldrail.json` names its files.
    Files,
}

/// The certificate in force, and what is wrong with the one that should be.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct CertificateView {
    /// What `fieldrail.json` says about HTTPS; none if it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https: Option<Https>,
    /// For `If-Match` when that is changed.
    pub etag: String,
    /// Where the certificate in force comes from; none while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<CertificateSource>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The names and addresses that it is good for.
    pub names: Vec<String>,
    /// Good from then on, in milliseconds since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_ms: Option<i64>,
    /// Good until then, in milliseconds since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<i64>,
    /// SHA-256, as browsers show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Why another one is in force than the configuration asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Finding>,
}

impl Node {
    /// The certificate to be shown to a browser now. None while HTTPS is off.
    pub fn certificate_in_force(&self) -> Option<Arc<CertifiedKey>> {
        lock(&self.certificates.held).in_force.as_ref().map(|(_, usable)| Arc::clone(&usable.certified))
    }

    /// Looks whether another certificate is to be shown.
    pub(crate) fn look_at_certificate(&self) {
        let found = self.certificates.look(&self.settings(), crate::clock::wall());
        for (level, said) in found.said {
            self.logbook.write(level, None, said);
        }
        if let Some(fault) = found.fault {
            self.report(&fault);
        }
    }

    /// The certificate in force, and what is wrong with the one that should be.
    pub fn certificate(&self, who: &Who) -> Result<CertificateView> {
        who.must_be(Role::Admin)?;
        let settings = self.files.settings.snapshot();
        let held = lock(&self.certificates.held);
        let mut view = CertificateView {
            https: settings.as_ref().and_then(|file| file.value.https.clone()),
            etag: settings.map(|file| file.etag.to_string()).unwrap_or_default(),
            fault: held.fault.as_ref().map(Finding::from),
            ..CertificateView::default()
        };
        if let Some((source, usable)) = &held.in_force {
            view.source = Some(*source);
            view.subject = Some(usable.about.subject.clone());
            view.names.clone_from(&usable.about.names);
            view.from_ms = Some(usable.about.from.millis());
            view.until_ms = Some(usable.about.until.millis());
            view.fingerprint = Some(usable.about.fingerprint.clone());
        }
        Ok(view)
    }

    /// Takes another certificate with its key into force. The key is never shown again.
    pub fn put_certificate(&self, who: &Who, certificate: &str, key: &str) -> Result<CertificateView> {
        self.must_be_ours(who)?;
        let (certificate, key) = (Text { name: "certificate", text: certificate }, Text { name: "key", text: key });
        pem::usable(certificate, key, crate::clock::wall())?;
        let both = format!("{}\n{}\n", certificate.text.trim(), key.text.trim());
        self.certificates.upload(&both)?;
        self.after_change(who)
    }

    /// Makes the house's own certificate anew, and shows it instead of any that was uploaded.
    pub fn sign_certificate(&self, who: &Who) -> Result<CertificateView> {
        self.must_be_ours(who)?;
        self.certificates.sign(&self.settings())?;
        let forgotten = self.certificates.forget_upload();
        forgotten.map_err(|error| Error::Internal(format!("the uploaded certificate cannot be removed: {error}")))?;
        self.after_change(who)
    }

    fn after_change(&self, who: &Who) -> Result<CertificateView> {
        self.certificates.look_anew();
        self.look_at_certificate();
        self.certificate(who)
    }

    /// Fails unless the house keeps its certificate itself.
    fn must_be_ours(&self, who: &Who) -> Result<()> {
        who.must_be(Role::Admin)?;
        match self.settings().https {
            None => {
                Err(Error::Conflict("HTTPS is off, so there is no certificate to change; switch it on first".into()))
            }
            Some(Https { certificate: Some(path), .. }) => Err(Error::Conflict(format!(
                "fieldrail.json names the certificate {}; put the new one there, it is seen at once",
                path.display()
            ))),
            Some(_) => Ok(()),
        }
    }

    /// Switches HTTPS on or off, or changes where it listens. Counts from the next start.
    pub fn put_https(&self, who: &Who, expected: Option<&Etag>, https: Option<&Https>) -> Result<CertificateView> {
        who.must_be(Role::Admin)?;
        let edited = self.files.settings.edit(&who.name, expected, |file| {
            file.https = https.cloned();
            file.check()
        });
        edited.map_err(|error| Error::from_edit(FileName::Settings.as_str(), error))?;
        self.look_at_certificate();
        self.certificate(who)
    }
}
