//! Each preset makes of each built-in event what its receiver documents.

use std::path::Path;

use postrider_core::body::{EventContext, Payload as EventPayload, compose};
use postrider_core::catalogue;
use postrider_core::event::{Event, EventKey, Room, TenantId};
use postrider_core::shape::{CustomHeader, HeaderVisibility, Payload, Shape};
use postrider_core::{EnvironmentId, EventId, Timestamp};
use postrider_shape::{Subject, Template, preset};
use serde_json::{Value, json};
use uuid::Uuid;

fn sample_events() -> Vec<Event> {
    let environment_id = EnvironmentId::from_uuid(Uuid::from_u128(1));
    let event = |event_type: &catalogue::BuiltinEventType| Event {
        id: EventId::from_uuid(Uuid::from_u128(2)),
        environment_id,
        key: EventKey::parse(event_type.key).expect("a key"),
        tenant_id: TenantId::parse("tenant").ok(),
        user_id: None,
        application_id: None,
        occurred_at: None,
        accepted_at: Timestamp::from_micros(1_767_225_600_123_000),
        body: event_type.sample_body(environment_id),
        room: Room::uncounted(),
    };
    catalogue::builtin().iter().map(event).collect()
}

fn has_address(event: &Event) -> bool {
    let body: Value = serde_json::from_slice(&event.body).expect("a body is JSON");
    body["user"]["email"].is_string()
}

#[test]
fn every_preset_is_accepted_by_its_receivers_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receivers");
    let mut rendered = 0;
    for preset in preset::all() {
        let schema =
            std::fs::read_to_string(folder.join(format!("{}.json", preset.id))).expect("a schema for each preset");
        let schema: Value = serde_json::from_str(&schema).expect("a schema is JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema that can be used");
        let template = Template::compile(&preset.template, preset.content_type.syntax()).expect(&preset.id);
        for event in sample_events() {
            let made = match template.render(&Subject::of(&event)) {
                Ok(made) => made,
                // What a receiver has no place for is said, and not sent as something else.
                Err(error) if preset.id == "hubspot" && !has_address(&event) => {
                    assert!(error.message.contains("no user with an e-mail address"), "{error}");
                    continue;
                }
                Err(error) => panic!("{} of {}: {error}", preset.id, event.key),
            };
            let made: Value = serde_json::from_slice(&made).expect("JSON");
            let errors: Vec<_> = validator.iter_errors(&made).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{} of {}: {errors:?} in {made:#}", preset.id, event.key);
            rendered += 1;
        }
    }
    assert!(rendered > 300, "{rendered}");
}

/// What a preset makes of an event with that payload.
fn made(preset: &str, payload: &str) -> Value {
    let preset = preset::all().iter().find(|known| known.id == preset).expect("a preset");
    let environment_id = EnvironmentId::from_uuid(Uuid::from_u128(1));
    let context =
        EventContext { vendor_id: environment_id, tenant_id: Some("t_1"), user_id: None, application_id: None };
    let body = compose("frontegg.user.created", &context, &EventPayload::parse(payload).expect("a payload"));
    let event = Event { body, ..sample_events().remove(0) };
    let template = Template::compile(&preset.template, preset.content_type.syntax()).expect("a template");
    serde_json::from_slice(&template.render(&Subject::of(&event)).expect("rendered")).expect("JSON")
}

#[test]
fn what_has_no_value_is_no_member_for_hubspot() {
    let properties = |payload: &str| made("hubspot", payload)["inputs"][0]["properties"].clone();
    assert_eq!(properties(r#"{"user":{"email":"a@b.c"}}"#), json!({ "email": "a@b.c" }));
    assert_eq!(
        properties(r#"{"user":{"email":"a@b.c","name":"Ada","phoneNumber":""}}"#),
        json!({ "email": "a@b.c", "firstname": "Ada" })
    );
    assert_eq!(
        properties(r#"{"user":{"email":"a@b.c","name":"Ada of Lovelace","phoneNumber":"1"}}"#),
        json!({ "email": "a@b.c", "firstname": "Ada", "lastname": "of Lovelace", "phone": "1" })
    );
}

#[test]
fn names_are_no_markup() {
    let payload = r#"{"user":{"email":"a_b@c.d","name":"*[x](https://evil.example)* <!channel> \\"}}"#;
    let card = made("teams", payload)["attachments"][0]["content"]["body"][1]["facts"][0]["value"].clone();
    assert_eq!(card, r"\*\[x\]\(https://evil.example\)\* <!channel> \\ (a\_b@c.d)");
    let message = made("slack", payload);
    assert_eq!(message["mrkdwn"], false);
    assert_eq!(message["blocks"][0]["text"]["type"], "plain_text");
    assert!(message["text"].as_str().expect("text").contains("&lt;!channel&gt;"), "{message}");
    // What is cut off is no half of an entity.
    let long = format!(r#"{{"user":{{"name":"{}"}}}}"#, "<".repeat(300));
    let text = made("slack", &long)["text"].as_str().expect("text").to_owned();
    assert!(text.ends_with("&lt;…"), "{text}");
}

#[test]
fn presets_could_be_saved_as_they_are() {
    let mut ids: Vec<_> = preset::all().iter().map(|preset| &preset.id).collect();
    assert_eq!(ids[0], "basic");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), preset::all().len());
    for preset in preset::all() {
        let payload = Payload { template: preset.template.as_str().into(), content_type: preset.content_type.clone() };
        let shape = Shape { method: preset.method, payload: Some(payload) };
        assert_eq!(shape.check(), Ok(()), "{}", preset.id);
        for header in &preset.headers {
            let value = header.value.as_deref().unwrap_or("filled in");
            assert!(CustomHeader::new(&header.name, value, HeaderVisibility::Shown).is_ok(), "{}", preset.id);
            assert_eq!(header.value.is_none(), header.is_sensitive, "{}: a value is there, or is a secret", preset.id);
        }
        assert!(!preset.notes.is_empty() && preset.url_example.starts_with("https://"), "{}", preset.id);
    }
}
