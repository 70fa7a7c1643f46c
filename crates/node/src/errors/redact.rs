//! What takes secrets out: of configurations by their keys, of every text by what is known to be secret and by what looks
//! like it.

use std::sync::LazyLock;

use fieldrail_store::Shape;
use regex::Regex;
use serde_json::Value;

/// Stands for a secret.
pub(super) const MASK: &str = "[secret]";

/// Secrets that are known, at the most; of more, the longest count.
const MAX_KNOWN: usize = 5_000;

/// A secret shorter than this is only taken out where it stands as a word.
const SHORT: usize = 4;

/// Parts of the names of keys that hold secrets.
const SECRET_KEYS: [&str; 17] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "private",
    "credential",
    "authorization",
    "cookie",
    "psk",
    "dsn",
];

/// Names that are secret as a whole, but not as a part of another.
const SECRET_WORDS: [&str; 6] = ["key", "pin", "hash", "auth", "pass", "code"];

static LOOKS_SECRET: LazyLock<[(Regex, &str); 3]> = LazyLock::new(|| {
    let regex = |text| Regex::new(text).expect("the pattern is right");
    [
        (
            regex(
                r#"(?i)\b((?:proxy-)?authorization)(["']?\s*[:=]\s*["']?)(?:(?:basic|bearer|digest|token)\s+)?[^\s"',;]+"#,
            ),
            "$1$2[secret]",
        ),
        (
            regex(
                r#"(?i)([\w-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|psk))(["']?\s*[:=]\s*["']?)[^\s"',;}&)]+"#,
            ),
            "$1$2[secret]",
        ),
        (regex(r"(://)[^/\s@]+@"), "$1[secret]@"),
    ]
});

/// Whether a key by its name holds a secret.
pub(crate) fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_KEYS.iter().any(|part| key.contains(part)) || SECRET_WORDS.contains(&key.as_str())
}

/// Keys that a driver's schema marks as secret, anywhere in it.
fn marked_keys(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            let properties = map.get("properties").and_then(Value::as_object);
            let marked = |property: &Value| property.get("x-secret") == Some(&Value::Bool(true));
            found.extend(properties.into_iter().flatten().filter(|(_, p)| marked(p)).map(|(key, _)| key.clone()));
            map.values().for_each(|below| marked_keys(below, found));
        }
        Value::Array(items) => items.iter().for_each(|below| marked_keys(below, found)),
        _ => {}
    }
}

/// What is secret in a configuration, by its driver's schema and by the names of its keys. Without a schema nobody knows, so
/// every text is.
pub(crate) struct ConfigSecrets<'a> {
    marked: Option<Vec<String>>,
    /// Where `{"secret": "name"}` only says which secret it is.
    shape: Shape<'a>,
}

impl<'a> ConfigSecrets<'a> {
    pub(crate) fn new(schema: Option<&'a Value>) -> Self {
        let marked = schema.map(|schema| {
            let mut marked = Vec::new();
            marked_keys(schema, &mut marked);
            marked
        });
        Self { marked, shape: Shape::of(schema.unwrap_or(&Value::Null)) }
    }

    fn hides(&self, key: &str, value: &Value) -> bool {
        match &self.marked {
            Some(marked) => is_secret_key(key) || marked.iter().any(|name| name == key),
            None => value.is_string() || is_secret_key(key),
        }
    }

    /// Puts masks in the place of secrets.
    pub(crate) fn hide(&self, config: &mut Value) {
        self.hide_at(config, &self.shape);
    }

    fn hide_at(&self, config: &mut Value, shape: &Shape<'_>) {
        match config {
            Value::Object(map) => {
                for (key, value) in map {
                    let shape = shape.key(key);
                    let is_name = self.marked.is_some() && shape.reference(value).is_some();
                    if is_name || value.is_null() {
                        continue;
                    }
                    if self.hides(key, value) {
                        *value = MASK.into();
                    } else {
                        self.hide_at(value, &shape);
                    }
                }
            }
            Value::Array(items) => {
                let shape = shape.element();
                for item in items {
                    self.hide_at(item, &shape);
                }
            }
            _ => {}
        }
    }

    /// The texts and numbers that [`ConfigSecrets::hide`] would hide. Of a driver that is not at hand only those whose keys say
    /// so: what is not secret must not be taken out of every text.
    pub(crate) fn collect(&self, config: &Value, found: &mut Vec<String>) {
        self.collect_at(config, &self.shape, found);
    }

    fn collect_at(&self, config: &Value, shape: &Shape<'_>, found: &mut Vec<String>) {
        match config {
            Value::Object(map) => {
                for (key, value) in map {
                    let shape = shape.key(key);
                    if shape.reference(value).is_some() {
                        continue;
                    }
                    let marked = self.marked.as_ref().is_some_and(|marked| marked.iter().any(|name| name == key));
                    if marked || is_secret_key(key) {
                        leaves(value, found);
                    } else {
                        self.collect_at(value, &shape, found);
                    }
                }
            }
            Value::Array(items) => {
                let shape = shape.element();
                for item in items {
                    self.collect_at(item, &shape, found);
                }
            }
            _ => {}
        }
    }
}

fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(map) => map.values().for_each(|item| leaves(item, found)),
        _ => {}
    }
}

/// Takes what is known to be secret out of texts.
#[derive(Debug, Default, Clone)]
pub(crate) struct Scrubber {
    /// In each way they may be written, the longest first.
    known: Vec<String>,
}

impl Scrubber {
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut known: Vec<String> = secrets.into_iter().flat_map(|secret| spellings(&secret)).collect();
        known.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.dedup();
        known.truncate(MAX_KNOWN);
        Self { known }
    }

    /// The text without secrets, known ones and what looks like one.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = self.known(text.to_owned());
        for (pattern, instead) in LOOKS_SECRET.iter() {
            if pattern.is_match(&text) {
                text = pattern.replace_all(&text, *instead).into_owned();
            }
        }
        text
    }

    /// The text without known secrets.
    pub(crate) fn known(&self, mut text: String) -> String {
        for secret in &self.known {
            if text.contains(secret.as_str()) {
                text = if secret.len() < SHORT { without_word(&text, secret) } else { text.replace(secret, MASK) };
            }
            text = without_beginning(text, secret);
        }
        text
    }

    /// Takes secrets out of every text, key and number of a JSON document.
    pub(crate) fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Number(number) if self.known.contains(&number.to_string()) => *value = MASK.into(),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(map) => {
                let members = std::mem::take(map);
                map.extend(members.into_iter().map(|(key, mut member)| {
                    self.json(&mut member);
                    (self.text(&key), member)
                }));
            }
            _ => {}
        }
    }
}

/// A secret as it may stand in a text: as it is, as in JSON or `Debug`, as in a URL, as in basic authentication.
fn spellings(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    let secret = secret.trim();
    if secret.is_empty() {
        return Vec::new();
    }
    let quoted = serde_json::to_string(secret).unwrap_or_default();
    let in_url = secret.bytes().fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    });
    let mut all = vec![
        secret.to_owned(),
        quoted.trim_matches('"').to_owned(),
        format!("{secret:?}").trim_matches('"').to_owned(),
        in_url,
    ];
    if secret.len() >= SHORT {
        all.push(base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret));
    }
    // A line of a key in several lines is told alone.
    all.extend(secret.lines().map(str::trim).filter(|line| line.len() >= 16 && *line != secret).map(ToOwned::to_owned));
    all
}

/// The text without the secret where it stands alone.
fn without_word(text: &str, secret: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let (before, after) = (&rest[..at], &rest[at + secret.len()..]);
        let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let word =
            !joins(before.chars().next_back().or_else(|| done.chars().next_back())) && !joins(after.chars().next());
        done.push_str(before);
        done.push_str(if word { MASK } else { secret });
        rest = after;
    }
    done + rest
}

/// A text may have been cut within a secret: its beginning before a mark of such a cut goes too.
fn without_beginning(mut text: String, secret: &str) -> String {
    let mut from = 0;
    while let Some(at) = text[from..].find('…').map(|at| at + from) {
        let cut = secret.char_indices().map(|(end, _)| end).filter(|end| *end >= SHORT).rev();
        let found = cut.into_iter().find(|end| text[..at].ends_with(&secret[..*end]));
        let mut next = at + '…'.len_utf8();
        if let Some(length) = found {
            text.replace_range(at - length..at, MASK);
            next = next - length + MASK.len();
        }
        from = next;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(secrets: &[&str], text: &str, want: &str) {
        assert_eq!(Scrubber::new(secrets.iter().map(|secret| (*secret).to_owned())).text(text), want);
    }

    #[test]
    fn a_known_secret_goes_however_it_is_written() {
        check(&["hunter2"], "said hunter2, got 5", "said [secret], got 5");
        check(&["a\"b\\c d"], r#"config {"x":"a\"b\\c d"}"#, r#"config {"x":"[secret]"}"#);
        check(&["p&ss wörd"], "GET /?p=p%26ss%20w%C3%B6rd", "GET /?p=[secret]");
        check(&["hunter2"], "aHVudGVyMg==", "[secret]==");
        check(&["abc", "abcdef"], "abcdef abc xabc", "[secret] [secret] xabc");
        check(&["7"], "room 7 of 17", "room [secret] of 17");
        check(&[""], "nothing", "nothing");
    }

    #[test]
    fn the_beginning_of_a_secret_before_a_cut_goes_too() {
        check(&["correct horse battery"], "key correct ho… [cut]", "key [secret]… [cut]");
        check(&["correct horse battery"], "a… correct… correct", "a… [secret]… correct");
        check(&["correct"], "co…", "co…");
    }

    #[test]
    fn what_looks_like_a_secret_goes_though_nobody_knows_it() {
        check(&[], "Authorization: Bearer abc.def", "Authorization: [secret]");
        check(&[], "login failed password=geheim user=anna", "login failed password=[secret] user=anna");
        check(&[], r#"{"api_key": "xyz", "n": 1}"#, r#"{"api_key": "[secret]", "n": 1}"#);
        check(&[], "mqtt://anna:geheim@broker:1883/x", "mqtt://[secret]@broker:1883/x");
        check(&[], "the token bucket is empty", "the token bucket is empty");
    }

    #[test]
    fn a_configuration_shows_no_secret_and_keeps_its_shape() {
        let schema = json!({ "properties": { "hmac": { "x-secret": true }, "host": {} } });
        let mut config = json!({
            "host": "h", "hmac": "A", "broker_password": "B", "login": [{ "pin": 1234, "name": "n" }],
            "tls_key": { "secret": "tls" }, "key": null
        });
        let secrets = ConfigSecrets::new(Some(&schema));
        let mut known = Vec::new();
        secrets.collect(&config, &mut known);
        assert_eq!(known, ["A", "B", "1234"]);
        secrets.hide(&mut config);
        assert_eq!(
            config,
            json!({
                "host": "h", "hmac": MASK, "broker_password": MASK, "login": [{ "pin": MASK, "name": "n" }],
                "tls_key": { "secret": "tls" }, "key": null
            })
        );
    }

    #[test]
    fn a_secret_under_the_one_key_secret_is_no_reference_where_the_schema_has_that_key() {
        let schema = json!({ "properties": { "sign": { "properties": { "secret": { "type": "string" } } } } });
        let mut config = json!({ "sign": { "secret": "typed" } });
        let mut known = Vec::new();
        let secrets = ConfigSecrets::new(Some(&schema));
        secrets.collect(&config, &mut known);
        assert_eq!(known, ["typed"]);
        secrets.hide(&mut config);
        assert_eq!(config, json!({ "sign": { "secret": MASK } }));
    }

    #[test]
    fn of_a_driver_that_is_not_at_hand_every_text_is_hidden() {
        let mut config = json!({ "host": "h", "port": 5, "deep": { "x": "y" } });
        ConfigSecrets::new(None).hide(&mut config);
        assert_eq!(config, json!({ "host": MASK, "port": 5, "deep": { "x": MASK } }));
    }

    #[test]
    fn a_document_is_clean_in_texts_keys_and_numbers() {
        let mut event = json!({ "a hunter2 b": ["hunter2", 4711, 1], "x": { "y": "hunter2" } });
        Scrubber::new(["hunter2".to_owned(), "4711".to_owned()]).json(&mut event);
        assert_eq!(event, json!({ "a [secret] b": [MASK, MASK, 1], "x": { "y": MASK } }));
    }
}
