//! The OpenAPI document is what is checked in, and what the router serves.

use crate::app::App;
use serde_json::Value;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

fn made() -> String {
    let mut text = serde_json::to_string_pretty(&postrider_api::openapi()).expect("a document");
    text.push('\n');
    text
}

/// With `POSTRIDER_BLESS=1` the file is written instead.
#[test]
fn the_checked_in_document_is_fresh() {
    if std::env::var_os("POSTRIDER_BLESS").is_some() {
        std::fs::write(PATH, made()).expect("written");
    }
    let kept = std::fs::read_to_string(PATH).expect("crates/api/openapi.json is there");
    assert!(kept == made(), "crates/api/openapi.json is stale: run this test with POSTRIDER_BLESS=1");
}

#[tokio::test]
async fn the_served_document_names_every_reference_and_every_call_answers() {
    let app = App::start().await;
    let document = app.get("/api/v1/openapi.json").expect(200).await;
    let mut stack = vec![&document];
    while let Some(value) = stack.pop() {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').expect("a reference within the document");
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                }
                stack.extend(members.values());
            }
            Value::Array(items) => stack.extend(items),
            _ => {}
        }
    }
    for (method, path) in operations(&document) {
        let path = path.replace(['{', '}'], "");
        let answer = app.call(method.clone(), &path).send().await;
        assert_ne!(answer.status, 405, "{method} {path}");
        assert_ne!(answer.json()["code"], "route_not_found", "{method} {path}");
    }
}

#[tokio::test]
async fn an_error_has_a_code_that_the_document_names() {
    let app = App::start().await;
    let document = app.get("/api/v1/openapi.json").expect(200).await;
    let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().expect("the codes");
    for (path, status) in [("/api/v1/webhooks", 401), ("/api/v1/nothing", 404)] {
        let code = app.get(path).code(status).await;
        assert!(codes.iter().any(|one| *one == code), "{code}");
    }
}

#[test]
fn every_native_call_tells_what_it_can_be_refused_for_as_a_problem() {
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let mut seen = 0;
    for (method, path) in operations(&document) {
        if !path.starts_with("/api/v1/") {
            continue;
        }
        seen += 1;
        let operation = &document["paths"][&path][method.as_str().to_lowercase()];
        let responses = operation["responses"].as_object().expect("responses");
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            let content = response["content"].as_object().expect("an error has a body");
            let kinds: Vec<_> = content.keys().map(String::as_str).collect();
            assert_eq!(kinds, ["application/problem+json"], "{method} {path}: {status}");
            let schema = &content["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{method} {path}: {status}");
        }
        let is_public = operation["security"] == serde_json::json!([{}]);
        let has_body = operation["requestBody"].is_object();
        let mut needed = vec!["400"];
        if !is_public {
            needed.extend(["401", "403"]);
        }
        if has_body {
            needed.extend(["413", "415"]);
        }
        if has_body && !is_public {
            needed.push("422");
        }
        for status in needed {
            assert!(responses.contains_key(status), "{method} {path} does not tell of {status}");
        }
    }
    assert!(seen > 60, "the document lost its paths");
    // What a call says of itself stays; the other API has other errors.
    let said = &document["paths"]["/api/v1/events"]["post"]["responses"]["413"]["description"];
    assert_eq!(said, "The body is larger than 256 KiB.");
    let content = &document["paths"]["/webhook/test"]["post"]["responses"]["400"]["content"];
    assert!(content["application/json"].is_object(), "{content}");
}

/// A template makes strings and arrays as well as objects.
#[test]
fn the_body_of_a_delivery_is_told_to_be_any_json() {
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let parts = document["components"]["schemas"]["WholeDelivery"]["allOf"].as_array().expect("two parts");
    let body = parts.iter().find_map(|part| part["properties"].get("body")).expect("a body");
    assert!(body["description"].is_string() && body.get("type").is_none(), "{body}");
}

/// Every method and path of a document.
pub(crate) fn operations(document: &Value) -> Vec<(http::Method, String)> {
    let paths = document["paths"].as_object().expect("paths");
    let mut operations = Vec::new();
    for (path, item) in paths {
        for method in item.as_object().expect("an item").keys() {
            let method = method.to_uppercase().parse().expect("a method");
            operations.push((method, path.clone()));
        }
    }
    operations
}
