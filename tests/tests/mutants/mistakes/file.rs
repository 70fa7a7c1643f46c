//! `routing.json` that is no JSON any more, as editors leave it behind.

use fieldrail_tests::Random;
use serde_json::Value;

use super::Mistake;
use crate::home::Home;

/// What stands in the file, and what an editor leaves behind. An empty text stands for the end of the file.
const SLIPS: [(&str, &str); 14] = [
    (",\n", "\n"),
    ("}", ",}"),
    ("]", ""),
    ("}", ""),
    ("{", ""),
    (":", ""),
    (":", "="),
    ("\"", ""),
    ("\"", "'"),
    ("\"", "”"),
    ("\",", "\";"),
    ("true", "True"),
    (",\n", ", // here\n"),
    ("", "}"),
];

/// Ways of [`broken`].
pub(super) const WAYS: usize = SLIPS.len() + 3;

/// A file that is no JSON.
pub(super) fn broken(way: usize, home: &mut Home, random: &mut Random) -> Option<Mistake> {
    let text = home.routing_text();
    let (right, wrong) = match way.checked_sub(SLIPS.len()) {
        None => SLIPS[way],
        // Cut off, a key twice, a quote within a text.
        Some(0) => {
            let cut = random.between(1, text.len() / 2);
            let end = (0..=text.len() - cut).rev().find(|at| text.is_char_boundary(*at))?;
            let broken = text[..end].to_owned();
            return Some(Mistake {
                text: Some(broken),
                ..Mistake::new([], format!("cut off {cut} bytes before its end"))
            });
        }
        Some(1) => ("\"id\":", "\"id\": \"twice\", \"id\":"),
        Some(_) => ("'", "\""),
    };
    let places: Vec<usize> = text.match_indices(right).map(|(at, _)| at).collect();
    let at = if right.is_empty() { text.len() } else { *places.get(random.below(places.len()))? };
    let broken = format!("{}{wrong}{}", &text[..at], &text[at + right.len()..]);
    // Within a text it may be another mistake; a key that comes twice is none for every reader.
    if serde_json::from_str::<Value>(&broken).is_ok() && !right.starts_with("\"id") {
        return None;
    }
    let what = format!("`{}` became `{}` at byte {at}", right.escape_debug(), wrong.escape_debug());
    Some(Mistake { text: Some(broken), ..Mistake::new([], what) })
}
