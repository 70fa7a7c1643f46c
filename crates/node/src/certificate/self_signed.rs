//! A certificate that the house signs itself, for all names and addresses by which it can be reached.

use jiff::ToSpan as _;
use jiff::civil::Date;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};

/// How long one is good, in days; browsers take no longer ones.
const DAYS: i64 = 397;

/// Names in one, at the most: a box with containers has hundreds of addresses.
const MOST_NAMES: usize = 60;

/// A new key and its certificate as one text; none if the random numbers fail.
pub(super) fn make(names: &[String], today: Date) -> Option<String> {
    let key = KeyPair::generate().ok()?;
    // A name that no certificate can hold is left out; the others are good all the same.
    let names = names.iter().filter(|name| CertificateParams::new(vec![(*name).clone()]).is_ok()).take(MOST_NAMES);
    let mut params = CertificateParams::new(names.cloned().collect::<Vec<_>>()).ok()?;
    params.distinguished_name.push(DnType::CommonName, "Fieldrail, signed by itself");
    // A clock that is a little behind must not refuse it.
    let from = today.checked_sub(2.days()).ok()?;
    let until = today.checked_add(DAYS.days()).ok()?;
    let part = |part: i8| u8::try_from(part).unwrap_or(1);
    params.not_before = rcgen::date_time_ymd(from.year().into(), part(from.month()), part(from.day()));
    params.not_after = rcgen::date_time_ymd(until.year().into(), part(until.month()), part(until.day()));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key).ok()?;
    Some(certificate.pem() + &key.serialize_pem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_this_machine_go_into_a_certificate_and_odd_ones_do_not_hinder() {
        let given = ["haus.example".to_owned(), "<b>ü</b>".to_owned(), String::new()];
        let names = crate::machine::names(&given);
        for name in ["localhost", "haus.example", "127.0.0.1", "::1"] {
            assert!(names.iter().any(|known| known == name), "{names:?}");
        }
        assert!(make(&names, jiff::civil::date(2026, 11, 26)).unwrap().contains("PRIVATE KEY"));
    }
}
