//! Hidden values go to the server that they were given for, and to no other.

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::app::{App, Environment, text};

const WEBHOOKS: &str = "/api/v1/webhooks";
const BEFORE: &str = "https://crm.example/hooks";

async fn webhook(app: &App, environment: &Environment, more: &Value) -> String {
    let mut form = json!({ "url": BEFORE, "eventKeys": ["a"], "tenantId": "acme" });
    form.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    text(&app.post(WEBHOOKS).token(&environment.token).json(&form).expect(201).await["id"])
}

/// Where a change is refused for what it does not give again; none where it is taken.
async fn missing(app: &App, environment: &Environment, id: &str, change: &Value) -> Option<Vec<String>> {
    let answer = app.patch(&format!("{WEBHOOKS}/{id}")).token(&environment.token).json(change).send().await;
    let body = answer.json();
    if answer.status == 200 {
        return None;
    }
    assert_eq!((answer.status.as_u16(), &body["code"]), (422, &json!("invalid_value")), "{change}: {body}");
    Some(body["errors"].as_array().expect("places").iter().map(|issue| text(&issue["at"])).collect())
}

#[tokio::test]
async fn a_url_that_leads_elsewhere_takes_hidden_values_only_where_they_are_given_again() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let pair = KeyPair::generate().expect("a key");
    let certificate =
        CertificateParams::new(vec!["client".to_owned()]).expect("names").self_signed(&pair).expect("one");
    let (certificate, key) = (certificate.pem(), pair.serialize_pem());
    let key_header = json!({ "name": "X-Key", "value": "s3cret", "isSensitive": true });
    let shown_header = json!({ "name": "x-shown", "value": "for all" });
    let hidden_header = json!({ "name": "x-key", "isSensitive": true });
    let oauth2 = |secret: Value| json!({ "type": "oauth2", "tokenUrl": "https://id.example/token", "clientId": "c", "clientSecret": secret });
    let whole = json!({ "certificate": certificate, "privateKey": key });
    let chain = json!({ "certificate": certificate });
    for (has, says, at) in [
        (json!({ "headers": [key_header] }), json!({}), "/headers"),
        (json!({ "headers": [key_header] }), json!({ "headers": [shown_header, hidden_header] }), "/headers/1/value"),
        (
            json!({ "authentication": { "type": "basic", "username": "u", "password": "p" } }),
            json!({ "authentication": { "type": "basic", "username": "u" } }),
            "/authentication/password",
        ),
        (json!({ "authentication": { "type": "bearer", "token": "t" } }), json!({}), "/authentication/token"),
        (
            json!({ "authentication": oauth2(json!("s")) }),
            json!({ "authentication": oauth2(Value::Null) }),
            "/authentication/clientSecret",
        ),
        (json!({ "clientCertificate": whole }), json!({}), "/clientCertificate/privateKey"),
        (json!({ "clientCertificate": whole }), json!({ "clientCertificate": chain }), "/clientCertificate/privateKey"),
    ] {
        let id = webhook(&app, &own, &has).await;
        let to = |url: &str| {
            let mut change = says.clone();
            change["url"] = json!(url);
            change
        };
        // Scheme, host and port each make another server of it.
        for elsewhere in ["https://evil.example/hooks", "http://crm.example/hooks", "https://crm.example:8443/hooks"] {
            assert_eq!(missing(&app, &own, &id, &to(elsewhere)).await, Some(vec![at.to_owned()]), "{has} {says}");
        }
        // Frontegg's API cannot give them, so it cannot lead them away.
        let frontegg = app.patch(&format!("/webhook/{id}")).token(&own.token).tenant("acme");
        let refused = frontegg.json(&json!({ "url": "https://evil.example/hooks" })).expect(400).await;
        assert!(text(&refused["errors"][0]).contains("must be entered again"), "{refused}");
        let kept = app.get(&format!("{WEBHOOKS}/{id}")).token(&own.token).expect(200).await;
        assert_eq!(kept["url"], BEFORE);
        assert_eq!(missing(&app, &own, &id, &to("https://CRM.example:443/other")).await, None, "the same server");
        let mut again = has.clone();
        again["url"] = json!("https://new.example");
        assert_eq!(missing(&app, &own, &id, &again).await, None, "{again}");
        assert_eq!(missing(&app, &own, &id, &to(BEFORE)).await, Some(vec![at.to_owned()]), "the way back is no other");
    }
}

#[tokio::test]
async fn what_is_not_hidden_or_is_taken_away_goes_along() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let has = json!({
        "headers": [{ "name": "x-shown", "value": "for all" }, { "name": "x-key", "value": "s", "isSensitive": true }],
        "authentication": { "type": "bearer", "token": "t" },
    });
    let id = webhook(&app, &own, &has).await;
    let away = json!({ "url": "https://new.example", "headers": [{ "name": "x-shown", "value": "1" }], "authentication": null });
    let headers_alone = json!({ "url": "https://new.example", "headers": [] });
    assert_eq!(missing(&app, &own, &id, &headers_alone).await, Some(vec!["/authentication/token".to_owned()]));
    assert_eq!(missing(&app, &own, &id, &json!({ "url": "https://new.example" })).await.expect("two").len(), 2);
    assert_eq!(missing(&app, &own, &id, &away).await, None);
    let free = json!({ "url": "https://newer.example" });
    assert_eq!(missing(&app, &own, &id, &free).await, None);
}

#[tokio::test]
async fn tokens_and_keys_are_fetched_where_nobody_between_reads_along() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let webhook_with = |token_url: &str| {
        let oauth2 = json!({ "type": "oauth2", "tokenUrl": token_url, "clientId": "c", "clientSecret": "s" });
        let form = json!({ "url": BEFORE, "eventKeys": ["a"], "authentication": oauth2 });
        app.post(WEBHOOKS).token(&own.token).json(&form)
    };
    let issuer_with = |url: &str| {
        let issuer = json!({ "issuer": "https://id.example", "audience": own.id, "jwksUrl": url });
        app.put("/api/v1/trusted-issuer").token(&own.token).json(&issuer)
    };
    for plain in ["http://id.example/x", "http://8.8.8.8/x"] {
        let problem = webhook_with(plain).expect(422).await;
        assert_eq!(problem["errors"][0]["at"], "/authentication/tokenUrl", "{problem}");
        let problem = issuer_with(plain).expect(422).await;
        assert_eq!(problem["errors"][0]["at"], "/jwksUrl", "{problem}");
    }
    for good in ["https://id.example/x", "http://127.0.0.1:9000/x"] {
        webhook_with(good).expect(201).await;
        issuer_with(good).expect(200).await;
    }
}

#[tokio::test]
async fn a_list_of_webhooks_holds_no_secrets() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let id = webhook(&app, &own, &json!({ "secret": "a secret to sign with" })).await;
    let one = format!("{WEBHOOKS}/{id}");
    app.post(&format!("{one}/secret/rotate")).token(&own.token).json(&json!({})).expect(200).await;
    let page = app.get(WEBHOOKS).token(&own.token).expect(200).await;
    let row = &page["items"][0];
    assert_eq!((row["id"].as_str(), &row["isSigned"]), (Some(&*id), &json!(true)));
    assert_eq!((row.get("secret"), row.get("previousSecret")), (None, None), "{row}");
    let whole = app.get(&one).token(&own.token).expect(200).await;
    assert!(whole["secret"].is_string() && whole["previousSecret"]["secret"] == "a secret to sign with", "{whole}");
    // Frontegg's clients take it from the list.
    let rows = app.get("/webhook").token(&own.token).tenant("acme").expect(200).await;
    assert_eq!(rows[0]["secret"], whole["secret"]);
}
