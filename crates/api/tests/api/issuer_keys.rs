//! The keys of issuers: of which kind they are, and how those at a URL are kept.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use postrider_core::limits::STREAM_UNCHECKED;
use postrider_testkit::receiver::Receiver;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData as _};
use serde_json::{Value, json};

use crate::app::{App, Call, Environment, answers, eventually, text};
use crate::stream::Stream;
use crate::tenants::{TENANT, claims, webhooks};

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

    // That a signature was right says nothing of the token's time.
    app.clock.advance(Duration::from_mins(2));
    assert_eq!(webhooks(&app, &ed).await, 401);

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

/// Claims that count for a day.
fn lasting(app: &App, own: &Environment) -> Value {
    let mut claims = claims(app, own);
    claims["exp"] = json!(app.seconds() + 86_400);
    claims
}

/// A server with [`EC`] as the key `one`, which the environment trusts.
async fn serving_keys(app: &App, own: &Environment) -> Receiver {
    let receiver = Receiver::start().await;
    receiver.on("/keys", answers(200, &key_set("one", &EC)));
    let issuer = json!({ "issuer": "https://id.example", "audience": own.id, "jwksUrl": receiver.url("/keys") });
    app.put("/api/v1/trusted-issuer").token(&own.token).json(&issuer).expect(200).await;
    app.show(own, "always").await;
    receiver
}

#[tokio::test]
async fn keys_at_a_url_are_kept_and_fetched_anew_when_one_is_unknown_but_not_for_everybody() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let receiver = serving_keys(&app, &own).await;
    let claims = lasting(&app, &own);
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
}

#[tokio::test]
async fn an_issuer_that_fails_shuts_nobody_out_for_half_an_hour() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let receiver = serving_keys(&app, &own).await;
    let one = signed_by(&EC, Algorithm::ES256, Some("one"), &lasting(&app, &own));
    assert_eq!(webhooks(&app, &one).await, 200);
    let asked = || receiver.received().len();
    let after = async |seconds| {
        app.clock.advance(Duration::from_secs(seconds));
        webhooks(&app, &one).await
    };
    receiver.on("/keys", answers(500, "{}"));
    assert_eq!((after(299).await, asked()), (200, 1));
    assert_eq!((after(1).await, asked()), (200, 2), "they are to be renewed, and count meanwhile");
    assert_eq!((after(1).await, asked()), (200, 2), "a fetch failed a moment ago");
    // Nobody has asked for long: whoever comes first waits for a fetch that fails.
    assert_eq!((after(600).await, asked()), (200, 3));
    assert_eq!((after(5).await, asked()), (200, 4));
    // A key that nobody knows here may be a new one.
    let new = signed_by(&ED, Algorithm::EdDSA, Some("new"), &lasting(&app, &own));
    assert_eq!(webhooks(&app, &new).await, 503);
    assert_eq!(after(893).await, 200);
    assert_eq!(after(1).await, 503, "half an hour is over");
    receiver.on("/keys", answers(200, &key_set("one", &EC)));
    assert_eq!(after(3).await, 503, "a fetch failed a moment ago");
    assert_eq!(after(1).await, 200);
}

#[tokio::test]
async fn a_key_is_withdrawn_within_ten_minutes() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let receiver = serving_keys(&app, &own).await;
    let one = signed_by(&EC, Algorithm::ES256, Some("one"), &lasting(&app, &own));
    assert_eq!(webhooks(&app, &one).await, 200);
    receiver.on("/keys", answers(200, r#"{"keys":[]}"#));
    app.clock.advance(Duration::from_mins(10));
    assert_eq!(webhooks(&app, &one).await, 401);
}

fn fetches(receiver: &Receiver) -> usize {
    receiver.received().iter().filter(|request| request.target == "/keys").count()
}

/// A call for a stream, by a user whose issuer's keys are known and cannot be fetched from now on.
async fn stream_of_user(app: &App, own: &Environment, receiver: &Receiver) -> Call {
    let one = signed_by(&EC, Algorithm::ES256, Some("one"), &lasting(app, own));
    let webhook = text(&app.webhook(own, Some(TENANT), &receiver.url("/hook")).await["id"]);
    assert_eq!(webhooks(app, &one).await, 200);
    receiver.on("/keys", answers(500, "{}"));
    app.get(&format!("/api/v1/deliveries/stream?webhookId={webhook}")).token(&one)
}

#[tokio::test]
async fn a_stream_is_silent_and_goes_on_when_its_caller_cannot_be_checked_for_a_moment() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let receiver = serving_keys(&app, &own).await;
    let mut stream = Stream::of(stream_of_user(&app, &own, &receiver).await).await;
    assert_eq!(stream.next().await.0, "open");
    app.clock.advance(Duration::from_mins(30));
    let next = tokio::spawn(async move { stream.next().await.0 });
    app.event(&own, Some(TENANT)).await;
    eventually(async || (fetches(&receiver) == 2).then_some(())).await;
    receiver.on("/keys", answers(200, &key_set("one", &EC)));
    // From now on another fetch may be made.
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(next.await.expect("it reads"), "delivery", "what happened meanwhile is told");
}

#[tokio::test]
async fn a_stream_ends_when_its_caller_cannot_be_checked_for_long() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let receiver = serving_keys(&app, &own).await;
    let body = stream_of_user(&app, &own, &receiver).await.stream().await;
    let all = tokio::spawn(body.collect());
    app.clock.advance(Duration::from_mins(30));
    // With the second fetch, the caller could not be checked with the first.
    eventually(async || {
        app.clock.advance(Duration::from_secs(5));
        (fetches(&receiver) >= 3).then_some(())
    })
    .await;
    tokio::time::pause();
    tokio::time::advance(STREAM_UNCHECKED).await;
    tokio::time::resume();
    let all = tokio::time::timeout(Duration::from_secs(20), all).await.expect("it ends").expect("it reads");
    let all = all.expect("no error").to_bytes();
    assert!(String::from_utf8_lossy(&all).contains("issuer_unreachable"), "{all:?}");
}
