//! The leaves of a JSON document, each with its pointer (RFC 6901). Bounded in count and depth.

use serde_json::Value;

/// The most leaves of one document; the rest is left out.
pub(crate) const MOST_LEAVES: usize = 1000;

/// Deeper than this a branch is a leaf of its own.
const DEEPEST: usize = 16;

/// Calls `leaf` with the pointer and value of each leaf, in the order of the document. True if that was all of them.
pub(crate) fn leaves(document: &Value, mut leaf: impl FnMut(&str, &Value)) -> bool {
    let mut left = MOST_LEAVES;
    walk(document, &mut String::new(), 0, &mut left, &mut leaf)
}

fn walk(
    value: &Value,
    pointer: &mut String,
    depth: usize,
    left: &mut usize,
    leaf: &mut impl FnMut(&str, &Value),
) -> bool {
    let stem = pointer.len();
    let mut all = true;
    match value {
        Value::Object(object) if depth < DEEPEST && !object.is_empty() => {
            for (key, value) in object {
                pointer.push('/');
                for letter in key.chars() {
                    match letter {
                        '~' => pointer.push_str("~0"),
                        '/' => pointer.push_str("~1"),
                        other => pointer.push(other),
                    }
                }
                all &= walk(value, pointer, depth + 1, left, leaf);
                pointer.truncate(stem);
            }
        }
        Value::Array(array) if depth < DEEPEST && !array.is_empty() => {
            for (index, value) in array.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&index.to_string());
                all &= walk(value, pointer, depth + 1, left, leaf);
                pointer.truncate(stem);
            }
        }
        _ if *left == 0 => return false,
        _ => {
            *left -= 1;
            // The root itself is the topic's own value, no leaf of it.
            if depth > 0 {
                leaf(pointer, value);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn pointers(document: &Value) -> Vec<String> {
        let mut found = Vec::new();
        leaves(document, |pointer, _| found.push(pointer.to_owned()));
        found
    }

    #[test]
    fn every_leaf_has_the_pointer_that_finds_it() {
        let document = json!({"a": {"b": 1, "c/d": [true, null]}, "m~n": "x", "empty": {}});
        assert_eq!(pointers(&document), ["/a/b", "/a/c~1d/0", "/a/c~1d/1", "/m~0n", "/empty"]);
        leaves(&document, |pointer, value| assert_eq!(document.pointer(pointer), Some(value)));
        assert!(pointers(&json!(5)).is_empty());
    }

    #[test]
    fn wide_and_deep_documents_are_bounded() {
        let wide: Value = (0..5000).collect();
        assert_eq!(pointers(&wide).len(), MOST_LEAVES);
        assert!(!leaves(&wide, |_, _| {}));
        let deep = (0..100).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert_eq!(pointers(&deep), ["/a".repeat(DEEPEST)]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}\",:0-9a-z]{0,60}") {
            if let Ok(document) = serde_json::from_str::<Value>(&text) {
                leaves(&document, |pointer, value| assert_eq!(document.pointer(pointer), Some(value)));
            }
        }
    }
}
