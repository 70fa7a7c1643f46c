//! The table as an OpenAPI 3.1 document.

use axum::http::StatusCode;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::endpoint::{Access, Endpoint, Reach, Shape};
use crate::problem::Document;
use crate::table::endpoints;

/// The document: every end point, by the types that its handler parses and prints.
pub fn openapi() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Document>();
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let operation = operation(endpoint, &mut generator, &problem);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.as_str().to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Fieldrail",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Changes with a session cookie need the header `X-Fieldrail: 1`.",
        },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "cookie", "name": crate::guard::COOKIE },
                "token": { "type": "http", "scheme": "bearer" },
            },
        },
    })
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator, problem: &Schema) -> Value {
    let Shape { query, body, status, answer } = (endpoint.describe)(generator);
    let mut operation = json!({ "summary": endpoint.summary, "description": description(endpoint) });
    let parameters: Vec<Value> = path_parameters(endpoint.path).chain(query_parameters(&query)).collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some((schema, required)) = body {
        let content = json!({ "application/json": { "schema": schema } });
        operation["requestBody"] = json!({ "required": required, "content": content });
    }
    let mut done = json!({ "description": status.canonical_reason().unwrap_or("Done") });
    if let Some(schema) = answer {
        done["content"] = json!({ "application/json": { "schema": schema } });
    }
    operation["responses"] = json!({
        status.as_str(): done,
        "default": {
            "description": "A problem.",
            "content": { "application/problem+json": { "schema": problem } },
        },
    });
    operation["security"] =
        if endpoint.access == Access::Open { json!([]) } else { json!([{ "session": [] }, { "token": [] }]) };
    if status == StatusCode::SWITCHING_PROTOCOLS {
        operation["description"] =
            json!(format!("{} {}", description(endpoint), crate::live::description(endpoint.path)));
    }
    operation
}

fn description(endpoint: &Endpoint) -> String {
    let who = match endpoint.access.role() {
        None => return "Open to everybody.".into(),
        Some(role) => format!("Needs the role {role:?}.").to_lowercase(),
    };
    let who = who.replacen('n', "N", 1);
    match endpoint.reach {
        Reach::Addresses => format!("{who} A token that is narrowed to addresses reaches those."),
        Reach::House => format!("{who} Not for tokens that are narrowed to addresses."),
    }
}

fn path_parameters(path: &'static str) -> impl Iterator<Item = Value> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
}

fn query_parameters(query: &Schema) -> Vec<Value> {
    let required =
        |name: &str| query.get("required").and_then(Value::as_array).is_some_and(|all| all.iter().any(|n| n == name));
    let properties = query.get("properties").and_then(Value::as_object);
    let parameter = |(name, schema): (&String, &Value)| json!({ "name": name, "in": "query", "required": required(name), "schema": schema });
    properties.into_iter().flatten().map(parameter).collect()
}
