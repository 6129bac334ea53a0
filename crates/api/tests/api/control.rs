//! The control socket: an operator's rights in every environment.

use std::time::Duration;

use http::Method;
use postrider_store::{Actor, NewEnvironment};
use serde_json::json;

use crate::app::{App, text};

#[tokio::test]
async fn the_only_environment_is_meant_and_among_several_one_is_named() {
    let app = App::start().await;
    let webhooks = |environment: Option<&str>| {
        let call = app.operate(Method::GET, "/api/v1/webhooks");
        match environment {
            Some(id) => call.header("postrider-environment", id),
            None => call,
        }
    };
    assert_eq!(webhooks(None).code(400).await, "invalid_parameter");
    let own = app.environment("own").await;
    webhooks(None).expect(200).await;
    let other = app.environment("other").await;
    assert_eq!(webhooks(None).code(400).await, "invalid_parameter");
    app.webhook(&other, None, "https://example.com").await;
    assert_eq!(webhooks(Some(&own.id)).expect(200).await["items"], json!([]));
    assert_eq!(webhooks(Some(&other.id)).expect(200).await["items"].as_array().expect("items").len(), 1);
    assert_eq!(webhooks(Some("x")).code(400).await, "invalid_parameter");
    assert_eq!(webhooks(Some("00000000-0000-7000-8000-000000000000")).code(404).await, "not_found");
}

#[tokio::test]
async fn the_marker_of_the_control_socket_cannot_be_sent() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let call = app.get("/api/v1/environments").header("postrider-environment", &own.id);
    assert_eq!(call.code(401).await, "token_missing");
    let listed = app.operate(Method::GET, "/api/v1/environments").expect(200).await;
    assert_eq!(text(&listed["items"][0]["name"]), "own");
    // The Frontegg API is for the network.
    assert_eq!(app.operate(Method::GET, "/webhook").send().await.status, 404);
}

#[tokio::test]
async fn environments_are_listed_as_they_were_made_whatever_their_ids() {
    let app = App::start().await;
    app.environment("first").await;
    app.clock.advance(Duration::from_secs(1));
    let chosen = "00000000-0000-4000-8000-000000000000".parse().expect("an id");
    let new = NewEnvironment { id: Some(chosen), name: "second".to_owned(), made_by: Actor::Control };
    app.engine.store().create_environment(new).await.expect("made");
    let listed = app.operate(Method::GET, "/api/v1/environments").expect(200).await;
    let names: Vec<_> = listed["items"].as_array().expect("items").iter().map(|item| text(&item["name"])).collect();
    assert_eq!(names, ["first", "second"]);
}
