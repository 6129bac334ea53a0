//! The OpenAPI document is what is checked in, and what the router serves.

use postrider_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::app::{App, answers};

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

#[test]
fn words_of_the_domain_are_enumerations() {
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let schemas = &document["components"]["schemas"];
    for (schema, word) in [
        ("DeliveryOrigin", "replay"),
        ("DeliveryState", "discarded"),
        ("DeliveryReason", "template_error"),
        ("DeliveryReason", "webhook_gone"),
        ("WaitingFor", "turn"),
        ("WaitingFor", "no_route"),
        ("FailureKind", "name_not_found"),
        ("ExchangeFailure", "tls"),
        ("ExchangeFailure", "shutting_down"),
        ("BodyEnd", "timed_out"),
        ("JobState", "cancelled"),
        ("JobPauseReason", "by_user"),
        ("DisabledReason", "failures_in_a_row"),
        ("AuthenticationName", "oauth2"),
        ("WebhookVisibility", "byPermissions"),
        ("StatisticsResolution", "minute"),
    ] {
        let words = schemas[schema]["enum"].as_array().expect(schema);
        assert!(words.iter().any(|known| known == word), "{schema} lacks {word}");
    }
    let of = |schema: &str, member: &str| {
        let property = &schemas[schema]["properties"][member];
        let reference = if property["oneOf"].is_array() { &property["oneOf"][0]["$ref"] } else { &property["$ref"] };
        reference.as_str().and_then(|text| text.rsplit('/').next()).map(str::to_owned)
    };
    for (schema, member, words) in [
        ("Delivery", "origin", "DeliveryOrigin"),
        ("Delivery", "state", "DeliveryState"),
        ("Delivery", "reason", "DeliveryReason"),
        ("Delivery", "waitingFor", "WaitingFor"),
        ("LastAttempt", "failure", "FailureKind"),
        ("ExchangeResult", "failure", "ExchangeFailure"),
        ("Job", "state", "JobState"),
        ("Webhook", "disabledReason", "DisabledReason"),
        ("PortalSettings", "webhooks", "WebhookVisibility"),
        ("Series", "resolution", "StatisticsResolution"),
    ] {
        assert_eq!(of(schema, member).as_deref(), Some(words), "{schema}: {member}");
    }
}

#[test]
fn pages_refer_to_what_they_list() {
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let mut seen = 0;
    for (name, page) in schemas {
        let Some(row) = name.strip_prefix("SearchPage_").or_else(|| name.strip_prefix("Page_")) else { continue };
        seen += 1;
        let reference = &page["properties"]["items"]["items"]["$ref"];
        assert_eq!(*reference, format!("#/components/schemas/{row}"), "{name}");
        assert!(schemas.contains_key(row), "{name}");
    }
    assert!(seen > 10, "the document lost its pages");
}

#[test]
fn parameters_tell_what_they_can_be() {
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let parameter = |path: &str, name: &str| {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().expect("parameters");
        parameters.iter().find(|parameter| parameter["name"] == name).expect(name)["schema"].clone()
    };
    for path in ["deliveries", "events", "webhooks", "jobs", "portal-sessions"] {
        let limit = parameter(&format!("/api/v1/{path}"), "limit");
        assert_eq!((&limit["minimum"], &limit["maximum"]), (&json!(1), &json!(250)), "{path}");
    }
    for name in ["eventId", "webhookId", "jobId"] {
        assert_eq!(parameter("/api/v1/deliveries", name)["format"], "uuid", "{name}");
    }
    for name in ["from", "to"] {
        for path in ["/api/v1/deliveries", "/api/v1/events", "/api/v1/statistics"] {
            assert_eq!(parameter(path, name)["format"], "date-time", "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn answers_have_all_that_the_document_requires() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(200, "{}"));
    let webhook = app.webhook(&own, Some("tenant-1"), &receiver.url("/hook")).await;
    let event = app.event(&own, Some("tenant-1")).await;
    let delivery = app.deliveries_attempted(&own, &event).await.remove(0);
    let types = app.get("/api/v1/event-types").token(&own.token).expect(200).await;
    let ids = [
        ("{environmentId}", &*own.id),
        ("{webhookId}", webhook["id"].as_str().expect("an id")),
        ("{eventId}", &*event),
        ("{deliveryId}", delivery["id"].as_str().expect("an id")),
        ("{eventTypeId}", types["items"][0]["id"].as_str().expect("an id")),
    ];
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let mut seen = 0;
    for (method, route) in operations(&document) {
        if method != http::Method::GET || !route.starts_with("/api/v1/") {
            continue;
        }
        let path = ids.iter().fold(route.clone(), |path, (name, id)| path.replace(name, id));
        let answer = app.get(&path).token(&own.token).send().await;
        if answer.status != 200 || answer.header("content-type") != Some("application/json") {
            continue;
        }
        seen += 1;
        let content = &document["paths"][&route]["get"]["responses"]["200"]["content"]["application/json"];
        let mut lacks = Vec::new();
        lacking(&document, &content["schema"], &answer.json(), "", &mut lacks);
        assert!(lacks.is_empty(), "{path} lacks {lacks:?}");
    }
    assert!(seen > 15, "{seen} were read");
    let required = |schema: &str, member: &str| {
        let required = document["components"]["schemas"][schema]["required"].as_array().expect("required members");
        required.iter().any(|name| name == member)
    };
    for (schema, member) in [("Delivery", "reason"), ("Webhook", "tenantId"), ("Page_Webhook", "nextCursor")] {
        assert!(required(schema, member), "{schema}: {member}");
    }
    // What is left out where there is nothing is not, and what can be left out of a request is not either.
    for (schema, member) in [("Delivery", "eventKey"), ("Webhook", "secret"), ("NewWebhook", "filter")] {
        assert!(!required(schema, member), "{schema}: {member}");
    }
}

/// What an answer lacks of the members that its schema requires.
fn lacking(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').expect("a reference within the document");
        let schema = document.pointer(pointer).expect("a schema");
        return lacking(document, schema, value, at, found);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        lacking(document, part, value, at, found);
    }
    // One or nothing; what is one of several is told apart by its own members.
    if let Some([one, nothing]) = schema["oneOf"].as_array().map(Vec::as_slice)
        && nothing["type"] == "null"
        && !value.is_null()
    {
        lacking(document, one, value, at, found);
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            found.push(format!("{at}/{name}"));
        }
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            lacking(document, schema, value, &format!("{at}/{name}"), found);
        }
    }
    for (place, value) in value.as_array().into_iter().flatten().enumerate() {
        lacking(document, &schema["items"], value, &format!("{at}/{place}"), found);
    }
}

#[test]
fn the_other_api_tells_its_errors_and_any_json() {
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    for path in ["/auth/vendor", "/vendors/auth/token"] {
        assert!(document["paths"][path]["post"]["responses"]["400"].is_object(), "{path}");
    }
    let body = &document["components"]["schemas"]["FronteggTestResult"]["properties"]["body"];
    assert!(body["description"].is_string() && body.get("type").is_none(), "{body}");
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
