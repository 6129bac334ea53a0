//! Users of tenants: the issuer that is trusted, what is shown to them, and what their permissions allow.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use postrider_core::limits::WEBHOOKS_PER_TENANT;
use serde_json::{Value, json};

use crate::app::{App, Environment, sign, text};

pub(crate) const TENANT: &str = "tenant-1";
const ALL: &[&str] = &["fe.connectivity.*"];

pub(crate) fn claims(app: &App, environment: &Environment) -> Value {
    json!({
        "iss": "https://id.example",
        "aud": environment.id,
        "exp": app.seconds() + 60,
        "tenantId": TENANT,
        "permissions": ALL,
    })
}

/// The status of a user's lists of webhooks.
pub(crate) async fn webhooks(app: &App, token: &str) -> u16 {
    let native = app.get("/api/v1/webhooks").token(token).send().await.status;
    assert_eq!(app.get("/webhook").token(token).send().await.status, native);
    native.as_u16()
}

#[tokio::test]
async fn visibility_and_permissions_decide_what_a_user_may() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "hidden").await;
    let form =
        json!({ "url": "https://example.com", "eventKeys": ["a"], "displayName": "W", "secret": "longer than eight" });
    let created = app.post("/webhook/custom").token(&own.token).tenant(TENANT).json(&form).expect(201).await;
    let webhook = text(&created["_id"]);
    let one = format!("/webhook/{webhook}");
    let logs = format!("/webhook/logs?id={webhook}");
    let trigger = json!({ "eventKey": "a", "data": { "title": "t", "description": "d" } });
    let calls: Vec<(&str, Method, &str, Value)> = vec![
        ("fe.connectivity.read.webhooks", Method::GET, "/webhook", Value::Null),
        ("fe.connectivity.read.webhooks", Method::GET, "/api/v1/webhooks", Value::Null),
        ("fe.connectivity.read.webhookLogs", Method::GET, &logs, Value::Null),
        ("fe.connectivity.read.events", Method::GET, "/event/resources/configurations/v1", Value::Null),
        ("fe.connectivity.read.events", Method::GET, "/api/v1/event-types", Value::Null),
        (
            "fe.connectivity.read.eventCategories",
            Method::GET,
            "/event/resources/configurations/v1/categories",
            Value::Null,
        ),
        ("fe.connectivity.read.eventCategories", Method::GET, "/api/v1/categories", Value::Null),
        ("fe.connectivity.write.triggerEvent", Method::POST, "/event/resources/triggers/v3", trigger),
        ("fe.connectivity.write.webhook", Method::POST, "/webhook/custom", form),
        ("fe.connectivity.write.webhook", Method::PATCH, &one, json!({ "description": "new" })),
        ("fe.connectivity.delete.webhook", Method::DELETE, &one, Value::Null),
    ];
    for visibility in ["hidden", "byPermissions", "always"] {
        app.show(&own, visibility).await;
        for (permission, method, path, body) in &calls {
            // None, another, the right one; the last but for what deletes the webhook, which comes last of all.
            for (granted, is_right) in [("", false), ("fe.secure.*", false), (*permission, true)] {
                // Events are the product's word: `always` opens the management of webhooks, and no more.
                let takes_right = visibility == "byPermissions" || permission.ends_with("triggerEvent");
                let allowed = visibility != "hidden" && (is_right || !takes_right);
                if allowed && *method == Method::DELETE {
                    continue;
                }
                let token = app.user(&own, TENANT, &[granted]);
                let answer = app.call(method.clone(), path).token(&token).json(body).send().await;
                let is_refused = answer.status == 403;
                assert_eq!(is_refused, !allowed, "{visibility} {granted:?} {method} {path}: {}", answer.status);
                assert!(is_refused || answer.status.is_success(), "{method} {path}: {}", answer.status);
            }
        }
    }
    app.delete(&one).token(&app.user(&own, TENANT, &["fe.connectivity.delete.webhook"])).expect(200).await;
}

#[tokio::test]
async fn a_secret_is_shown_to_those_who_may_write_it() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "byPermissions").await;
    app.webhook(&own, Some(TENANT), "https://example.com").await;
    let reader = app.user(&own, TENANT, &["fe.connectivity.read.*"]);
    let writer = app.user(&own, TENANT, ALL);
    let list = |token: String| app.get("/webhook").token(&token).expect(200);
    assert_eq!(list(reader.clone()).await[0]["secret"], Value::Null);
    assert!(list(writer.clone()).await[0]["secret"].is_string());
    let listed = app.get("/api/v1/webhooks").token(&writer).expect(200).await;
    let one = format!("/api/v1/webhooks/{}", text(&listed["items"][0]["id"]));
    let get = |token: String| app.get(&one).token(&token).expect(200);
    assert_eq!(get(reader).await.get("secret"), None);
    assert!(get(writer).await["secret"].is_string());
}

#[tokio::test]
async fn a_tenant_has_so_many_webhooks_and_no_more() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let user = app.user(&own, TENANT, &[]);
    let form = json!({ "url": "https://example.com", "eventKeys": ["a"] });
    for _ in 0..WEBHOOKS_PER_TENANT {
        app.post("/api/v1/webhooks").token(&user).json(&form).expect(201).await;
    }
    let why = "the tenant has as many webhooks as it can have (1000)";
    let refused = app.post("/api/v1/webhooks").token(&user).json(&form).expect(409).await;
    assert_eq!((&refused["code"], &refused["detail"]), (&json!("limit_reached"), &json!(why)));
    let refused = app.post("/webhook/custom").token(&user).json(&form).expect(409).await;
    assert_eq!(refused, json!({ "errors": [why], "statusCode": 409 }));
    // The vendor's calls for that tenant as well, and others have places of their own.
    app.post("/webhook/custom").token(&own.token).tenant(TENANT).json(&form).expect(409).await;
    app.post("/webhook/custom").token(&own.token).tenant("tenant-2").json(&form).expect(201).await;
    app.post("/webhook/custom").token(&own.token).tenant(&own.id).json(&form).expect(201).await;
}

#[tokio::test]
async fn the_admin_box_learns_that_webhooks_are_hidden_while_they_are() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "hidden").await;
    let user = app.user(&own, TENANT, &[]);
    for visibility in ["hidden", "always", "byPermissions"] {
        app.show(&own, visibility).await;
        let rows = app.get("/metadata?entityName=adminBox").token(&user).expect(200).await;
        let shown = rows.pointer("/rows/0/configuration/navigation/webhooks/visibility");
        assert_eq!(shown, Some(&json!(visibility)));
    }
    assert_eq!(app.get("/metadata?entityName=other").token(&user).expect(200).await, json!({ "rows": [] }));
}

#[tokio::test]
async fn a_users_token_must_be_right_in_every_claim() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let with = |name: &str, value: Value| {
        let mut claims = claims(&app, &own);
        claims[name] = value;
        sign(&claims)
    };
    let now = app.seconds();
    assert_eq!(webhooks(&app, &sign(&claims(&app, &own))).await, 200);
    assert_eq!(webhooks(&app, &with("aud", json!(["x", own.id]))).await, 200);
    assert_eq!(webhooks(&app, &with("exp", json!(now - 59))).await, 200, "clocks differ by up to a minute");
    assert_eq!(webhooks(&app, &with("nbf", json!(now + 59))).await, 200);
    for (name, value) in [
        ("exp", json!(now - 61)),
        ("exp", Value::Null),
        ("exp", json!("soon")),
        ("nbf", json!(now + 61)),
        ("iss", json!("https://evil.example")),
        ("iss", Value::Null),
        ("aud", json!("another")),
        ("aud", json!([])),
        ("tenantId", Value::Null),
        ("tenantId", json!("")),
        ("tenantId", json!(7)),
        ("tenantId", json!(own.id)),
        ("tenantId", json!(own.id.to_uppercase())),
    ] {
        assert_eq!(webhooks(&app, &with(name, value.clone())).await, 401, "{name} {value}");
    }
    let refused = app.get("/webhook").token(&with("tenantId", json!(own.id))).expect(401).await;
    let why = "the token's claim `tenantId` is the environment's own id, which is no tenant";
    assert_eq!(refused, json!({ "errors": [why], "statusCode": 401 }));

    let encode = |algorithm, key: &[u8]| {
        jsonwebtoken::encode(&Header::new(algorithm), &claims(&app, &own), &EncodingKey::from_secret(key))
            .expect("a token")
    };
    assert_eq!(webhooks(&app, &encode(Algorithm::HS256, b"another secret")).await, 401);
    assert_eq!(webhooks(&app, &encode(Algorithm::HS512, crate::app::ISSUER_SECRET.as_bytes())).await, 401);
    let signed = sign(&claims(&app, &own));
    let body = signed.split('.').nth(1).expect("claims");
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    assert_eq!(webhooks(&app, &format!("{none}.{body}.")).await, 401);

    app.delete("/api/v1/trusted-issuer").token(&own.token).expect(204).await;
    assert_eq!(webhooks(&app, &signed).await, 401);
}

#[tokio::test]
async fn an_issuer_and_its_audience_select_one_environment() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    app.trust_issuer(&own, "always").await;
    let issuer = json!({ "issuer": "https://id.example", "audience": own.id, "secret": "another secret, and as long as one has to be" });
    let put = |issuer: &Value| app.put("/api/v1/trusted-issuer").token(&other.token).json(issuer);
    assert_eq!(put(&issuer).code(409).await, "conflict");
    let shown = app.get("/api/v1/trusted-issuer").token(&own.token).expect(200).await;
    assert_eq!(shown["keyKind"], "secret");
    assert!(!shown.to_string().contains(crate::app::ISSUER_SECRET));
    assert_eq!(app.get("/api/v1/trusted-issuer").token(&other.token).code(404).await, "not_found");
}
