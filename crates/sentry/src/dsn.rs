//! Where events go, as the server shows it to people: `https://KEY@HOST[:PORT][/PREFIX]/PROJECT`.

use std::fmt;

use hyper::Uri;

/// A server, a project in it, and the key for it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Dsn {
    pub(crate) https: bool,
    /// Host name or address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// For the header `Host`.
    pub(crate) authority: String,
    /// Where envelopes are taken.
    pub(crate) path: String,
    pub(crate) key: String,
}

/// The key is a secret of the house.
impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dsn({})", self.authority)
    }
}

/// Why a text is no DSN. It never repeats the text, which has a key in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("the DSN is no URL")]
    Url,
    #[error("the DSN begins neither with https:// nor with http://")]
    Scheme,
    #[error("the DSN has no key before the `@`")]
    Key,
    #[error("the DSN does not end with the number of a project")]
    Project,
}

impl Dsn {
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let uri: Uri = text.trim().parse().map_err(|_| Wrong::Url)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Wrong::Scheme),
        };
        let authority = uri.authority().ok_or(Wrong::Url)?;
        let (user, place) = authority.as_str().rsplit_once('@').ok_or(Wrong::Key)?;
        // Old servers have a second key behind a colon, which nobody needs.
        let key = user.split(':').next().unwrap_or_default();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)) {
            return Err(Wrong::Key);
        }
        let (prefix, project) = uri.path().trim_end_matches('/').rsplit_once('/').ok_or(Wrong::Project)?;
        if project.is_empty() || !project.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            return Err(Wrong::Project);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(Wrong::Url);
        }
        Ok(Self {
            https,
            host,
            port: authority.port_u16().unwrap_or(if https { 443 } else { 80 }),
            authority: place.to_owned(),
            path: format!("{prefix}/api/{project}/envelope/"),
            key: key.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<(&str, u16, &str, &str), Wrong>) {
        let got = Dsn::parse(text);
        let got = got.as_ref().map(|dsn| (dsn.host.as_str(), dsn.port, dsn.path.as_str(), dsn.key.as_str()));
        assert_eq!(got.map_err(|error| *error), want, "{text}");
    }

    #[test]
    fn a_dsn_says_where_events_go() {
        check("https://abc@o1.ingest.sentry.io/42", Ok(("o1.ingest.sentry.io", 443, "/api/42/envelope/", "abc")));
        check("http://abc:old@[::1]:9000/sentry/7/", Ok(("::1", 9000, "/sentry/api/7/envelope/", "abc")));
        check("http://abc@192.168.1.7/1", Ok(("192.168.1.7", 80, "/api/1/envelope/", "abc")));
    }

    #[test]
    fn what_is_no_dsn_is_told_without_repeating_it() {
        check("", Err(Wrong::Url));
        check("ftp://abc@h/1", Err(Wrong::Scheme));
        check("https://h/1", Err(Wrong::Key));
        check("https://@h/1", Err(Wrong::Key));
        check("https://a%0d%0ab@h/1", Err(Wrong::Key));
        check("https://abc@h", Err(Wrong::Project));
        check("https://abc@h/../x y", Err(Wrong::Url));
        check("https://abc@h/a%2f", Err(Wrong::Project));
    }

    #[test]
    fn debug_shows_no_secret_of_a_dsn() {
        let dsn = Dsn::parse("https://abcdef@h:1/2").unwrap();
        assert_eq!(format!("{dsn:?}"), "Dsn(h:1)");
    }
}
