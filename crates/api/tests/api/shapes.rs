//! Custom payloads, headers and authentication: what is saved, shown, previewed and sent.

use postrider_testkit::certificates::client_certificate;
use postrider_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::app::{App, Environment, answers, eventually, text};

const WEBHOOKS: &str = "/api/v1/webhooks";
const KEY: &str = "frontegg.user.created";

fn form(url: &str) -> Value {
    json!({ "url": url, "eventKeys": [KEY], "payload": { "template": r#"{"mail": "{{ user.email }}"}"# } })
}

fn merged(mut form: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("an object") };
    let members = form.as_object_mut().expect("an object");
    members.extend(more);
    form
}

async fn refused(app: &App, own: &Environment, form: &Value) -> Value {
    let answer = app.post(WEBHOOKS).token(&own.token).json(form).send().await;
    let problem = answer.json();
    assert_eq!(answer.status, 422, "{problem}");
    problem
}

#[tokio::test]
async fn settings_are_saved_shown_and_kept() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let (certificate, key) = client_certificate("client");
    let new = merged(
        form("https://example.com/hook"),
        json!({
            "method": "PUT",
            "payload": { "template": "a={{ user.email }}", "contentType": "application/x-www-form-urlencoded" },
            "headers": [
                { "name": "X-Tenant", "value": "{{ context.tenantId }}" },
                { "name": "X-Key", "value": "s3cret", "isSensitive": true },
            ],
            "authentication": { "type": "basic", "username": "u", "password": "p" },
            "clientCertificate": { "certificate": certificate, "privateKey": key },
        }),
    );
    let made = app.post(WEBHOOKS).token(&own.token).json(&new).expect(201).await;
    let path = format!("{WEBHOOKS}/{}", text(&made["id"]));
    let shown = app.get(&path).token(&own.token).expect(200).await;
    assert_eq!(made, shown);
    assert_eq!(shown["method"], "PUT");
    assert_eq!(shown["payload"], new["payload"]);
    assert_eq!(
        shown["headers"],
        json!([
            { "name": "X-Tenant", "value": "{{ context.tenantId }}", "isSensitive": false },
            { "name": "X-Key", "value": null, "isSensitive": true },
        ])
    );
    assert_eq!(shown["authentication"], json!({ "type": "basic", "username": "u", "password": null }));
    assert_eq!(shown["clientCertificate"], json!({ "certificate": certificate, "privateKey": null }));
    for secret in ["s3cret", "PRIVATE KEY"] {
        assert!(!shown.to_string().contains(secret));
    }
    // Echoed back, nothing is lost; not even by the API that does not know of it.
    let echo = json!({
        "method": shown["method"], "payload": shown["payload"], "headers": shown["headers"],
        "authentication": shown["authentication"], "clientCertificate": shown["clientCertificate"],
    });
    app.patch(&path).token(&own.token).json(&echo).expect(200).await;
    let frontegg = format!("/webhook/{}", text(&made["id"]));
    let record = app.get("/webhook").token(&own.token).tenant(&own.id).expect(200).await[0].clone();
    app.patch(&frontegg).token(&own.token).tenant(&own.id).json(&record).expect(200).await;
    let again = app.get(&path).token(&own.token).expect(200).await;
    for member in ["method", "payload", "headers", "authentication", "clientCertificate", "eventKeys"] {
        assert_eq!(again[member], shown[member], "{member}");
    }
    // It still works: the preview shows the header, hidden, and the form.
    let preview = app.post(&format!("{path}/preview")).token(&own.token).json(&json!({})).expect(200).await;
    assert!(text(&preview["body"]).starts_with("a=") && text(&preview["body"]).contains("%40"), "{preview}");
    let none = json!({
        "method": "POST", "payload": null, "headers": [], "authentication": null, "clientCertificate": null,
    });
    let bare = app.patch(&path).token(&own.token).json(&none).expect(200).await;
    for (member, value) in none.as_object().expect("an object") {
        assert_eq!(bare[member], *value, "{member}");
    }
}

#[tokio::test]
async fn a_custom_payload_means_one_event_type_that_stays() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let new = form("https://example.com/hook");
    for keys in [json!(["*"]), json!(["frontegg.user.*"]), json!([KEY, "other.key"]), json!([])] {
        let problem = refused(&app, &own, &merged(new.clone(), json!({ "eventKeys": keys }))).await;
        assert_eq!(problem["errors"][0]["at"], "/eventKeys", "{keys}");
    }
    let made = app.post(WEBHOOKS).token(&own.token).json(&new).expect(201).await;
    let path = format!("{WEBHOOKS}/{}", text(&made["id"]));
    let other = json!({ "eventKeys": ["frontegg.user.deleted"] });
    let problem = app.patch(&path).token(&own.token).json(&other).send().await;
    assert_eq!(problem.status, 422);
    assert!(text(&problem.json()["detail"]).contains("cannot change"));
    let frontegg = app.patch(&format!("/webhook/{}", text(&made["id"]))).token(&own.token).tenant(&own.id);
    let answer = frontegg.json(&other).send().await;
    assert_eq!(answer.status, 400, "{}", answer.json());
    let rename = json!({ "displayName": "Renamed", "eventKeys": [KEY] });
    app.patch(&path).token(&own.token).json(&rename).expect(200).await;
    // Without the payload it is a webhook like any other.
    let free = json!({ "payload": null, "eventKeys": ["frontegg.user.*"] });
    app.patch(&path).token(&own.token).json(&free).expect(200).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_template_is_said_with_its_place() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let new = form("https://example.com/hook");
    let with = |template: &str| merged(new.clone(), json!({ "payload": { "template": template } }));
    for (template, line, column) in [
        ("{\n  \"a\": {{ user. }}\n}", 2, 17),
        ("{\"a\": \"{% if user %}x\"{% endif %}}", 1, 26),
        ("{\n\"a\": {{ user.email | shout }}}", 2, 22),
        // Found by rendering the type's sample.
        ("{\n\"a\": {{ user.email | date }}}", 2, 22),
    ] {
        let problem = refused(&app, &own, &with(template)).await;
        assert_eq!(problem["code"], "template_invalid", "{problem}");
        let issue = &problem["errors"][0];
        assert_eq!(issue["at"], "/payload/template", "{problem}");
        assert_eq!((&issue["line"], &issue["column"]), (&json!(line), &json!(column)), "{template}: {problem}");
    }
    let problem = refused(&app, &own, &with("{\"a\": {{ user.email }}")).await;
    assert!(text(&problem["detail"]).contains("not JSON"), "{problem}");
    for (more, at) in [
        (json!({ "headers": [{ "name": "Host", "value": "x" }] }), "/headers/0/name"),
        (json!({ "headers": [{ "name": "x", "value": "a" }, { "name": "y", "value": "{{" }] }), "/headers/1/value"),
        (json!({ "headers": [{ "name": "x", "value": "{{ 'a\nb' }}" }] }), "/headers/0/value"),
        (json!({ "headers": [{ "name": "x", "isSensitive": true }] }), "/headers/0/value"),
        (json!({ "headers": [{ "name": "x", "value": "" }, { "name": "X", "value": "" }] }), "/headers"),
        (json!({ "method": "GET" }), "/payload"),
        (json!({ "payload": { "template": "x", "contentType": "image/png" } }), "/payload/contentType"),
        (json!({ "authentication": { "type": "bearer", "token": "a b" } }), "/authentication/token"),
        (json!({ "authentication": { "type": "bearer" } }), "/authentication/token"),
        (json!({ "clientCertificate": { "certificate": "x", "privateKey": "y" } }), "/clientCertificate"),
    ] {
        let problem = refused(&app, &own, &merged(new.clone(), more.clone())).await;
        assert_eq!(problem["errors"][0]["at"], at, "{more}: {problem}");
    }
    // Neither is a token fetched from where this server does not send.
    let oauth2 =
        json!({ "type": "oauth2", "tokenUrl": "http://169.254.169.254/token", "clientId": "c", "clientSecret": "s" });
    let guarded = merged(new.clone(), json!({ "authentication": oauth2 }));
    assert_eq!(app.post(WEBHOOKS).token(&own.token).json(&guarded).code(400).await, "url_refused");
    let unknown = merged(new, json!({ "authentication": { "type": "basic", "username": "u", "passwort": "p" } }));
    assert_eq!(app.post(WEBHOOKS).token(&own.token).json(&unknown).send().await.status, 400);
}

#[tokio::test]
async fn what_was_sent_is_told_by_the_log_and_by_the_delivery() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(200, "{}"));
    let own = app.environment("own").await;
    let new = merged(form(&receiver.url("/hook")), json!({ "method": "PATCH" }));
    let webhook = app.post(WEBHOOKS).token(&own.token).json(&new).expect(201).await;
    let id = text(&webhook["id"]);
    let event = json!({ "eventKey": KEY, "payload": { "user": { "email": "a\"b@example.com", "n": 1.10 } } });
    let accepted = app.post("/api/v1/events").token(&own.token).json(&event).expect(202).await;
    let event_id = text(&accepted["eventId"]);
    let delivery = app.deliveries_attempted(&own, &event_id).await.remove(0);
    let sent = receiver.received().remove(0);
    assert_eq!((sent.method.as_str(), &sent.body[..]), ("PATCH", &br#"{"mail": "a\"b@example.com"}"#[..]));
    // Whatever the webhook is like later.
    let changed = json!({ "payload": { "template": "n={{ user.n }}", "contentType": "text/plain" } });
    app.patch(&format!("{WEBHOOKS}/{id}")).token(&own.token).json(&changed).expect(200).await;
    let logs = app.get(&format!("/webhook/logs?id={id}")).token(&own.token).tenant(&own.id);
    let logs = logs.expect(200).await;
    assert_eq!(logs["rows"][0]["body"].as_str().map(str::as_bytes), Some(&sent.body[..]));
    let path = format!("/api/v1/deliveries/{}", text(&delivery["id"]));
    let whole = app.get(&path).token(&own.token).expect(200).await;
    assert_eq!((&whole["method"], &whole["contentType"]), (&json!("PATCH"), &json!("application/json")));
    assert_eq!(whole["body"], json!({ "mail": "a\"b@example.com" }));
    // A resend renders afresh, and text is told as a JSON string.
    app.post(&format!("{path}/resend")).token(&own.token).json(&json!({})).expect(202).await;
    receiver.wait_for(2, std::time::Duration::from_mins(1)).await;
    assert_eq!(&receiver.received()[1].body[..], b"n=1.1");
    assert_eq!(receiver.received()[1].headers["content-type"], "text/plain");
    let row = eventually(async || {
        let logs = app.get(&format!("/webhook/logs?id={id}")).token(&own.token).tenant(&own.id).expect(200).await;
        (logs["count"] == 2).then(|| logs["rows"][0].clone())
    })
    .await;
    assert_eq!(row["body"], "\"n=1.1\"");
}

#[tokio::test]
async fn a_delivery_that_cannot_be_rendered_says_why() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let template = "{\n\"a\": {{ user.email | required(\"an address is needed\") }}}";
    let new = merged(form("https://example.com/hook"), json!({ "payload": { "template": template } }));
    app.post(WEBHOOKS).token(&own.token).json(&new).expect(201).await;
    let event = json!({ "eventKey": KEY, "payload": { "user": {} } });
    let accepted = app.post("/api/v1/events").token(&own.token).json(&event).expect(202).await;
    let delivery = app.deliveries_attempted(&own, &text(&accepted["eventId"])).await.remove(0);
    assert_eq!((&delivery["state"], &delivery["reason"]), (&json!("failed"), &json!("template_error")));
    assert_eq!(delivery["attempts"], 0);
    let problem = text(&delivery["problem"]);
    assert_eq!(problem, "payload: line 2, column 22: an address is needed");
    let path = format!("/api/v1/deliveries/{}", text(&delivery["id"]));
    assert_eq!(app.get(&path).token(&own.token).expect(200).await["body"], Value::Null);
}

#[tokio::test]
async fn a_preview_shows_the_exact_request_and_sends_nothing() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let own = app.environment("own").await;
    let settings = json!({
        "method": "PUT",
        "payload": { "template": r#"{"mail": "{{ user.email }}", "id": "{{ event.id }}"}"# },
        "headers": [
            { "name": "x-tenant", "value": "{{ context.tenantId }}" },
            { "name": "x-key", "value": "s3cret", "isSensitive": true },
        ],
        "authentication": { "type": "bearer", "token": "t0ken" },
    });
    let preview = |form: Value| app.post("/api/v1/webhooks/preview").token(&own.token).json(&form);
    let draft = json!({
        "url": receiver.url("/hook"), "secret": "a long secret", "settings": settings,
        "event": { "eventKey": KEY, "tenantId": "acme", "payload": { "user": { "email": "ä@example.com" } } },
    });
    let shown = preview(draft.clone()).expect(200).await;
    assert_eq!((&shown["method"], &shown["url"]), (&json!("PUT"), &json!(receiver.url("/hook"))));
    assert!(text(&shown["body"]).starts_with(r#"{"mail": "ä@example.com", "id": ""#));
    let header = |name: &str| {
        let headers = shown["headers"].as_array().expect("headers");
        headers.iter().find(|header| header["name"] == name).cloned().unwrap_or(Value::Null)
    };
    assert_eq!(header("x-tenant")["value"], "acme");
    assert_eq!(header("content-type")["value"], "application/json");
    assert!(text(&header("webhook-signature")["value"]).starts_with("v1,"));
    for hidden in ["x-key", "authorization", "x-webhook-secret"] {
        assert_eq!(
            (&header(hidden)["value"], &header(hidden)["isSensitive"]),
            (&Value::Null, &json!(true)),
            "{hidden}"
        );
    }
    for secret in ["s3cret", "t0ken"] {
        assert!(!shown.to_string().contains(secret));
    }
    // For an event that was accepted, in reach.
    let accepted =
        json!({ "eventKey": KEY, "tenantId": "acme", "payload": { "user": { "email": "real@example.com" } } });
    let accepted = app.post("/api/v1/events").token(&own.token).json(&accepted).expect(202).await;
    let real = merged(draft.clone(), json!({ "event": null, "eventId": accepted["eventId"] }));
    let shown = preview(real.clone()).expect(200).await;
    assert_eq!(
        text(&shown["body"]),
        format!(r#"{{"mail": "real@example.com", "id": "{}"}}"#, text(&accepted["eventId"]))
    );
    let other = app.environment("other").await;
    let foreign = app.post("/api/v1/webhooks/preview").token(&other.token).json(&real);
    assert_eq!(foreign.code(404).await, "not_found");
    // What cannot be rendered is 422, with its place.
    let broken = json!({ "payload": { "template": "{\n{{ user.email | date }}}" } });
    let answer = preview(merged(draft.clone(), json!({ "settings": broken }))).send().await;
    let problem = answer.json();
    assert_eq!((answer.status.as_u16(), &problem["code"]), (422, &json!("template_invalid")), "{problem}");
    assert_eq!((&problem["errors"][0]["line"], &problem["errors"][0]["column"]), (&json!(2), &json!(17)), "{problem}");
    let both = merged(draft, json!({ "eventKey": KEY }));
    assert_eq!(preview(both).code(422).await, "invalid_value");
    assert!(receiver.received().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_test_sends_what_a_delivery_would_with_headers_when_asked() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(204, ""));
    let own = app.environment("own").await;
    let settings = json!({
        "method": "PUT",
        "payload": { "template": r#"["{{ user.email }}"]"# },
        "headers": [{ "name": "x-key", "value": "s3cret", "isSensitive": true }],
        "authentication": { "type": "basic", "username": "u", "password": "p" },
    });
    let new = merged(form(&receiver.url("/hook")), settings.clone());
    let webhook = app.post(WEBHOOKS).token(&own.token).json(&new).expect(201).await;
    let test = format!("{WEBHOOKS}/{}/test", text(&webhook["id"]));
    for asked in [false, true] {
        let result = app.post(&test).token(&own.token).json(&json!({ "withHeaders": asked })).expect(200).await;
        assert_eq!((&result["statusCode"], &result["isSuccess"]), (&json!(204), &json!(true)));
        let request = receiver.received().pop().expect("a request");
        assert_eq!(request.method, "PUT");
        assert!(request.body.starts_with(b"[\"") && request.body.ends_with(b"\"]"));
        assert_eq!(request.headers.contains_key("x-key"), asked);
        assert_eq!(request.headers.contains_key("authorization"), asked);
        assert!(request.headers.contains_key("webhook-signature"));
    }
    let draft = json!({
        "url": receiver.url("/hook"), "settings": settings,
        "payload": { "user": { "email": "x\"y" } },
    });
    app.post("/api/v1/webhook-tests").token(&own.token).json(&draft).expect(200).await;
    let request = receiver.received().pop().expect("a request");
    assert_eq!(
        (&request.body[..], &request.headers["x-key"]),
        (&br#"["x\"y"]"#[..], &"s3cret".parse().expect("a value"))
    );
    // Frontegg's own test knows nothing of all this.
    let frontegg = json!({ "url": receiver.url("/hook"), "secret": null });
    app.post("/webhook/test").token(&own.token).tenant(&own.id).json(&frontegg).expect(200).await;
    let request = receiver.received().pop().expect("a request");
    assert_eq!(request.method, "POST");
    assert!(!request.headers.contains_key("x-key"));
    // A payload that cannot be rendered is the caller's to mend.
    let answer = app.post(&test).token(&own.token).json(&json!({ "eventKey": "no.such" })).send().await;
    assert_eq!(answer.status, 422);
}

#[tokio::test]
async fn what_a_preview_showed_can_be_sent() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(204, ""));
    let own = app.environment("own").await;
    let url = receiver.url("/hook");
    let new = merged(form(&url), json!({ "payload": { "template": r#"["{{ user.email }}"]"# } }));
    let webhook = app.post(WEBHOOKS).token(&own.token).json(&new).expect(201).await;
    let path = format!("{WEBHOOKS}/{}", text(&webhook["id"]));
    let accepted = json!({ "eventKey": "frontegg.user.deleted", "payload": { "user": { "email": "a@b.c" } } });
    let accepted = app.post("/api/v1/events").token(&own.token).json(&accepted).expect(202).await;
    let settings = json!({ "method": "PUT", "payload": { "template": r#"{"mail": "{{ user.email }}"}"# } });
    let inline = json!({ "eventKey": KEY, "payload": { "user": { "email": "x@y.z" } } });
    for choice in [json!({ "eventId": accepted["eventId"] }), json!({ "event": inline })] {
        let asked = merged(choice, json!({ "settings": settings }));
        let shown = app.post(&format!("{path}/preview")).token(&own.token).json(&asked).expect(200).await;
        app.post(&format!("{path}/test")).token(&own.token).json(&asked).expect(200).await;
        let sent = receiver.received().pop().expect("a request");
        assert_eq!((sent.method.as_str(), &sent.body[..]), ("PUT", text(&shown["body"]).as_bytes()));
        let draft = merged(asked, json!({ "url": url }));
        app.post("/api/v1/webhook-tests").token(&own.token).json(&draft).expect(200).await;
        assert_eq!(receiver.received().pop().expect("a request").body, sent.body);
    }
    let sent = receiver.received();
    assert_eq!(sent[0].headers["webhook-id"], text(&accepted["eventId"]).as_str());
    let other = app.environment("other").await;
    let foreign = json!({ "url": url, "eventId": accepted["eventId"] });
    app.post("/api/v1/webhook-tests").token(&other.token).json(&foreign).expect(404).await;
    let both = json!({ "eventId": accepted["eventId"], "payload": {} });
    app.post(&format!("{path}/test")).token(&own.token).json(&both).expect(422).await;
    // What cannot be rendered is told at its place in the request, where it has one.
    let broken = json!({ "event": inline, "settings": { "payload": { "template": "{{ user.email | date }}" } } });
    let empty = json!({ "eventKey": KEY, "payload": {} });
    for ask in ["preview", "test"] {
        let refused = app.post(&format!("{path}/{ask}")).token(&own.token).json(&broken).expect(422).await;
        assert_eq!(refused["errors"][0]["at"], "/settings/payload/template", "{ask}: {refused}");
    }
    let required =
        json!({ "payload": { "template": r#"["{{ user.email }}", {{ user.age | default(0) | required }}]"# } });
    app.patch(&path).token(&own.token).json(&required).expect(200).await;
    let required = json!({ "payload": { "template": r#"["{{ user.email | required("none") }}"]"# } });
    app.patch(&path).token(&own.token).json(&required).expect(200).await;
    let asked = json!({ "event": empty });
    for ask in ["preview", "test"] {
        let refused = app.post(&format!("{path}/{ask}")).token(&own.token).json(&asked).expect(422).await;
        assert_eq!(refused["errors"][0]["at"], "", "the template is the webhook's own: {refused}");
    }
}

#[tokio::test]
async fn presets_can_be_taken_over_as_they_are() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let presets = app.get("/api/v1/presets").token(&own.token).expect(200).await;
    let presets = presets["items"].as_array().expect("presets");
    assert_eq!(presets[0]["id"], "basic");
    for preset in presets {
        let headers: Vec<Value> = preset["headers"]
            .as_array()
            .expect("headers")
            .iter()
            .map(|header| {
                if header["value"].is_null() {
                    merged(header.clone(), json!({ "value": "mine" }))
                } else {
                    header.clone()
                }
            })
            .collect();
        let new = json!({
            "url": preset["urlExample"], "eventKeys": [KEY], "method": preset["method"], "payload": preset["payload"],
            "headers": headers,
        });
        app.post(WEBHOOKS).token(&own.token).json(&new).expect(201).await;
    }
}
