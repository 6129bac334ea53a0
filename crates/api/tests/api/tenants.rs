//! Users of tenants: the issuer that is trusted, what is shown to them, and what their permissions allow.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use postrider_testkit::receiver::Receiver;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData as _};
use serde_json::{Value, json};

use crate::app::{App, Environment, answers, sign, text};

const TENANT: &str = "tenant-1";
const ALL: &[&str] = &["fe.connectivity.*"];

fn claims(app: &App, environment: &Environment) -> Value {
    json!({
        "iss": "https://id.example",
        "aud": environment.id,
        "exp": app.seconds() + 60,
        "tenantId": TENANT,
        "permissions": ALL,
    })
}

async fn webhooks(app: &App, token: &str) -> u16 {
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
    ] {
        assert_eq!(webhooks(&app, &with(name, value.clone())).await, 401, "{name} {value}");
    }

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

static EC: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key"));
static ED: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate_for(&PKCS_ED25519).expect("a key"));

fn signed_by(key: &KeyPair, algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
    let pem = key.serialize_pem();
    let key = match algorithm {
        Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
        _ => EncodingKey::from_ec_pem(pem.as_bytes()),
    };
    let head = Header { kid: kid.map(ToOwned::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&head, claims, &key.expect("a key")).expect("a token")
}

#[tokio::test]
async fn the_kind_of_key_fixes_the_algorithm() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.show(&own, "always").await;
    let claims = claims(&app, &own);
    let put = |key: Value| {
        let mut issuer = json!({ "issuer": "https://id.example", "audience": own.id });
        issuer.as_object_mut().expect("an object").extend(key.as_object().expect("an object").clone());
        app.put("/api/v1/trusted-issuer").token(&own.token).json(&issuer)
    };
    let ec = signed_by(&EC, Algorithm::ES256, None, &claims);
    let ed = signed_by(&ED, Algorithm::EdDSA, None, &claims);
    // The public key as the secret of HS256: the attack that naive checks fall for.
    let confused = EncodingKey::from_secret(EC.public_key_pem().as_bytes());
    let confused = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &confused).expect("a token");

    put(json!({ "publicKey": EC.public_key_pem() })).expect(200).await;
    assert_eq!(webhooks(&app, &ec).await, 200);
    assert_eq!(webhooks(&app, &ed).await, 401);
    assert_eq!(webhooks(&app, &confused).await, 401);
    put(json!({ "publicKey": ED.public_key_pem() })).expect(200).await;
    assert_eq!(webhooks(&app, &ed).await, 200);
    assert_eq!(webhooks(&app, &ec).await, 401);

    for wrong in [
        json!({ "publicKey": EC.serialize_pem() }),
        json!({ "publicKey": "x" }),
        json!({ "secret": "thirty-one bytes: one too few.." }),
        json!({}),
        json!({ "secret": crate::app::ISSUER_SECRET, "publicKey": EC.public_key_pem() }),
    ] {
        assert_eq!(put(wrong).code(422).await, "invalid_value");
    }
    assert_eq!(put(json!({ "jwksUrl": "http://10.0.0.1/keys" })).code(400).await, "url_refused");
}

fn key_set(kid: &str, key: &KeyPair) -> String {
    let point = key.der_bytes();
    let (x, y) = (&point[1..33], &point[33..65]);
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let key = json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": encode(x), "y": encode(y),
    });
    // As long as a set with certificates can be.
    let unknown = json!({ "kty": "unknown", "x5c": "x".repeat(100 * 1024) });
    json!({ "keys": [unknown, key] }).to_string()
}

#[tokio::test]
async fn keys_at_a_url_are_kept_and_fetched_anew_when_one_is_unknown_but_not_for_everybody() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.show(&own, "always").await;
    let receiver = Receiver::start().await;
    receiver.on("/keys", answers(200, &key_set("one", &EC)));
    let issuer = json!({ "issuer": "https://id.example", "audience": own.id, "jwksUrl": receiver.url("/keys") });
    app.put("/api/v1/trusted-issuer").token(&own.token).json(&issuer).expect(200).await;

    let claims = json!({
        "iss": "https://id.example", "aud": own.id, "exp": app.seconds() + 3_600, "tenantId": TENANT, "permissions": [],
    });
    let one = signed_by(&EC, Algorithm::ES256, Some("one"), &claims);
    for _ in 0..3 {
        assert_eq!(webhooks(&app, &one).await, 200);
    }
    assert_eq!(receiver.received().len(), 1);

    let second = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    receiver.on("/keys", answers(200, &key_set("two", &second)));
    let two = signed_by(&second, Algorithm::ES256, Some("two"), &claims);
    for _ in 0..3 {
        assert_eq!(webhooks(&app, &two).await, 401, "a fetch was made a moment ago");
    }
    assert_eq!(receiver.received().len(), 1);
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(webhooks(&app, &two).await, 200);
    assert_eq!(webhooks(&app, &one).await, 401, "the key was withdrawn");
    assert_eq!(receiver.received().len(), 2);

    // An issuer that does not answer: the keys count for a while, then nobody can be told from anybody.
    receiver.on("/keys", answers(500, "{}"));
    app.clock.advance(Duration::from_secs(599));
    assert_eq!(webhooks(&app, &two).await, 200);
    app.clock.advance(Duration::from_secs(2));
    assert_eq!(webhooks(&app, &two).await, 503);
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
