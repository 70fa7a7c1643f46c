//! Which certificate is in force: looked for, read once it rests, made anew before its end.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use fieldrail_model::{Level, Timestamp};
use fieldrail_store::{FileError, atomic};

use super::pem::{self, Text, Usable};
use super::{CertificateSource, self_signed};
use crate::node::lock;
use crate::settings::{Https, Settings};

/// The largest file of a certificate or key, in bytes.
const MOST_BYTES: u64 = 256 * 1024;

/// The house's own is made anew so long before its end; of another one the log speaks half as long before.
const RENEW_DAYS: i64 = 30;
const DAY_US: i64 = 24 * 3600 * 1_000_000;

/// Certificate and key in one file each, so that no crash parts the two.
const UPLOADED: &str = "uploaded.pem";
const SELF_SIGNED: &str = "self_signed.pem";

/// The certificates of a house.
pub(crate) struct Certificates {
    folder: PathBuf,
    config: PathBuf,
    pub(super) held: Mutex<Held>,
}

#[derive(Default)]
pub(super) struct Held {
    pub(super) in_force: Option<(CertificateSource, Usable)>,
    pub(super) fault: Option<FileError>,
    /// The files that were read last, and those that were seen and may not be written to their end yet.
    read: Option<Stamp>,
    seen: Option<Stamp>,
    warned: bool,
}

/// Which files, in which state.
type Stamp = Vec<(PathBuf, u64, u64, i64, i64)>;

/// What is to be read.
struct Choice {
    source: CertificateSource,
    certificate: PathBuf,
    key: PathBuf,
}

/// What a look has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Something for the log, and how grave it is.
    pub(super) said: Vec<(Level, String)>,
    pub(super) fault: Option<FileError>,
}

impl Certificates {
    pub(crate) fn new(state: &Path, config: &Path) -> Self {
        Self { folder: state.join("https"), config: config.to_path_buf(), held: Mutex::default() }
    }

    /// Why another certificate is in force than the configuration asks for.
    pub(crate) fn fault(&self) -> Option<FileError> {
        lock(&self.held).fault.clone()
    }

    fn choice(&self, https: &Https) -> Choice {
        let below = |path: &Path| self.config.join(path);
        match (&https.certificate, &https.key) {
            (Some(certificate), key) => {
                let key = key.as_ref().unwrap_or(certificate);
                Choice { source: CertificateSource::Files, certificate: below(certificate), key: below(key) }
            }
            _ if self.folder.join(UPLOADED).exists() => self.inside(CertificateSource::Uploaded, UPLOADED),
            _ => self.inside(CertificateSource::SelfSigned, SELF_SIGNED),
        }
    }

    fn inside(&self, source: CertificateSource, name: &str) -> Choice {
        let path = self.folder.join(name);
        Choice { source, certificate: path.clone(), key: path }
    }

    /// Takes into force what the configuration asks for, if it changed and can be used.
    pub(super) fn look(&self, settings: &Settings, now: Timestamp) -> Found {
        let mut found = Found::default();
        let Some(https) = &settings.https else { return found };
        let mut held = lock(&self.held);
        let choice = self.choice(https);
        let stamp = stamp(&choice);
        let renew = choice.source == CertificateSource::SelfSigned
            && held.in_force.as_ref().is_none_or(|(_, used)| left(used, now) < RENEW_DAYS * DAY_US);
        let is_new = held.read.as_ref() != Some(&stamp);
        // Files that are being replaced are left alone until they rest, but for the first look.
        let rests = held.seen.replace(stamp.clone()).is_none_or(|seen| seen == stamp);
        if (is_new && rests) || renew {
            held.read = Some(stamp);
            match self.read(&choice, settings, now) {
                Ok(usable) => take(&mut held, choice.source, usable, &mut found),
                Err(fault) => {
                    if held.in_force.is_none() {
                        // Encrypted all the same, so that an administrator gets in to put it right.
                        let own = self.inside(CertificateSource::SelfSigned, SELF_SIGNED);
                        if let Ok(usable) = self.read(&own, settings, now) {
                            take(&mut held, CertificateSource::SelfSigned, usable, &mut found);
                        }
                    }
                    let told = held.fault.as_ref().is_some_and(|known| known.to_string() == fault.to_string());
                    found.fault = Some(fault.clone()).filter(|_| !told);
                    held.fault = Some(fault);
                }
            }
            // What was made just now is not new at the next look.
            let stamp = self::stamp(&choice);
            (held.read, held.seen) = (Some(stamp.clone()), Some(stamp));
        }
        warn(&mut held, now, &mut found);
        found
    }

    fn read(&self, choice: &Choice, settings: &Settings, now: Timestamp) -> std::result::Result<Usable, FileError> {
        if choice.source == CertificateSource::SelfSigned {
            if let Ok(usable) = read_pair(choice, now)
                && left(&usable, now) >= RENEW_DAYS * DAY_US
            {
                return Ok(usable);
            }
            self.sign(settings)?;
        }
        read_pair(choice, now)
    }

    /// Makes the house's own certificate anew.
    pub(super) fn sign(&self, settings: &Settings) -> std::result::Result<(), FileError> {
        let path = self.folder.join(SELF_SIGNED);
        let names = crate::machine::names(&settings.hosts);
        let text = self_signed::make(&names, crate::clock::today())
            .ok_or_else(|| FileError::at(&path.display().to_string(), None, "", "no certificate can be made", None))?;
        self.keep(SELF_SIGNED, &text)
    }

    /// Keeps what was uploaded.
    pub(super) fn upload(&self, text: &str) -> std::result::Result<(), FileError> {
        self.keep(UPLOADED, text)
    }

    /// Forgets what was uploaded, if anything was.
    pub(super) fn forget_upload(&self) -> std::io::Result<()> {
        match fs::remove_file(self.folder.join(UPLOADED)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads at the next look, whatever was seen before.
    pub(super) fn look_anew(&self) {
        let mut held = lock(&self.held);
        (held.read, held.seen) = (None, None);
    }

    fn keep(&self, name: &str, text: &str) -> std::result::Result<(), FileError> {
        // If it cannot be made, writing says why.
        let _ = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        atomic::write(&self.folder.join(name), text.as_bytes(), atomic::Access::Private)
    }
}

fn take(held: &mut Held, source: CertificateSource, usable: Usable, found: &mut Found) {
    let known = held.in_force.as_ref().is_some_and(|(_, used)| used.about.fingerprint == usable.about.fingerprint);
    if !known {
        let (until, names) = (crate::clock::date(usable.about.until), usable.about.names.join(", "));
        let said = format!("HTTPS shows a certificate for {names}, good until {until}, from now on.");
        found.said.push((Level::Info, said));
    }
    held.in_force = Some((source, usable));
    held.fault = None;
    held.warned = false;
}

/// Says once that a certificate ends soon that nobody here renews.
fn warn(held: &mut Held, now: Timestamp, found: &mut Found) {
    let Some((source, usable)) = &held.in_force else { return };
    if *source != CertificateSource::SelfSigned && !held.warned && left(usable, now) < RENEW_DAYS / 2 * DAY_US {
        held.warned = true;
        let until = crate::clock::date(usable.about.until);
        found.said.push((Level::Warn, format!("The certificate for HTTPS ends on {until}; renew it.")));
    }
}

/// Microseconds until its end.
fn left(usable: &Usable, now: Timestamp) -> i64 {
    usable.about.until.0.saturating_sub(now.0)
}

fn stamp(choice: &Choice) -> Stamp {
    let one = |path: &PathBuf| {
        let file = fs::metadata(path).ok();
        file.map_or((path.clone(), 0, 0, 0, 0), |file| {
            (path.clone(), file.ino(), file.len(), file.mtime(), file.mtime_nsec())
        })
    };
    vec![one(&choice.certificate), one(&choice.key)]
}

fn read_pair(choice: &Choice, now: Timestamp) -> std::result::Result<Usable, FileError> {
    let read = |path: &Path| -> std::result::Result<String, FileError> {
        let bytes = atomic::read(path, MOST_BYTES)?;
        String::from_utf8(bytes).map_err(|_| {
            let hint = "a .der or .p12 file is converted with openssl";
            FileError::at(&path.display().to_string(), None, "", "this is no PEM file", Some(hint.into()))
        })
    };
    let (certificate, key) = (read(&choice.certificate)?, read(&choice.key)?);
    if fs::metadata(&choice.key).is_ok_and(|file| file.mode() & 0o007 != 0) {
        let what = "this key is open to everybody on this machine";
        let hint = Some(format!("chmod 640 {}", choice.key.display()));
        return Err(FileError::at(&choice.key.display().to_string(), None, "", what, hint));
    }
    let names = [&choice.certificate, &choice.key].map(|path| path.display().to_string());
    pem::usable(Text { name: &names[0], text: &certificate }, Text { name: &names[1], text: &key }, now)
}

/// What is wrong with the certificate that a configuration asks for; nothing if the house has its own.
pub(crate) fn check(config: &Path, https: &Https) -> Option<FileError> {
    let certificate = config.join(https.certificate.as_ref()?);
    let key = https.key.as_ref().map_or_else(|| certificate.clone(), |key| config.join(key));
    read_pair(&Choice { source: CertificateSource::Files, certificate, key }, crate::clock::wall()).err()
}

#[cfg(test)]
mod tests {
    use fieldrail_store::FormatVersion;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn settings(https: Https) -> Settings {
        Settings { version: FormatVersion, https: Some(https), ..Settings::default() }
    }

    fn own() -> Https {
        Https { listen: ([127, 0, 0, 1], 0).into(), certificate: None, key: None, redirect: false }
    }

    fn shown(certificates: &Certificates) -> String {
        lock(&certificates.held).in_force.as_ref().unwrap().1.about.fingerprint.clone()
    }

    #[test]
    fn the_houses_own_is_made_once_for_its_owner_alone_and_renewed_before_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let now = crate::clock::wall();
        let open = || Certificates::new(folder.path(), folder.path());
        let certificates = open();
        assert_eq!(certificates.look(&settings(own()), now).said.len(), 1);
        let first = shown(&certificates);
        let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().mode() & 0o777;
        assert_eq!((mode("https"), mode("https/self_signed.pem")), (0o700, 0o600));
        let again = open();
        assert!(again.look(&settings(own()), now).fault.is_none());
        assert_eq!(shown(&again), first);
        again.look(&settings(own()), Timestamp(now.0 + 360 * DAY_US));
        assert_eq!(shown(&again), first, "37 days are left");
        again.look(&settings(own()), Timestamp(now.0 + 368 * DAY_US));
        assert_ne!(shown(&again), first, "29 days were left");
    }

    #[test]
    fn a_certificate_in_a_file_is_followed_and_what_cannot_be_used_leaves_the_old_one_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let today = crate::clock::today();
        let make = || self_signed::make(&["haus.example".into()], today).unwrap();
        let put = |text: &str, mode: u32| {
            fs::write(path("new.pem"), text).unwrap();
            fs::set_permissions(path("new.pem"), fs::Permissions::from_mode(mode)).unwrap();
            fs::rename(path("new.pem"), path("house.pem")).unwrap();
        };
        put(&make(), 0o600);
        let certificates = Certificates::new(&path("state"), folder.path());
        let settings = settings(Https { certificate: Some("house.pem".into()), ..own() });
        let now = crate::clock::wall();
        // Twice: what changes is read once it rests.
        let look = || {
            let found = certificates.look(&settings, now).fault;
            found.or(certificates.look(&settings, now).fault)
        };
        assert!(look().is_none());
        let first = shown(&certificates);
        for (bad, mode, words) in [
            ("garbage", 0o600, "no certificate"),
            (make().replace("-----END CERTIFICATE-----", "").as_str(), 0o600, "no end"),
            (make().as_str(), 0o644, "open to everybody"),
        ] {
            put(bad, mode);
            let fault = look().unwrap();
            assert!(fault.what.contains(words) && fault.hint().is_some(), "{fault}");
            assert!(certificates.fault().is_some());
            assert_eq!(shown(&certificates), first);
            assert!(look().is_none(), "told once");
        }
        put(&make(), 0o640);
        assert!(look().is_none());
        assert_ne!(shown(&certificates), first);
        assert!(certificates.fault().is_none());
        fs::remove_file(path("house.pem")).unwrap();
        assert!(look().unwrap().io_kind().is_some());
    }

    #[test]
    fn with_a_broken_file_at_the_start_the_house_shows_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::new(folder.path(), folder.path());
        let settings = settings(Https { certificate: Some("nothing.pem".into()), ..own() });
        assert!(certificates.look(&settings, crate::clock::wall()).fault.is_some());
        let held = lock(&certificates.held);
        assert_eq!(held.in_force.as_ref().unwrap().0, CertificateSource::SelfSigned);
    }
}
