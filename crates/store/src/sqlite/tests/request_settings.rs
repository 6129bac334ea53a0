//! Settings of requests in the files: of databases that had none, and as bytes.

use std::collections::HashMap;

use postrider_core::request::{RequestSettings, SettingsRevision};
use postrider_core::shape::{CustomHeader, HeaderVisibility};

use super::*;
use crate::{Found, WebhookPatch};

fn database(directory: &Path) -> Connection {
    Connection::open(directory.join(DATABASE_FILE)).unwrap()
}

#[tokio::test]
async fn a_database_without_settings_gets_those_of_its_webhooks_and_its_attempts_have_none() {
    let directory = TempDir::new().unwrap();
    let (engine, told) = started(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    let environment = source.webhook.environment_id;
    let (event, delivery, batch) = source.event(600);
    engine.accept(batch).await.unwrap();
    engine.record(source.settlement(event, delivery));
    told.recv_timeout(Duration::from_secs(30)).expect("it is recorded");
    drop(engine);
    // As a migration leaves it.
    database(directory.path())
        .execute_batch("DELETE FROM request_settings; UPDATE attempts SET settings_revision = NULL")
        .unwrap();
    let (engine, _told) = started(directory.path());
    let attempts = engine.attempts(environment, delivery).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.settings).collect::<Vec<_>>(), [None]);
    let first = SettingsRevision::FIRST;
    let found = engine.request_settings(environment, source.webhook.id, vec![first]).await.unwrap();
    assert_eq!(found.get(&first), Some(&RequestSettings::of(&source.webhook)));
}

#[tokio::test]
async fn a_start_does_without_settings_that_cannot_be_written() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let webhook = webhook(&engine, "a secret").await;
    drop(engine);
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON request_settings BEGIN SELECT RAISE(ABORT, 'broken'); END";
    database(directory.path()).execute_batch(&format!("DELETE FROM request_settings; {broken}")).unwrap();
    let first = SettingsRevision::FIRST;
    let found = async |engine: &Sqlite| {
        engine.request_settings(webhook.environment_id, webhook.id, vec![first]).await.unwrap().remove(&first)
    };
    let (engine, _told) = started(directory.path());
    assert_eq!(found(&engine).await, None);
    assert!(engine.directory.webhook(webhook.id).is_some());
    drop(engine);
    database(directory.path()).execute_batch("DROP TRIGGER broken").unwrap();
    let (engine, _told) = started(directory.path());
    assert_eq!(found(&engine).await, Some(RequestSettings::of(&webhook)), "this start writes it");
}

#[tokio::test]
async fn settings_that_nobody_can_read_go_when_something_is_hidden() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let webhook = webhook(&engine, "a secret").await;
    let show = async |visibility| {
        let header = CustomHeader::new("x-a", "value in the clear", visibility).unwrap();
        let access = Access { headers: vec![header], ..Access::default() };
        let patch = WebhookPatch { access: Some(access), ..WebhookPatch::default() };
        engine.update_webhook(webhook.environment_id, None, webhook.id, patch).await.unwrap().unwrap();
    };
    show(HeaderVisibility::Shown).await;
    let database = database(directory.path());
    assert_eq!(database.execute("UPDATE request_settings SET settings = x'00' WHERE revision = 1", []), Ok(1));
    show(HeaderVisibility::Sensitive).await;
    let mut statement = database.prepare("SELECT revision FROM request_settings ORDER BY revision").unwrap();
    let left: Vec<u32> = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(left, [2, 3]);
}

#[tokio::test]
async fn settings_that_nobody_can_read_are_passed_by_and_the_others_are_told() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let webhook = webhook(&engine, "a secret").await;
    let url = EndpointUrl::parse("https://example.org/other").ok();
    let patch = WebhookPatch { url, ..WebhookPatch::default() };
    let second = engine.update_webhook(webhook.environment_id, None, webhook.id, patch).await.unwrap().unwrap();
    let database = database(directory.path());
    assert_eq!(database.execute("UPDATE request_settings SET settings = x'00' WHERE revision = 1", []), Ok(1));
    let asked = vec![webhook.settings, second.settings];
    let found = engine.request_settings(webhook.environment_id, webhook.id, asked).await.unwrap();
    let expected = HashMap::from([(second.settings, RequestSettings::of(&second))]);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn webhooks_are_made_and_changed_where_settings_cannot_be_written() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let database = database(directory.path());
    for event in ["INSERT ON", "UPDATE OF until_event ON", "DELETE ON"] {
        let name = event.split(' ').next().unwrap();
        let refuses = format!("BEFORE {event} request_settings BEGIN SELECT RAISE(ABORT, 'broken'); END");
        database.execute_batch(&format!("CREATE TRIGGER no_{name} {refuses}")).unwrap();
    }
    let webhook = webhook(&engine, "a secret").await;
    let url = EndpointUrl::parse("https://example.org/other").ok();
    let patch = WebhookPatch { url: url.clone(), ..WebhookPatch::default() };
    let changed = engine.update_webhook(webhook.environment_id, None, webhook.id, patch).await.unwrap().unwrap();
    assert_eq!((Some(&changed.url), changed.settings), (url.as_ref(), webhook.settings.next()));
    assert_eq!(engine.delete_webhook(webhook.environment_id, webhook.id).await, Ok(Found::Yes));
}

#[tokio::test]
async fn nothing_is_hidden_that_settings_would_go_on_showing() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let webhook = webhook(&engine, "a secret").await;
    let show = async |visibility| {
        let header = CustomHeader::new("x-a", "value in the clear", visibility).unwrap();
        let access = Access { headers: vec![header], ..Access::default() };
        let patch = WebhookPatch { access: Some(access), ..WebhookPatch::default() };
        engine.update_webhook(webhook.environment_id, None, webhook.id, patch).await
    };
    let shown = show(HeaderVisibility::Shown).await.unwrap().unwrap();
    let broken = "CREATE TRIGGER broken BEFORE UPDATE OF settings ON request_settings \
        BEGIN SELECT RAISE(ABORT, 'broken'); END";
    database(directory.path()).execute_batch(broken).unwrap();
    assert!(matches!(show(HeaderVisibility::Sensitive).await, Err(StoreError::Defect(_))));
    let now = engine.directory.webhook(webhook.id).unwrap();
    assert_eq!(now.settings, shown.settings, "it is refused, so that it is not taken for hidden");
}

#[tokio::test]
async fn values_of_headers_lie_sealed_in_the_files() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let webhook = webhook(&engine, "a secret").await;
    let header = CustomHeader::new("x-a", "value in the clear", HeaderVisibility::Shown).unwrap();
    let access = Access { headers: vec![header], ..Access::default() };
    let patch = WebhookPatch { access: Some(access), ..WebhookPatch::default() };
    engine.update_webhook(webhook.environment_id, None, webhook.id, patch).await.unwrap().unwrap();
    drop(engine);
    let database = database(directory.path());
    let mut statement = database.prepare("SELECT settings FROM request_settings").unwrap();
    let rows: Vec<Vec<u8>> = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert!(!String::from_utf8_lossy(&row).contains("value in"));
    }
}
