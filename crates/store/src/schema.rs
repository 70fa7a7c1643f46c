//! The JSON schema of a document, made from its type: what `fieldrail schema NAME` prints and editors complete from.

use schemars::JsonSchema;

/// The schema of `T` (draft 2020-12); the doc comments of the type are its descriptions.
pub fn schema_of<T: JsonSchema>() -> serde_json::Value {
    schemars::schema_for!(T).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_carries_the_doc_comments_and_refuses_unknown_keys() {
        let schema = schema_of::<crate::secrets::Secrets>();
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["version"]["$ref"], "#/$defs/FormatVersion");
        assert_eq!(schema["$defs"]["FormatVersion"]["const"], "1.0");
        assert!(schema["properties"]["secrets"]["description"].is_string());
    }
}
