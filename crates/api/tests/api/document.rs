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
