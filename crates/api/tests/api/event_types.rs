//! Event types: schemas and what they do to events, samples, deprecation, who sees them, documents.

use std::time::Duration;

use http::Method;
use postrider_core::event::EventKey;
use postrider_core::event_type::{Audience, SchemaMode};
use postrider_core::limits::{CATEGORY_NAME_CHARS, IMPORT_BYTES, SUBSCRIPTIONS};
use postrider_store::{CategoryRef, NewEventType, PutCategory, PutEventType};
use postrider_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::app::{App, Environment, answers, eventually, text};

const EVENTS: &str = "/api/v1/events";
const TYPES: &str = "/api/v1/event-types";
const CATEGORIES: &str = "/api/v1/categories";
const DEFINITIONS: &str = "/event/resources/configurations/v1";
const TENANT: &str = "tenant-1";

/// Orders have a total that is a number.
fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["order"],
        "properties": {
            "eventContext": { "properties": { "userId": { "type": ["string", "null"], "pattern": "^u" } } },
            "order": { "type": "object", "required": ["total"], "properties": { "total": { "type": "number" } } }
        }
    })
}

async fn order_type(app: &App, own: &Environment, more: Value) -> Value {
    let mut form =
        json!({ "key": "order.paid", "displayName": "Order paid", "category": "Orders", "schema": schema() });
    form.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    app.post(TYPES).token(&own.token).json(&form).expect(201).await
}

fn order(total: impl Into<Value>) -> Value {
    let total = total.into();
    json!({ "eventKey": "order.paid", "tenantId": TENANT, "payload": { "order": { "total": total } } })
}

#[tokio::test]
async fn a_schema_refuses_notes_or_lets_pass_as_its_mode_says() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let created = order_type(&app, &own, json!({ "schemaMode": "reject" })).await;
    assert_eq!((&created["schemaMode"], &created["schemaVersion"]), (&json!("reject"), &json!(1)));
    let path = format!("{TYPES}/{}", text(&created["id"]));
    let post = |body: Value| app.post(EVENTS).token(&own.token).json(&body);

    post(order(12.5)).expect(202).await;
    let refused = post(order("much")).expect(422).await;
    assert_eq!(
        (&refused["code"], &refused["errors"][0]["at"]),
        (&json!("schema_mismatch"), &json!("/payload/order/total"))
    );
    assert!(!refused.to_string().contains("much"), "{refused}");
    let user = json!({ "eventKey": "order.paid", "userId": "x", "payload": {} });
    let refused = post(user).expect(422).await;
    let places: Vec<_> = refused["errors"].as_array().expect("errors").iter().map(|e| text(&e["at"])).collect();
    assert!(places.contains(&"/userId".to_owned()) && places.contains(&String::new()), "{places:?}");

    // A batch is refused whole, and says which event it was.
    let batch = json!([order(1), order("much")]);
    let refused = app.post("/api/v1/events/batch").token(&own.token).json(&batch).expect(422).await;
    assert_eq!(refused["errors"][0]["at"], "/1/payload/order/total");
    assert_eq!(app.get(EVENTS).token(&own.token).expect(200).await["items"].as_array().expect("items").len(), 1);

    // Frontegg's triggers refuse in their own shape.
    let trigger =
        json!({ "eventKey": "order.paid", "data": { "title": "t", "description": "d", "order": { "total": "x" } } });
    let v3 = app.post("/event/resources/triggers/v3").token(&own.token).tenant(TENANT);
    let refused = v3.json(&trigger).expect(400).await;
    assert_eq!(refused["statusCode"], 400);
    assert!(text(&refused["errors"][0]).starts_with("data.order.total "), "{refused}");
    let trigger = json!({ "eventKey": "order.paid", "properties": { "title": "t", "description": "d" },
        "channels": { "webhook": { "order": { "total": "x" } } } });
    let v2 = app.post("/event/resources/triggers/v2").token(&own.token).tenant(TENANT);
    let refused = v2.json(&trigger).expect(400).await;
    assert!(text(&refused["errors"][0]).starts_with("channels.webhook.order.total "), "{refused}");

    app.patch(&path).token(&own.token).json(&json!({ "schemaMode": "warn" })).expect(200).await;
    let noted = post(order("much")).expect(202).await;
    let event = app.get(&format!("{EVENTS}/{}", text(&noted["eventId"]))).token(&own.token).expect(200).await;
    assert_eq!(event["schemaMismatch"]["version"], 1);
    assert_eq!(event["schemaMismatch"]["errors"][0]["at"], "/order/total");
    assert_eq!(event["filteredCount"], 0);

    app.patch(&path).token(&own.token).json(&json!({ "schemaMode": "off" })).expect(200).await;
    let unseen = post(order("much")).expect(202).await;
    let event = app.get(&format!("{EVENTS}/{}", text(&unseen["eventId"]))).token(&own.token).expect(200).await;
    assert_eq!(event["schemaMismatch"], Value::Null);
}

#[tokio::test]
async fn triggers_tell_what_a_schema_refuses_by_the_names_of_the_request() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let schema = json!({
        "required": ["total"],
        "properties": { "total": { "type": "number" }, "a/b": { "properties": { "c~d": { "type": "number" } } } },
    });
    let form = json!({ "key": "order.paid", "displayName": "Paid", "schema": schema, "schemaMode": "reject" });
    app.post(TYPES).token(&own.token).json(&form).expect(201).await;
    let with = |more: Value| {
        let mut data = json!({ "title": "t", "description": "d" });
        data.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        data
    };
    let v3 = json!({ "eventKey": "order.paid", "data": with(json!({ "a/b": { "c~d": "x" } })) });
    let errors = trigger_refusals(&app, &own, "/event/resources/triggers/v3", &v3).await;
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert_eq!(errors[0], "data \"total\" is a required property");
    assert!(errors[1].starts_with("data.a/b.c~d "), "{errors:?}");

    let wrong = json!({ "total": "x" });
    for (properties, webhook, place) in [
        (json!({}), json!(true), "properties \""),
        (wrong.clone(), json!(true), "properties.total "),
        (json!({}), json!({}), "properties and channels.webhook \""),
        (wrong.clone(), json!({ "other": 1 }), "properties.total "),
        (json!({}), wrong.clone(), "channels.webhook.total "),
        (json!({ "total": 1 }), wrong, "channels.webhook.total "),
    ] {
        let channels = json!({ "webhook": webhook });
        let v2 = json!({ "eventKey": "order.paid", "properties": with(properties), "channels": channels });
        let errors = trigger_refusals(&app, &own, "/event/resources/triggers/v2", &v2).await;
        assert!(errors.len() == 1 && errors[0].starts_with(place), "{v2}: {errors:?}");
    }
}

/// What a trigger is refused with, in order.
async fn trigger_refusals(app: &App, own: &Environment, path: &str, body: &Value) -> Vec<String> {
    let refused = app.post(path).token(&own.token).tenant(TENANT).json(body).expect(400).await;
    let mut errors: Vec<_> = refused["errors"].as_array().expect("errors").iter().map(text).collect();
    errors.sort();
    errors
}

#[tokio::test]
async fn schemas_are_kept_by_version_and_the_present_one_counts() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let created = order_type(&app, &own, json!({ "schemaMode": "reject" })).await;
    let path = format!("{TYPES}/{}", text(&created["id"]));
    let change = |body: Value| app.patch(&path).token(&own.token).json(&body);
    assert_eq!(change(json!({ "schema": schema() })).expect(200).await["schemaVersion"], 1, "it is the same");
    let second = json!({ "required": ["invoice"] });
    assert_eq!(change(json!({ "schema": second })).expect(200).await["schemaVersion"], 2);
    let post = |payload: Value| {
        app.post(EVENTS).token(&own.token).json(&json!({ "eventKey": "order.paid", "payload": payload }))
    };
    post(json!({ "invoice": 1 })).expect(202).await;
    assert_eq!(post(json!({ "order": { "total": 1 } })).code(422).await, "schema_mismatch");
    assert_eq!(change(json!({ "schema": null })).code(422).await, "invalid_value", "a mode needs a schema");
    let none = change(json!({ "schema": null, "schemaMode": "off" })).expect(200).await;
    assert_eq!((&none["schema"], &none["schemaVersion"]), (&Value::Null, &json!(3)));
    assert_eq!(change(json!({ "schema": schema() })).expect(200).await["schemaVersion"], 4);
    let versions = app.get(&format!("{path}/schemas")).token(&own.token).expect(200).await;
    let versions: Vec<_> = versions["items"].as_array().expect("items").iter().map(|v| v["version"].clone()).collect();
    assert_eq!(versions, [4, 2, 1]);
    app.delete(&path).token(&own.token).expect(204).await;
}

#[tokio::test]
async fn schemas_and_samples_are_judged_when_they_are_saved() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let post = |more: Value| {
        let mut form = json!({ "key": "order.made", "displayName": "Order" });
        form.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        app.post(TYPES).token(&own.token).json(&form)
    };
    for (more, at) in [
        (json!({ "schema": [] }), "/schema"),
        (json!({ "schema": { "properties": { "a": { "type": "text" } } } }), "/schema/properties/a/type"),
        (json!({ "schema": { "items": { "$ref": "https://example.com/a.json" } } }), "/schema/items"),
        (json!({ "schema": { "$ref": "#" } }), "/schema"),
        (json!({ "schema": { "pattern": "(?=a)" } }), "/schema/pattern"),
        (json!({ "schemaMode": "reject" }), "/schemaMode"),
        (json!({ "schema": schema(), "sample": { "order": { "total": "x" } } }), "/sample/order/total"),
        (json!({ "schema": schema(), "sample": {} }), "/sample"),
        (json!({ "replacedBy": "" }), "/replacedBy"),
    ] {
        let refused = post(more.clone()).expect(422).await;
        assert_eq!(refused["errors"][0]["at"], at, "{more}: {refused}");
    }
    let created = post(json!({ "schema": schema(), "sample": { "order": { "total": 1 } } })).expect(201).await;
    let path = format!("{TYPES}/{}", text(&created["id"]));
    let change = |body: Value| app.patch(&path).token(&own.token).json(&body);
    // The sample that is there has to suit a new schema.
    let other = json!({ "required": ["invoice"] });
    assert_eq!(change(json!({ "schema": other })).expect(422).await["errors"][0]["at"], "/sample");
    change(json!({ "schema": other, "sample": { "invoice": 1 } })).expect(200).await;
}

#[tokio::test]
async fn deprecation_is_told_and_stops_nothing() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let created = order_type(&app, &own, json!({ "replacedBy": "order.settled" })).await;
    assert_eq!(
        (&created["deprecatedAt"], &created["replacedBy"]),
        (&json!("2026-01-31T12:00:00.000Z"), &json!("order.settled"))
    );
    let path = format!("{TYPES}/{}", text(&created["id"]));
    let change = |body: Value| app.patch(&path).token(&own.token).json(&body);
    app.post(EVENTS).token(&own.token).json(&order(1)).expect(202).await;
    let moved = change(json!({ "deprecatedAt": "2026-03-01T00:00:00Z" })).expect(200).await;
    assert_eq!(
        (&moved["deprecatedAt"], &moved["replacedBy"]),
        (&json!("2026-03-01T00:00:00.000Z"), &json!("order.settled"))
    );
    let alone = change(json!({ "replacedBy": null })).expect(200).await;
    assert_eq!((alone["deprecatedAt"].is_string(), &alone["replacedBy"]), (true, &Value::Null));
    let lifted = change(json!({ "deprecatedAt": null })).expect(200).await;
    assert_eq!((&lifted["deprecatedAt"], &lifted["replacedBy"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn what_is_not_visible_to_tenants_does_not_exist_for_them() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let user = app.user(&own, TENANT, &["*"]);
    let hidden = order_type(&app, &own, json!({ "isVisibleToTenants": false })).await;
    let (id, category) = (text(&hidden["id"]), text(&hidden["categoryId"]));

    let keys = |list: &Value| list.to_string().contains("order.paid");
    let definitions = "/event/resources/configurations/v1";
    for (path, key) in [
        (TYPES, "order.paid"),
        ("/api/v1/event-types/export", "order.paid"),
        (definitions, "order.paid"),
        ("/event/resources/configurations/v1/categories", "Orders"),
        ("/api/v1/categories", "Orders"),
    ] {
        assert!(app.get(path).token(&own.token).expect(200).await.to_string().contains(key), "{path}");
        assert!(!app.get(path).token(&user).expect(200).await.to_string().contains(key), "{path}");
    }
    app.get(&format!("{TYPES}/{id}")).token(&user).expect(404).await;

    // No webhook of a tenant can name it, whoever makes the webhook.
    let form = |keys: &[&str]| json!({ "tenantId": TENANT, "url": "https://example.com", "eventKeys": keys });
    for token in [&user, &own.token] {
        for subscription in ["order.paid", &id] {
            let refused = app.post("/api/v1/webhooks").token(token).json(&form(&[subscription])).expect(422).await;
            assert_eq!(refused["errors"][0]["at"], "/eventKeys/0");
        }
        let frontegg = app.post("/webhook/custom").token(token).tenant(TENANT);
        frontegg.json(&form(&["order.paid"])).expect(400).await;
    }
    // What covers it does not reach it.
    let webhook = app.post("/api/v1/webhooks").token(&user).json(&form(&["*", "order.*", "Orders.*", &category]));
    let webhook = webhook.expect(201).await;
    let accepted = app.post(EVENTS).token(&own.token).json(&order(1)).expect(202).await;
    assert_eq!(accepted["deliveries"], 0);
    // Nor can a filter be tried on it.
    let test = json!({ "filter": "payload.order.total == 1", "eventId": accepted["eventId"] });
    app.post("/api/v1/filters/test").token(&user).json(&test).expect(404).await;
    assert_eq!(app.post("/api/v1/filters/test").token(&own.token).json(&test).expect(200).await["matches"], true);

    app.patch(&format!("{TYPES}/{id}"))
        .token(&own.token)
        .json(&json!({ "isVisibleToTenants": true }))
        .expect(200)
        .await;
    let accepted = app.post(EVENTS).token(&own.token).json(&order(1)).expect(202).await;
    assert_eq!(accepted["deliveries"], 1);
    assert!(keys(&app.get(TYPES).token(&user).expect(200).await));
    // A subscription that was made while it could be is kept when the record is echoed, and reaches nothing.
    app.patch(&format!("{TYPES}/{id}"))
        .token(&own.token)
        .json(&json!({ "isVisibleToTenants": false }))
        .expect(200)
        .await;
    let path = format!("/webhook/{}", text(&webhook["id"]));
    let echo = json!({ "eventKeys": webhook["eventKeys"], "description": "new" });
    app.patch(&path).token(&own.token).tenant(TENANT).json(&echo).expect(200).await;
    let accepted = app.post(EVENTS).token(&own.token).json(&order(1)).expect(202).await;
    assert_eq!(accepted["deliveries"], 0);
}

#[tokio::test]
async fn no_user_of_a_tenant_triggers_what_is_for_the_vendor_alone() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let user = app.user(&own, TENANT, &["*"]);
    let hidden = order_type(&app, &own, json!({ "isVisibleToTenants": false })).await;
    let data = json!({ "title": "t", "description": "d" });
    let v3 = |key: &str| ("/event/resources/triggers/v3", json!({ "eventKey": key, "data": data }));
    let v2 = |key: &str| {
        let body = json!({ "eventKey": key, "properties": data, "channels": { "webhook": true } });
        ("/event/resources/triggers/v2", body)
    };
    let why = "eventKey: `order.paid` is not open to tenants, so no user of a tenant can trigger it";
    for is_deleted in [false, true] {
        if is_deleted {
            app.delete(&format!("{TYPES}/{}", text(&hidden["id"]))).token(&own.token).expect(204).await;
        }
        for (path, body) in [v3("order.paid"), v2("order.paid")] {
            let refused = app.post(path).token(&user).json(&body).expect(400).await;
            assert_eq!(refused, json!({ "errors": [why], "statusCode": 400 }), "{path}, deleted: {is_deleted}");
            app.post(path).token(&own.token).tenant(TENANT).json(&body).expect(202).await;
        }
    }
    for (path, body) in [v3("order.made"), v2("order.made")] {
        app.post(path).token(&user).json(&body).expect(202).await;
    }
}

#[tokio::test]
async fn what_no_webhook_could_subscribe_to_is_refused_where_it_is_made() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let post = |path: &str, body: Value| app.post(path).token(&own.token).json(&body);
    let import = |webhooks: Value| {
        post("/api/v1/event-types/import", json!({ "openapi": "3.1.0", "webhooks": webhooks })).expect(422)
    };
    for key in ["*", "order.*", "a*b", "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f"] {
        let form = json!({ "key": key, "displayName": "Key" });
        assert_eq!(post(TYPES, form.clone()).expect(422).await["errors"][0]["at"], "/key");
        let refused = post(DEFINITIONS, form).expect(400).await;
        assert!(text(&refused["errors"][0]).starts_with("key: must not "), "{refused}");
        let refused = import(json!({ key: { "post": {} } })).await;
        assert!(text(&refused["errors"][0]["detail"]).starts_with("must not "), "{refused}");
        // An event has any key.
        post(EVENTS, json!({ "eventKey": key, "payload": {} })).expect(202).await;
    }
    let (longest, too_long) = ("ü".repeat(CATEGORY_NAME_CHARS), "ü".repeat(CATEGORY_NAME_CHARS + 1));
    for name in ["", " ", "*", "a*", " a", "a ", "a\u{7}b", &too_long] {
        let form = json!({ "key": "order.made", "displayName": "Made", "category": name });
        assert_eq!(post(CATEGORIES, json!({ "name": name })).expect(422).await["errors"][0]["at"], "/name");
        assert_eq!(post(TYPES, form.clone()).expect(422).await["errors"][0]["at"], "/category");
        // There, an empty name is none.
        if !name.is_empty() {
            let refused = post(DEFINITIONS, form).expect(400).await;
            assert!(text(&refused["errors"][0]).starts_with("category: "), "{refused}");
        }
        let refused = import(json!({ "order.made": { "post": { "tags": [name] } } })).await;
        assert_eq!(refused["errors"][0]["at"], "/webhooks/order.made/post/tags/0");
    }
    post(CATEGORIES, json!({ "name": longest })).expect(201).await;
    let form = json!({ "url": "https://example.com", "eventKeys": [format!("{longest}.*")] });
    post("/api/v1/webhooks", form).expect(201).await;
}

#[tokio::test]
async fn what_an_earlier_version_let_be_made_is_read_and_changed() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let (store, id) = (app.engine.store(), own.id.parse().expect("an id"));
    let made = store.create_category(id, "Former*".to_owned()).await.expect("it is written");
    let PutCategory::Put(category) = made else { panic!("{made:?}") };
    let new = NewEventType {
        environment_id: id,
        key: EventKey::parse("former.*").expect("a key"),
        display_name: "Former".to_owned(),
        description: String::new(),
        category: CategoryRef::Id(category.id),
        schema: None,
        schema_mode: SchemaMode::Off,
        sample: None,
        audience: Audience::Everybody,
        deprecation: None,
    };
    let made = store.create_event_type(new).await.expect("it is written");
    let PutEventType::Put(event_type) = made else { panic!("{made:?}") };
    let (of_type, of_category) = (format!("{TYPES}/{}", event_type.id), format!("{CATEGORIES}/{}", category.id));
    let patch = |path: &str, body: Value| app.patch(path).token(&own.token).json(&body);
    let changed = patch(&of_type, json!({ "description": "new", "category": "Former*" })).expect(200).await;
    assert_eq!((&changed["key"], &changed["category"]), (&json!("former.*"), &json!("Former*")));
    patch(&of_category, json!({ "name": "Former*" })).expect(200).await;
    assert_eq!(patch(&of_category, json!({ "name": "Former**" })).code(422).await, "invalid_value");
    let document = app.get("/api/v1/event-types/export").token(&own.token).expect(200).await;
    let import = app.post("/api/v1/event-types/import").token(&own.token).json(&document).expect(200).await;
    assert_eq!((&import["created"], &import["updated"]), (&json!([]), &json!([])), "{import}");
    patch(&of_category, json!({ "name": "Former" })).expect(200).await;
}

#[tokio::test]
async fn what_a_webhook_subscribes_to_already_is_not_judged_again() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let hidden = format!("{TYPES}/{}", text(&order_type(&app, &own, json!({})).await["id"]));
    let other = json!({ "key": "order.gone", "displayName": "Gone" });
    let gone = text(&app.post(TYPES).token(&own.token).json(&other).expect(201).await["id"]);
    let form = json!({ "tenantId": TENANT, "url": "https://example.com", "eventKeys": ["order.paid", gone] });
    let webhook = text(&app.post("/api/v1/webhooks").token(&own.token).json(&form).expect(201).await["id"]);
    app.patch(&hidden).token(&own.token).json(&json!({ "isVisibleToTenants": false })).expect(200).await;
    app.delete(&format!("{TYPES}/{gone}")).token(&own.token).expect(204).await;

    let (native, frontegg) = (format!("/api/v1/webhooks/{webhook}"), format!("/webhook/{webhook}"));
    let by_native = |keys: Value| app.patch(&native).token(&own.token).json(&json!({ "eventKeys": keys }));
    let by_frontegg =
        |keys: Value| app.patch(&frontegg).token(&own.token).tenant(TENANT).json(&json!({ "eventKeys": keys }));
    let more = json!(["order.sent", "order.paid", gone]);
    assert_eq!(by_native(more.clone()).expect(200).await["eventKeys"], more);
    let more = json!(["order.paid", gone, "order.lost"]);
    assert_eq!(by_frontegg(more.clone()).expect(200).await["eventKeys"], more);

    // What comes to them is judged, what was taken out among it.
    let unknown = json!(["order.paid", gone, "00000000-0000-7000-8000-000000000000"]);
    assert_eq!(by_native(unknown.clone()).expect(422).await["errors"][0]["at"], "/eventKeys/2");
    by_frontegg(unknown).expect(400).await;
    let many = json!(vec!["order.paid"; SUBSCRIPTIONS + 1]);
    assert_eq!(by_native(many.clone()).expect(422).await["errors"][0]["at"], "/eventKeys");
    by_frontegg(many).expect(400).await;
    by_native(json!(["order.lost"])).expect(200).await;
    for former in [json!(["order.paid"]), json!([gone])] {
        by_native(former.clone()).expect(422).await;
        by_frontegg(former).expect(400).await;
    }
}

#[tokio::test]
async fn what_is_or_was_for_the_vendor_alone_leaks_to_no_tenant() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let user = app.user(&own, TENANT, &["*"]);
    let receiver = Receiver::start().await;
    receiver.on("/", answers(200, "{}"));
    let url = receiver.url("/");
    let form = json!({ "tenantId": TENANT, "url": url, "eventKeys": ["*"] });
    let webhook = text(&app.post("/api/v1/webhooks").token(&user).json(&form).expect(201).await["id"]);
    // Delivered while it was open.
    let event = text(&app.post(EVENTS).token(&own.token).json(&order(1)).expect(202).await["eventId"]);
    let delivery = text(&app.deliveries_attempted(&own, &event).await[0]["id"]);
    let log = app.get(&format!("/webhook/logs?id={webhook}")).token(&user).tenant(TENANT).expect(200).await;
    let log = text(&log["rows"][0]["id"]);
    let hidden =
        order_type(&app, &own, json!({ "isVisibleToTenants": false, "sample": { "order": { "total": 7 } } })).await;

    let of_key = json!({ "eventKey": "order.paid" });
    let draft = json!({ "url": url, "eventKey": "order.paid" });
    let draft_of_event = json!({ "url": url, "eventId": event });
    let path = format!("/api/v1/webhooks/{webhook}");
    let calls = [
        (Method::POST, format!("{path}/preview"), &of_key),
        (Method::POST, format!("{path}/preview"), &json!({ "eventId": event })),
        (Method::POST, "/api/v1/webhooks/preview".to_owned(), &draft),
        (Method::POST, "/api/v1/webhooks/preview".to_owned(), &draft_of_event),
        (Method::POST, format!("{path}/test"), &of_key),
        (Method::POST, "/api/v1/webhook-tests".to_owned(), &draft),
        (Method::POST, "/api/v1/filters/test".to_owned(), &json!({ "filter": "true", "eventId": event })),
        (Method::GET, format!("/event/resources/triggers/v3/{event}/statuses"), &Value::Null),
        (Method::GET, format!("/event/resources/triggers/v2/statuses/{event}"), &Value::Null),
        (Method::POST, format!("/api/v1/deliveries/{delivery}/resend"), &Value::Null),
        (Method::POST, format!("/webhook/logs/{log}/retries"), &Value::Null),
    ];
    let deleted = format!("{TYPES}/{}", text(&hidden["id"]));
    for is_deleted in [false, true] {
        if is_deleted {
            app.delete(&deleted).token(&own.token).expect(204).await;
        }
        for (method, path, body) in &calls {
            let answer = app.call(method.clone(), path).token(&user).json(body).send().await;
            let shown = String::from_utf8_lossy(&answer.body);
            assert_eq!(answer.status, 404, "{method} {path}, deleted: {is_deleted}: {shown}");
        }
        app.clock.advance(Duration::from_millis(10));
        let resend = json!({ "kind": "resend", "filter": { "webhookId": webhook } });
        let preview = app.post("/api/v1/jobs/preview").token(&user).json(&resend).expect(200).await;
        assert_eq!((&preview["deliveries"], &preview["skipped"]), (&json!(0), &json!(1)));
        let start = app.post("/api/v1/jobs").token(&user).header("idempotency-key", &format!("{is_deleted}"));
        let job = text(&start.json(&resend).expect(202).await["id"]);
        let job = eventually(async || {
            app.clock.advance(Duration::from_millis(100));
            let job = app.get(&format!("/api/v1/jobs/{job}")).token(&user).expect(200).await;
            (job["state"] == "completed").then_some(job)
        })
        .await;
        assert_eq!((&job["done"], &job["skipped"]), (&json!(0), &json!(1)));
        let accepted = app.post(EVENTS).token(&own.token).json(&order(1)).expect(202).await;
        assert_eq!(accepted["deliveries"], 0, "deleted: {is_deleted}");
    }
    // For the vendor all of it is there, and what a tenant is shown without asking for a type is no secret.
    let shown = app.post(&format!("{path}/preview")).token(&own.token).json(&json!({ "eventId": event }));
    shown.expect(200).await;
    app.post(&format!("{path}/preview")).token(&user).json(&json!({})).expect(200).await;
    // A new event type of that key decides anew.
    order_type(&app, &own, json!({ "isVisibleToTenants": true })).await;
    let accepted = app.post(EVENTS).token(&own.token).json(&order(1)).expect(202).await;
    assert_eq!(accepted["deliveries"], 1);
}

/// Event types of every sort beside the built-in ones.
async fn furnished(app: &App, own: &Environment) {
    order_type(app, own, json!({ "schemaMode": "warn", "sample": { "order": { "total": 1.50 } } })).await;
    let recursive = json!({
        "key": "tree/grown ü", "displayName": "Tree", "description": "It \"grew\".", "isVisibleToTenants": false,
        "deprecatedAt": "2026-01-01T00:00:00Z", "replacedBy": "tree.new",
        "schema": { "$defs": { "node": { "properties": { "children": { "items": { "$ref": "#/$defs/node" } } } } },
            "properties": { "tree": { "$ref": "#/$defs/node" }, "again": { "type": "object" } } },
    });
    let with_id = json!({ "key": "with.id", "displayName": "With id", "replacedBy": "order.paid",
        "schema": { "$id": "https://example.com/with-id", "$defs": { "a": { "type": "string" } },
            "properties": { "a": { "$ref": "#/$defs/a" } } } });
    let bare = json!({ "key": "tree.grown_", "displayName": "Bare" });
    for form in [recursive, with_id, bare] {
        app.post(TYPES).token(&own.token).json(&form).expect(201).await;
    }
}

/// That they are valid by their specifications' own schemas is tested in `tests/clients`, with the packages that publish those.
#[tokio::test]
async fn exports_refer_to_what_they_have_and_show_what_there_is() {
    let app = App::start().await;
    let own = app.environment("own").await;
    furnished(&app, &own).await;
    let openapi = app.get("/api/v1/event-types/export").token(&own.token).expect(200).await;
    let asyncapi = app.get("/api/v1/event-types/export?format=asyncapi").token(&own.token).expect(200).await;
    // Every reference leads somewhere.
    for document in [&openapi, &asyncapi] {
        let mut open = vec![document];
        let mut followed = 0;
        while let Some(value) = open.pop() {
            if let Some(members) = value.as_object() {
                let own_references = members.contains_key("$id");
                if let Some(Value::String(reference)) = members.get("$ref") {
                    assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
                    followed += 1;
                }
                open.extend(members.values().filter(|_| !own_references));
            }
            open.extend(value.as_array().into_iter().flatten());
        }
        assert!(followed > 54, "{followed}");
    }
    let order = openapi.pointer("/webhooks/order.paid/post").expect("the event type");
    assert_eq!(order["summary"], "Order paid");
    assert_eq!(openapi.pointer("/components/examples/order.paid/value/order/total"), Some(&json!(1.5)));
    assert_eq!(
        asyncapi.pointer("/components/messages/order.paid/examples/0/payload/eventKey"),
        Some(&json!("order.paid"))
    );
}

#[tokio::test]
async fn an_export_that_is_imported_changes_nothing_and_makes_another_environment_the_same() {
    let app = App::start().await;
    let own = app.environment("own").await;
    furnished(&app, &own).await;
    let document = app.get("/api/v1/event-types/export").token(&own.token).expect(200).await;
    let import = |token: &str, query: &str| app.post(&format!("{TYPES}/import{query}")).token(token).json(&document);
    let again = import(&own.token, "").expect(200).await;
    assert_eq!((&again["created"], &again["updated"]), (&json!([]), &json!([])), "{again}");
    assert_eq!(again["unchanged"].as_array().expect("keys").len(), 54);

    let other = app.environment("own").await;
    let dry = import(&other.token, "?dryRun=true").expect(200).await;
    assert_eq!((&dry["dryRun"], dry["created"].as_array().expect("keys").len()), (&json!(true), 4));
    assert_eq!(import(&other.token, "").expect(200).await["created"], dry["created"], "a dry run writes nothing");
    // Examples name the environment.
    let exported = app.get("/api/v1/event-types/export").token(&other.token).expect(200).await;
    assert_eq!(exported.to_string(), document.to_string().replace(&own.id, &other.id));
}

#[tokio::test]
async fn documents_of_others_are_read_and_what_they_leave_out_stays() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let import = |document: &Value| app.post("/api/v1/event-types/import").token(&own.token).json(document);
    let document = json!({
        "openapi": "3.1.0", "info": { "title": "Shop", "version": "1" }, "paths": {},
        "webhooks": {
            "order.paid": { "$ref": "#/components/pathItems/paid" },
            "order.sent": { "post": { "deprecated": true, "responses": {} } },
        },
        "components": {
            "pathItems": { "paid": { "put": { "summary": "Paid", "tags": ["Shop", "x"],
                "requestBody": { "$ref": "#/components/requestBodies/order" } } } },
            "requestBodies": { "order": { "content": { "application/json; charset=utf-8": {
                "schema": { "$ref": "#/components/schemas/Event" },
                "example": { "eventKey": "order.paid", "eventContext": {}, "order": { "lines": [{ "sku": "a" }] } } } } } },
            "schemas": {
                "Event": { "properties": { "order": { "$ref": "#/components/schemas/Order" } } },
                "Order": { "required": ["lines"], "properties": { "lines": { "items": { "$ref": "#/components/schemas/Line" } } } },
                "Line": { "properties": { "sku": { "type": "string" }, "parts": { "items": { "$ref": "#/components/schemas/Line" } } } },
            },
        },
    });
    assert_eq!(import(&document).expect(200).await["created"], json!(["order.paid", "order.sent"]));
    let types = app.get(TYPES).token(&own.token).expect(200).await;
    let find = |key: &str| types["items"].as_array().expect("items").iter().find(|t| t["key"] == key).cloned();
    let paid = find("order.paid").expect("it was made");
    assert_eq!(
        (&paid["displayName"], &paid["category"], &paid["schemaMode"]),
        (&json!("Paid"), &json!("Shop"), &json!("off"))
    );
    assert_eq!(paid["sample"], json!({ "order": { "lines": [{ "sku": "a" }] } }));
    assert_eq!(paid["schema"]["$defs"]["Line"]["properties"]["parts"]["items"]["$ref"], "#/$defs/Line");
    assert!(find("order.sent").expect("it was made")["deprecatedAt"].is_string());
    let path = format!("{TYPES}/{}", text(&paid["id"]));
    let strict = json!({ "schemaMode": "reject", "description": "Kept." });
    app.patch(&path).token(&own.token).json(&strict).expect(200).await;

    let less = json!({ "openapi": "3.1.1", "webhooks": { "order.paid": { "post": { "summary": "Settled" } } } });
    let changed = import(&less).expect(200).await;
    assert_eq!(changed["updated"], json!([{ "key": "order.paid", "changes": ["displayName"] }]));
    let paid = app.get(&path).token(&own.token).expect(200).await;
    assert_eq!((&paid["description"], &paid["schemaMode"]), (&json!("Kept."), &json!("reject")));
    let wrong = json!({ "eventKey": "order.paid", "payload": { "order": { "lines": [{ "parts": [{ "sku": 1 }] }] } } });
    let refused = app.post(EVENTS).token(&own.token).json(&wrong).expect(422).await;
    assert_eq!(refused["errors"][0]["at"], "/payload/order/lines/0/parts/0/sku");
}

#[tokio::test]
async fn a_document_that_cannot_be_imported_changes_nothing_and_says_why() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let import = |document: &Value| app.post("/api/v1/event-types/import").token(&own.token).json(document);
    let with = |operation: Value| json!({ "openapi": "3.1.0", "webhooks": { "good": { "post": {} }, "a/b": { "post": operation } } });
    let body = |schema: Value| json!({ "requestBody": { "content": { "application/json": { "schema": schema } } } });
    for (document, at) in [
        (json!({ "openapi": "3.0.3", "webhooks": {} }), "/openapi"),
        (json!({ "swagger": "2.0" }), "/openapi"),
        (json!({ "openapi": "3.1.0", "paths": {} }), "/webhooks"),
        (json!({ "openapi": "3.1.0", "webhooks": { "a": {} } }), "/webhooks/a"),
        (json!({ "openapi": "3.1.0", "webhooks": { " ": { "post": {} } } }), "/webhooks/ /post"),
        (with(json!({ "summary": 7 })), "/webhooks/a~1b/post/summary"),
        (with(json!({ "summary": "" })), "/webhooks/a~1b/post/summary"),
        (with(json!({ "x-postrider": { "schema": 1 } })), "/webhooks/a~1b/post/x-postrider/schema"),
        (with(json!({ "x-postrider": 1 })), "/webhooks/a~1b/post/x-postrider"),
        (with(json!({ "x-postrider": { "deprecatedAt": "soon" } })), "/webhooks/a~1b/post/x-postrider/deprecatedAt"),
        (with(json!({ "x-postrider": { "replacedBy": 1 } })), "/webhooks/a~1b/post/x-postrider/replacedBy"),
        (with(json!({ "deprecated": "yes" })), "/webhooks/a~1b/post/deprecated"),
        (with(json!({ "tags": [1] })), "/webhooks/a~1b/post/tags/0"),
        (with(json!({ "x-postrider": { "schemaMode": "warn" } })), "/webhooks/a~1b/post/schemaMode"),
        (
            with(body(json!({ "$ref": "https://example.com/s.json" }))),
            "/webhooks/a~1b/post/requestBody/content/application~1json/schema",
        ),
        (
            with(body(json!({ "items": { "$ref": "#/nowhere" } }))),
            "/webhooks/a~1b/post/requestBody/content/application~1json/schema",
        ),
        (with(body(json!({ "type": "text" }))), "/webhooks/a~1b/post/schema/type"),
        (with(json!({ "$ref": "#/webhooks/a~1b/post" })), "/webhooks/a~1b/post"),
    ] {
        let refused = import(&document).expect(422).await;
        assert_eq!(refused["errors"][0]["at"], at, "{document}: {refused}");
    }
    app.post("/api/v1/event-types/import").token(&own.token).raw("{").expect(400).await;
    let large = " ".repeat(IMPORT_BYTES + 1);
    app.post("/api/v1/event-types/import").token(&own.token).raw(large).expect(413).await;
    let listed = app.get(TYPES).token(&own.token).expect(200).await.to_string();
    assert!(!listed.contains("\"good\""), "all or nothing");
}

#[tokio::test]
async fn a_document_that_refers_to_one_thing_many_times_is_refused_before_it_is_copied() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let import = |document: &Value| app.post("/api/v1/event-types/import").token(&own.token).json(document);
    let document = |count: usize, schema: &Value, examples: &Value| {
        let operation = json!({ "post": { "requestBody": { "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/one" }, "examples": examples,
        } } } } });
        let webhooks: serde_json::Map<_, _> = (0..count).map(|n| (format!("a.{n}"), operation.clone())).collect();
        json!({ "openapi": "3.1.0", "webhooks": webhooks, "components": {
            "schemas": { "one": schema, "large": { "description": "x".repeat(1_000_000) } },
            "examples": { "e": { "value": { "text": "y".repeat(200_000) } } },
        } })
    };
    let large = json!({ "properties": { "a": { "$ref": "#/components/schemas/large" } } });
    let refused = import(&document(3, &large, &json!({}))).expect(422).await;
    assert!(text(&refused["errors"][0]["detail"]).contains("bytes"), "{refused}");
    let refused = import(&document(5_001, &json!({}), &json!({}))).expect(422).await;
    assert_eq!(refused["errors"][0]["at"], "/webhooks");
    let examples = json!({ "e": { "$ref": "#/components/examples/e" } });
    let refused = import(&document(200, &json!({}), &examples)).expect(422).await;
    assert!(text(&refused["detail"]).contains("import fewer"), "{refused}");
    assert_eq!(import(&document(3, &json!({}), &examples)).expect(200).await["created"], json!(["a.0", "a.1", "a.2"]));
}

#[tokio::test]
async fn since_when_or_what_instead_says_that_it_is_deprecated() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let document = json!({ "openapi": "3.1.0", "webhooks": {
        "old.one": { "post": { "x-postrider": { "deprecatedAt": "2026-01-01T00:00:00Z" } } },
        "old.two": { "post": { "x-postrider": { "replacedBy": "new.two" } } },
        "old.three": { "post": { "deprecated": false, "x-postrider": { "replacedBy": "new.two" } } },
        "new.two": { "post": {} },
    } });
    app.post("/api/v1/event-types/import").token(&own.token).json(&document).expect(200).await;
    let listed = app.get(TYPES).token(&own.token).expect(200).await;
    let of = |key: &str| {
        let items = listed["items"].as_array().expect("items");
        items.iter().find(|item| item["key"] == key).expect("it is listed").clone()
    };
    assert_eq!(of("old.one")["deprecatedAt"], "2026-01-01T00:00:00.000Z");
    assert_eq!(of("old.two")["replacedBy"], "new.two");
    assert!(of("old.two")["deprecatedAt"].is_string());
    assert!(of("old.three")["deprecatedAt"].is_null() && of("new.two")["deprecatedAt"].is_null());
}

#[tokio::test]
async fn what_cannot_be_cleared_is_not_null() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let path = format!("{TYPES}/{}", text(&order_type(&app, &own, json!({ "schemaMode": "warn" })).await["id"]));
    for member in ["schemaMode", "isVisibleToTenants", "displayName"] {
        app.patch(&path).token(&own.token).json(&json!({ member: null })).expect(400).await;
    }
    assert_eq!(app.get(&path).token(&own.token).expect(200).await["schemaMode"], "warn");
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_was_whatever_the_schema_has_become() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let path = format!("{TYPES}/{}", text(&order_type(&app, &own, json!({ "schemaMode": "warn" })).await["id"]));
    let post = |body: Value, key: &str| app.post(EVENTS).token(&own.token).header("idempotency-key", key).json(&body);
    let first = post(order("much"), "k").expect(202).await;
    app.patch(&path).token(&own.token).json(&json!({ "schemaMode": "reject" })).expect(200).await;
    assert_eq!(post(order("much"), "k").expect(202).await, first);
    assert_eq!(post(order("more"), "k").code(422).await, "idempotency_key_reused");
    assert_eq!(post(order("much"), "other").code(422).await, "schema_mismatch");
}
