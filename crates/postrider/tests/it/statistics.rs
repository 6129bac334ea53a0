//! `postrider statistics`.

use postrider_testkit::receiver::Receiver;
use serde_json::json;

use crate::support::{CLIENT_ID, PATIENCE, SECRET, Server, bootstrapped, json_of, postrider, run, stderr_of};

#[tokio::test]
async fn what_happened_is_told_of_each_subject_by_each_length_of_span() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let webhook = server.subscribe(&token, &receiver.url("/hook"), "a-long-secret").await;
    for tenant in ["acme", "globex", "acme"] {
        let event = json!({ "eventKey": "a.b", "tenantId": tenant, "payload": {} });
        server.post(&token, "/api/v1/events", &event).await;
    }
    receiver.wait_for(3, PATIENCE).await;
    let call = async |arguments: &[&str]| {
        let mut command = postrider(folder.path());
        run(command.arg("statistics").args(arguments).args(["--data-dir", "data"])).await
    };
    for resolution in ["minute", "hour", "day"] {
        for (subject, deliveries) in [
            (["--webhook", &webhook], 3),
            (["--tenant", "acme"], 2),
            (["--tenant", "nobody"], 0),
            (["--event-key", "a.b"], 3),
        ] {
            let arguments = [&subject[..], &["--resolution", resolution, "--from", "2020-01-01T00:00:00Z"]].concat();
            // All minutes that are kept are too many for one series, but for those of tenants.
            let arguments = if resolution == "minute" { &arguments[..4] } else { &arguments[..] };
            let series = json_of(&call(&[arguments, &["--json"]].concat()).await);
            assert_eq!(
                (&series["resolution"], &series["total"]["deliveries"]),
                (&json!(resolution), &json!(deliveries))
            );
        }
    }
    let told = String::from_utf8(call(&[]).await.stdout).unwrap();
    let lines: Vec<Vec<&str>> = told.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.first().unwrap()[..3], ["from", "events", "deliveries"], "{told}");
    assert_eq!(lines.last().unwrap()[..3], ["total", "3", "3"], "{told}");
    assert!((3..=4).contains(&lines.len()), "hours in which nothing happened are left out: {told}");

    let both = call(&["--tenant", "acme", "--event-key", "a.b"]).await;
    assert_eq!(both.status.code(), Some(2), "a series is of one subject");
    let refused = call(&["--from", "yesterday"]).await;
    assert!(!refused.status.success() && stderr_of(&refused).contains("from"), "{}", stderr_of(&refused));
}

#[tokio::test]
async fn what_the_server_could_not_count_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let told = async || {
        let told = run(postrider(folder.path()).args(["statistics", "--data-dir", "data"])).await;
        assert!(told.status.success());
        stderr_of(&told)
    };
    assert_eq!(told().await, "");
    let database = rusqlite::Connection::open(folder.path().join("data/postrider.db")).unwrap();
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON statistics_journal BEGIN SELECT RAISE(ABORT, 'broken'); END";
    database.execute_batch(broken).unwrap();
    // The first of them may still add up what the journal holds.
    for _ in 0..2 {
        server.post(&token, "/api/v1/events", &json!({ "eventKey": "a.b", "payload": {} })).await;
    }
    let said = told().await;
    assert!(said.contains("to now is not counted in full"), "{said}");
}
