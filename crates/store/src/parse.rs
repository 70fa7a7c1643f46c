//! From the bytes of a file to a type, or to an error that names line, column and key.

use fieldrail_model::text::did_you_mean;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::error::FileError;
use crate::key_path::{KeyPath, Step};
use crate::scan::{self, Place};

/// Reads `text` as a `T`; `file` is how the file is called in errors.
pub fn parse_str<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, FileError> {
    parse(file, text, false)
}

/// The text in `bytes`: UTF-8, without the mark that some editors put at its begin.
pub(crate) fn text_of<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, FileError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let what = format!("not UTF-8 text: byte {at} (counted from 0) belongs to no character");
        FileError::at(file, Some(Place::of(bytes, at)), "", &what, Some("save the file as UTF-8".into()))
    })
}

/// [`parse_str`]; nothing of a `secret` file's contents appears in the error. Not even keys do: one quote too many, and
/// a password stands where a key should.
pub(crate) fn parse<T: DeserializeOwned>(file: &str, text: &str, secret: bool) -> Result<T, FileError> {
    let key = |path: KeyPath| if secret { String::new() } else { path.to_string() };
    scan::check(text).map_err(|fault| {
        let place = Place::of(text.as_bytes(), fault.at);
        let what = if secret { fault.what } else { named(text, &fault.path, &fault.what) };
        FileError::at(file, Some(place), &key(fault.path), &what, fault.hint.map(Into::into))
    })?;
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let message = reason(error.inner());
        let (path, at) = place_of(text, error.path(), &message);
        let place = Some(Place::of(text.as_bytes(), at));
        let what = if secret { redacted(&message) } else { message.clone() };
        let hint = hint(&message, &what);
        let what = if secret { what } else { named(text, &path, &what) };
        FileError::at(file, place, &key(path), &what, hint)
    })
}

/// The message with the id of the entry that it is about: people know a route by its name and not by its number.
fn named(text: &str, path: &KeyPath, what: &str) -> String {
    let entries = path.0.windows(2).enumerate().rev();
    let name = entries.into_iter().find_map(|(at, pair)| match pair {
        [Step::Key(list), Step::Index(_)] => {
            let id = text_at(text, &KeyPath(path.0[..at + 2].to_vec()).then(Step::Key("id".into())))?;
            Some(format!("{} `{id:.64}`: ", list.trim_end_matches('s')))
        }
        _ => None,
    });
    name.unwrap_or_default() + what
}

/// The text that stands at this path, if there is one.
fn text_at(text: &str, path: &KeyPath) -> Option<String> {
    let found = scan::find(text, path);
    let at = found.value.filter(|_| found.steps == path.0.len())?;
    serde_json::Deserializer::from_str(text.get(at..)?).into_iter().next()?.ok()
}

/// The message without serde's own place, which is often that of the bracket after the fault.
fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let own = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&own).unwrap_or(&message).into()
}

/// The value that is meant, and where it (or its key, if the key is what is wrong) stands.
fn place_of(text: &str, reported: &Path, message: &str) -> (KeyPath, usize) {
    let steps = reported.iter().map_while(|segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { variant } => Some(Step::Key(variant.clone())),
        Segment::Unknown => None,
    });
    let mut path = KeyPath(steps.collect());
    let found = scan::find(text, &path);
    path.0.truncate(found.steps);
    let value = found.value.unwrap_or(0);
    let Some(key) = unknown(message, "field") else {
        return (path, value);
    };
    if path.0.last() == Some(&Step::Key(key.into())) {
        return (path, found.key.unwrap_or(value));
    }
    // In a tagged enum serde names the enum, not the key: look for it below.
    scan::find_only_key(text, &path, key).unwrap_or((path, value))
}

/// What serde calls unknown in `unknown field `x`, expected …`.
fn unknown<'a>(message: &'a str, what: &str) -> Option<&'a str> {
    let rest = message.strip_prefix("unknown ")?.strip_prefix(what)?.strip_prefix(" `")?;
    let end = rest.find("`, expected ").or_else(|| rest.find("`, there are no "))?;
    Some(&rest[..end])
}

/// The names that serde expected instead of an unknown one.
fn expected(message: &str) -> impl Iterator<Item = &str> {
    let list = message.rsplit_once("`, expected ").map_or("", |(_, list)| list);
    list.split('`').skip(1).step_by(2)
}

fn hint(message: &str, shown: &str) -> Option<String> {
    if let Some(wrong) = unknown(message, "field").or_else(|| unknown(message, "variant")) {
        let near = did_you_mean(wrong, expected(message));
        return near.strip_prefix("; ").map(Into::into);
    }
    let numeric = |rest: &str| rest.split('"').next().is_some_and(|text| text.parse::<f64>().is_ok());
    if shown.strip_prefix("invalid type: string \"").is_some_and(numeric) {
        return Some("write the number without quotes".into());
    }
    shown.strip_prefix("missing field ").map(|field| format!("add {field} to this object"))
}

/// A message with nothing in it but what the type knows.
fn redacted(message: &str) -> String {
    if message.starts_with("missing field ") {
        return message.into();
    }
    let known = ["unknown ", "invalid "].iter().any(|begin| message.starts_with(begin));
    let expected = message.rsplit_once(", expected ").filter(|_| known);
    expected.map_or("this is not what belongs here".into(), |(_, expected)| format!("expected {expected} here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Doc {
        #[serde(rename = "version")]
        _version: String,
        #[serde(default, rename = "items")]
        _items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        #[serde(rename = "port")]
        _port: u16,
        #[serde(default, rename = "kind")]
        _kind: Option<Kind>,
        #[serde(default, rename = "step")]
        _step: Option<Transform>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Queued,
        Latest,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
    enum Transform {
        Scale {
            #[serde(rename = "factor")]
            _factor: f64,
        },
    }

    #[track_caller]
    fn check(text: &str, want: &str, hint: Option<&str>) {
        let error = parse_str::<Doc>("t.json", text).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.hint()), (want, hint));
    }

    #[test]
    fn an_unknown_key_is_shown_where_it_stands_with_the_near_one() {
        check(
            "{\"version\": \"1.0\",\n \"items\": [\n  {\"port\": 1},\n  {\"ports\":\n    2}]}",
            "t.json:4:4: items[1].ports: unknown field `ports`, expected one of `port`, `kind`, `step`",
            Some("did you mean `port`?"),
        );
    }

    #[test]
    fn an_unknown_key_in_a_tagged_transform_is_found_too() {
        check(
            "{\"version\": \"\", \"items\": [{\"port\": 1,\n \"step\": {\"type\": \"scale\",\n  \"faktor\": 2}}]}",
            "t.json:3:3: items[0].step.faktor: unknown field `faktor`, expected `factor`",
            Some("did you mean `factor`?"),
        );
    }

    #[test]
    fn a_wrong_type_and_an_unknown_word_are_shown_at_the_value() {
        check(
            "{\"version\": \"\",\n\"items\": [{\"port\": \"8420\"}]}",
            "t.json:2:20: items[0].port: invalid type: string \"8420\", expected u16",
            Some("write the number without quotes"),
        );
        check(
            "{\"version\": \"\",\n\"items\": [{\"port\": 1, \"kind\": \"latst\"}]}",
            "t.json:2:31: items[0].kind: unknown variant `latst`, expected `queued` or `latest`",
            Some("did you mean `latest`?"),
        );
        check(
            "{\"version\": \"\", \"items\":\n {}}",
            "t.json:2:2: items: invalid type: map, expected a sequence",
            None,
        );
    }

    #[test]
    fn a_missing_key_is_shown_at_the_object_that_lacks_it() {
        check(
            "{\"version\": \"\", \"items\": [\n{}\n]}",
            "t.json:2:1: items[0]: missing field `port`",
            Some("add `port` to this object"),
        );
    }

    #[test]
    fn an_entry_with_an_id_is_called_by_it() {
        check(
            "{\"version\": \"\", \"items\": [{\"port\": 1},\n {\"prt\": 2, \"id\": \"kitchen\"}]}",
            "t.json:2:3: items[1].prt: item `kitchen`: unknown field `prt`, expected one of `port`, `kind`, `step`",
            Some("did you mean `port`?"),
        );
        let text = r#"{"routes": [{"id": "a"}, {"id": "b\u0041", "tests": [{"in": 5}]}], "id": "no"}"#;
        let path = |path: &str| KeyPath::parse(path).unwrap();
        let named = |at: &str| named(text, &path(at), "wrong");
        assert_eq!(named("routes[1].tests[0].in"), "route `bA`: wrong");
        assert_eq!(named("routes[0]"), "route `a`: wrong");
        assert_eq!(named("routes[2].to"), "wrong");
        assert_eq!(named("routes"), "wrong");
    }

    #[test]
    fn a_mark_at_the_begin_is_tolerated_and_other_encodings_are_not() {
        assert_eq!(text_of("t", b"\xef\xbb\xbf{}").unwrap(), "{}");
        let error = text_of("t", b"{\n\"a\xe4\"}").unwrap_err();
        assert_eq!(error.to_string(), "t:2:3: not UTF-8 text: byte 4 (counted from 0) belongs to no character");
    }

    #[test]
    fn an_error_about_a_secret_file_does_not_tell_the_secret() {
        for text in [
            "{\"version\": \"\", \"hunter2\": 1}",
            "{\"version\": \"\", \"items\": [{\"hunter2\" }]}",
            "{\"version\": \"\", \"items\": [{\"port\": 1, \"step\": {\"type\": \"scale\", \"hunter2\": 1}}]}",
            "{\"version\": \"\", \"items\": \"hunter2\"}",
            "{\"version\": \"\", \"items\": [{\"port\": 1, \"kind\": \"hunter2\"}]}",
        ] {
            let error = parse::<Doc>("t.json", text, true).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
            assert!(error.line().is_some());
        }
    }
}
