//! Rust sources, taken apart just as far as the layout tests need it: code without comments and texts, and the texts.

use std::path::{Path, PathBuf};

/// One source file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The file, relative to the workspace.
    pub path: PathBuf,
    /// The code; comments are gone, texts are empty.
    pub code: String,
    /// The contents of the texts in the code, as written.
    pub texts: Vec<String>,
}

/// All Rust files below `folder`.
///
/// # Panics
/// The folder cannot be read.
pub fn sources(root: &Path, folder: &str) -> Vec<Source> {
    parsed(root, folder, Source::parse)
}

/// The same without files that hold only tests (`tests.rs`, `tests/`), and without the modules behind `#[cfg(test)]`.
///
/// # Panics
/// The folder cannot be read.
pub fn sources_without_tests(root: &Path, folder: &str) -> Vec<Source> {
    let mut found = parsed(root, folder, Source::parse_without_tests);
    found.retain(|source| !source.path.with_extension("").components().any(|part| part.as_os_str() == "tests"));
    found
}

fn parsed(root: &Path, folder: &str, parse: fn(&str) -> Source) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for path in entries.map(|entry| entry.expect("a folder's entry").path()) {
            let foreign = path.file_name().is_some_and(|name| name == "target" || name == "node_modules");
            if path.is_dir() && !foreign {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                let path = path.strip_prefix(root).expect("below the root").to_owned();
                found.push(Source { path, ..parse(&text) });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Source {
    /// Takes a source text apart.
    pub fn parse(text: &str) -> Self {
        Self::parsed(text, |rest| rest)
    }

    /// The same without the modules behind `#[cfg(test)]`.
    pub fn parse_without_tests(text: &str) -> Self {
        Self::parsed(text, behind_test_module)
    }

    fn parsed(text: &str, behind_test: fn(&str) -> &str) -> Self {
        let mut source = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            rest = &rest[source.take(rest)..];
            if source.code.ends_with("#[cfg(test)]") {
                rest = behind_test(rest);
            }
        }
        source
    }

    /// Takes one piece: a comment, a text, or one character of code. Returns its length.
    fn take(&mut self, rest: &str) -> usize {
        let in_a_name = self.code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        match rest.as_bytes()[0] {
            b'/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            b'"' => self.text(rest, 1),
            b'b' if !in_a_name && rest.starts_with("b\"") => self.text(rest, 2),
            b'r' | b'b' if !in_a_name && raw(rest).is_some() => self.raw_text(rest),
            b'\'' => self.quote(rest),
            _ => self.keep(rest),
        }
    }

    fn keep(&mut self, rest: &str) -> usize {
        let length = rest.chars().next().map_or(0, char::len_utf8);
        self.code.push_str(&rest[..length]);
        length
    }

    /// A character, or the beginning of a lifetime's name.
    fn quote(&mut self, rest: &str) -> usize {
        let mut inside = rest[1..].chars();
        let length = match (inside.next(), inside.next()) {
            (Some('\\'), Some(escaped)) => {
                let behind = 2 + escaped.len_utf8();
                rest[behind..].find('\'').map_or(rest.len(), |end| behind + end + 1)
            }
            (Some(c), Some('\'')) => c.len_utf8() + 2,
            _ => return self.keep(rest),
        };
        self.code.push_str("' '");
        length
    }

    fn text(&mut self, rest: &str, begin: usize) -> usize {
        let bytes = rest.as_bytes();
        let mut at = begin;
        while at < bytes.len() && bytes[at] != b'"' {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        let end = at.min(rest.len());
        self.push_text(&rest[begin..end]);
        (end + 1).min(rest.len())
    }

    fn raw_text(&mut self, rest: &str) -> usize {
        let (begin, close) = raw(rest).unwrap_or((0, String::new()));
        let end = rest[begin..].find(&close).map_or(rest.len(), |end| begin + end);
        self.push_text(&rest[begin..end]);
        (end + close.len()).min(rest.len())
    }

    fn push_text(&mut self, text: &str) {
        self.texts.push(text.into());
        self.code.push_str("\"\"");
    }
}

/// Where a raw text's contents begin, and what closes it; none if `rest` begins none.
fn raw(rest: &str) -> Option<(usize, String)> {
    let behind = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let text = behind.trim_start_matches('#');
    let hashes = behind.len() - text.len();
    text.starts_with('"').then(|| (rest.len() - text.len() + 1, format!("\"{}", "#".repeat(hashes))))
}

/// What follows the module behind `#[cfg(test)]`. A declaration without a body stays.
fn behind_test_module(rest: &str) -> &str {
    let head = rest.find(['{', ';']).unwrap_or(rest.len());
    if !rest[..head].trim_start().starts_with("mod ") || !rest[head..].starts_with('{') {
        return rest;
    }
    let (mut inside, mut at, mut depth) = (Source::default(), head, 0);
    while at < rest.len() {
        let before = inside.code.len();
        at += inside.take(&rest[at..]);
        depth += inside.code[before..].matches('{').count();
        depth -= inside.code[before..].matches('}').count();
        if depth == 0 {
            break;
        }
    }
    &rest[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, code: &str, texts: &[&str]) {
        let source = Source::parse_without_tests(text);
        assert_eq!(
            (source.code.as_str(), source.texts.iter().map(String::as_str).collect::<Vec<_>>()),
            (code, texts.to_vec())
        );
    }

    #[test]
    fn comments_texts_and_test_modules_are_no_code() {
        check("a // \"x\"\nb /* c */ d", "a \nb  d", &[]);
        check(r#"f("x\"y", 'a', '\'', '"', b"z")"#, r#"f("", ' ', ' ', ' ', "")"#, &[r#"x\"y"#, "z"]);
        check("let r = r#\"a\"b\"#; fn g<'a>(x: &'a str) {}", "let r = \"\"; fn g<'a>(x: &'a str) {}", &["a\"b"]);
        check("a\n#[cfg(test)]\nmod tests { fn f() { \"}\"; } }\nb", "a\n#[cfg(test)]\nb", &[]);
        check("#[cfg(test)]\nmod tests;\nb", "#[cfg(test)]\nmod tests;\nb", &[]);
    }
}
