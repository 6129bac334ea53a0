//! The server's life: first start, later starts, and every way to end.

use std::io::{PipeReader, PipeWriter, pipe};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use postrider_testkit::receiver::{Behaviour, Receiver, Reply};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;
use serde_json::json;

use crate::support::{
    CLIENT_ID, PATIENCE, SECRET, Server, bootstrapped, first_line, json_of, postrider, reqwest_client, run, signal,
};

fn credentials_of(server: &Server) -> (String, String) {
    let value = |variable| server.printed_value(variable).unwrap_or_else(|| panic!("{:#?}", server.printed));
    (value("POSTRIDER_CLIENT_ID"), value("POSTRIDER_SECRET"))
}

#[tokio::test]
async fn the_first_start_prints_credentials_once_and_logs_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Server::start_with(folder.path(), |command| command.env("POSTRIDER_LOG", "trace")).await;
    let (client_id, secret) = credentials_of(&first);
    first.log_in(&client_id, &secret).await;
    assert!(first.stop().await.success(), "{}", first.logs());
    assert!(!first.logs().contains(&secret), "the secret is in the logs");

    let mut second = Server::start(folder.path()).await;
    second.log_in(&client_id, &secret).await;
    assert!(second.stop().await.success());
    assert_eq!(second.printed.len(), 1, "only where it listens: {:#?}", second.printed);
}

#[tokio::test]
async fn chosen_credentials_are_made_once_and_revoked_ones_stay_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let list = async || {
        let mut command = postrider(folder.path());
        json_of(&run(command.args(["--json", "credential", "list", "--data-dir", "data"])).await)
    };
    for _ in 0..2 {
        let mut server = Server::start_with(folder.path(), bootstrapped).await;
        server.log_in(CLIENT_ID, SECRET).await;
        assert_eq!(list().await.as_array().unwrap().len(), 1);
        assert_eq!(server.printed.len(), 1, "a chosen secret is not printed: {:#?}", server.printed);
        assert!(server.stop().await.success());
    }

    let mut server = Server::start_with(folder.path(), bootstrapped).await;
    let id = list().await[0]["id"].as_str().unwrap().to_owned();
    let revoked = run(postrider(folder.path()).args(["credential", "revoke", &id, "--data-dir", "data"])).await;
    assert!(revoked.status.success());
    assert!(server.stop().await.success());
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let credentials = list().await;
    assert_eq!(credentials.as_array().unwrap().len(), 1, "a revoked secret came back: {credentials}");
    assert!(credentials[0]["revokedAt"].is_string() && server.logs().contains("revoked"));
}

#[tokio::test]
async fn what_chosen_credentials_add_to_an_environment_that_was_there_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).await;
    assert!(server.stop().await.success());
    let mut server = Server::start_with(folder.path(), bootstrapped).await;
    assert!(server.stop().await.success());
    let logs = server.logs();
    assert!(logs.contains("\"Development\" was made") && logs.contains("a credential was made"), "{logs}");
    let another = "another-secret-that-was-chosen";
    let mut server =
        Server::start_with(folder.path(), |command| bootstrapped(command).env("POSTRIDER_BOOTSTRAP_SECRET", another))
            .await;
    assert!(server.stop().await.success());
    let more = server.logs();
    assert!(more.contains("a credential was made") && more.contains(CLIENT_ID), "{more}");
    assert!(!more.contains("Development"), "the environment was there: {more}");
    for secret in [SECRET, another] {
        assert!(!logs.contains(secret) && !more.contains(secret), "a secret is in the logs");
    }
}

#[tokio::test]
async fn who_may_do_what_and_what_was_refused_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    receiver.on("/gone", Behaviour::Answer(Reply::new(410, String::new())));
    let server = Server::start_with(folder.path(), |command| {
        bootstrapped(command).env("POSTRIDER_LOG", "info,postrider_api=debug").env("POSTRIDER_LOG_FORMAT", "json")
    })
    .await;
    let call = async |arguments: &[&str]| {
        let mut command = postrider(folder.path());
        json_of(&run(command.arg("--json").args(arguments).args(["--data-dir", "data"])).await)
    };
    let credential = call(&["credential", "create", "billing"]).await;
    let revoked = credential["id"].as_str().unwrap();
    call(&["credential", "revoke", revoked]).await;
    let operator = call(&["operator-token", "create", "deployment"]).await;
    call(&["operator-token", "revoke", operator["id"].as_str().unwrap()]).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let path = "/api/v1/deliveries?text=a-private-text&limit=0";
    let refused = reqwest_client().get(format!("{}{path}", server.url)).bearer_auth(&token).send().await.unwrap();
    let refused: serde_json::Value = refused.json().await.unwrap();
    let request = refused["requestId"].as_str().unwrap();
    let webhook = server.subscribe(&token, &receiver.url("/gone"), "a-long-secret").await;
    server.post(&token, "/api/v1/events", &json!({"eventKey": "a.b", "payload": {}})).await;

    let line = async |words: &str, of: &str| {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let logs = server.logs();
            if let Some(line) = logs.lines().find(|line| line.contains(words) && line.contains(of)) {
                return line.to_owned();
            }
            assert!(std::time::Instant::now() < deadline, "{words:?} of {of} is not in {logs}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(line("a credential was made", revoked).await.contains("billing"));
    line("a credential was revoked", revoked).await;
    line("an operator's token was made", operator["id"].as_str().unwrap()).await;
    line("an operator's token was revoked", operator["id"].as_str().unwrap()).await;
    assert!(line("a webhook was switched off", &webhook).await.contains("gone"));
    let told = line("a call was refused", request).await;
    for part in ["\"GET\"", "\"/api/v1/deliveries\"", "400", "invalid_parameter"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let logs = server.logs();
    let secrets = [&credential["secret"], &operator["token"]].map(|secret| secret.as_str().unwrap());
    for secret in [secrets[0], secrets[1], SECRET, token.as_str(), "a-private-text"] {
        assert!(!logs.contains(secret), "{secret} is in {logs}");
    }
}

#[tokio::test]
async fn sigterm_lets_an_attempt_in_flight_finish() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    // Some forty bytes of headers: the answer is complete about a second after the request.
    receiver.on("/slow", Behaviour::DripHeaders(Reply::new(200, ""), Duration::from_millis(25)));
    let mut server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    server.subscribe(&token, &receiver.url("/slow"), "a-long-secret").await;
    let event = server.post(&token, "/api/v1/events", &json!({"eventKey": "a.b", "payload": {}})).await;
    receiver.wait_for(1, PATIENCE).await;
    assert!(server.stop().await.success(), "{}", server.logs());

    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let id = event["eventId"].as_str().unwrap();
    let deliveries = server.get(&token, &format!("/api/v1/events/{id}/deliveries")).await;
    assert_eq!(deliveries["items"][0]["state"], "delivered", "{deliveries}");
    assert_eq!(receiver.received().len(), 1, "what finished is not sent again");
}

#[tokio::test]
async fn what_a_second_signal_gives_up_is_sent_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    receiver.script("/stuck", [Behaviour::Hang, Behaviour::Answer(Reply::new(204, ""))]);
    let mut server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    server.subscribe(&token, &receiver.url("/stuck"), "a-long-secret").await;
    server.post(&token, "/api/v1/events", &json!({"eventKey": "a.b", "payload": {}})).await;
    receiver.wait_for(1, PATIENCE).await;
    // Two of a kind can become one on their way.
    server.signal(Signal::TERM);
    server.signal(Signal::INT);
    assert_eq!(server.wait().await.code(), Some(1), "{}", server.logs());

    let _server = Server::start_with(folder.path(), bootstrapped).await;
    let requests = receiver.wait_for(2, PATIENCE).await;
    assert_eq!(requests[0].headers["webhook-id"], requests[1].headers["webhook-id"]);
}

#[tokio::test]
async fn the_data_is_its_owners_alone_and_the_control_socket_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("data/control.sock");
    // As a package or an image makes it.
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::set_permissions(folder.path().join("data"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut server = Server::start(folder.path()).await;
    for entry in std::fs::read_dir(folder.path().join("data")).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
    server.signal(Signal::KILL);
    server.wait().await;
    assert!(socket.exists(), "a killed server leaves its socket behind");

    let mut server = Server::start(folder.path()).await;
    let listed = run(postrider(folder.path()).args(["--json", "environment", "list", "--data-dir", "data"])).await;
    assert_eq!(json_of(&listed)[0]["name"], "Development", "the next server replaces it");
    assert!(server.stop().await.success());
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_data_directory_that_others_can_write_to_is_warned_of_as_by_the_doctor() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for (mode, at_start) in [(0o777, true), (0o755, false)] {
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut server = Server::start(folder.path()).await;
        assert!(server.stop().await.success(), "{}", server.logs());
        let mut doctor = postrider(folder.path());
        doctor.args(["--json", "doctor", "--offline", "--listen", "127.0.0.1:1", "--data-dir", "data"]);
        let report = json_of(&run(&mut doctor).await);
        let findings = report["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["check"] == "data directory").unwrap();
        let message = finding["message"].as_str().unwrap();
        assert!(finding["verdict"] == "warn" && message.contains(&format!("mode {mode:03o}")), "{finding}");
        assert_eq!(server.logs().contains(message), at_start, "{message}: {}", server.logs());
        assert_eq!(server.logs().contains("chmod 700 data"), at_start, "{}", server.logs());
    }
}

#[tokio::test]
async fn a_server_whose_data_was_deleted_says_so_and_accepts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let event = json!({"eventKey": "a.b", "payload": {}});
    server.post(&token, "/api/v1/events", &event).await;
    std::fs::remove_dir_all(folder.path().join("data")).unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while server.caller().try_post(&token, "/api/v1/events", &event).await.is_some() {
        assert!(std::time::Instant::now() < deadline, "events are accepted: {}", server.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answer = reqwest_client().get(format!("{}/readyz", server.url)).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.text().await.unwrap().contains("data directory"));
    assert!(server.logs().contains("was moved or deleted"), "{}", server.logs());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_those_who_listen() {
    let folder = tempfile::tempdir().unwrap();
    // A quarter of it would be spent on the stream.
    let mut server = Server::start_with(folder.path(), |command| {
        bootstrapped(command).env("POSTRIDER_SHUTDOWN_PATIENCE_SECONDS", "3600")
    })
    .await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let stream = reqwest_client().get(format!("{}/api/v1/events/stream", server.url)).bearer_auth(token).send();
    let stream = stream.await.unwrap().error_for_status().unwrap();
    assert!(server.stop().await.success());
    assert!(stream.text().await.unwrap().contains("event: stream"), "it ended in order");
}

#[tokio::test]
async fn metrics_and_health_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    server.post(&token, "/api/v1/events", &json!({"eventKey": "a.b", "payload": {}})).await;
    let get = async |path: &str| {
        let answer = reqwest_client().get(format!("{}{path}", server.url)).send().await.unwrap();
        answer.error_for_status().unwrap().text().await.unwrap()
    };
    get("/healthz").await;
    get("/readyz").await;
    let metrics = get("/metrics").await;
    for line in ["postrider_events_accepted_total 1", "postrider_store_commit_seconds_bucket{le=\"0.001\"}"] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

/// A pipe that takes no byte more, as nobody reads.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    for size in [4_096, 1] {
        while rustix::io::write(&writer, &vec![b'.'; size]).is_ok() {}
    }
    fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (unread, full) = full_pipe();
    let mut command = postrider(folder.path());
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir", "data", "--log", "debug"]);
    let command = bootstrapped(&mut command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(full);
    let mut child = command.spawn().unwrap();
    let id = child.id();
    let (line, _stdout) = first_line(child.stdout.take().unwrap()).await;
    let url = line.trim_start_matches("Listening on ").trim();
    for _ in 0..3 {
        let credentials = json!({"clientId": CLIENT_ID, "secret": "wrong"});
        let answer = reqwest_client().post(format!("{url}/auth/vendor")).json(&credentials).send().await.unwrap();
        assert_eq!(answer.status(), 401);
    }
    signal(id, Signal::TERM);
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    let Ok(status) = tokio::time::timeout(PATIENCE, ended).await else {
        signal(id, Signal::KILL);
        panic!("it waits for somebody to read its log");
    };
    assert!(status.unwrap().success());
    drop(unread);
}

#[tokio::test]
async fn a_terminal_that_is_closed_ends_it_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_with(folder.path(), bootstrapped).await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let bits = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    if bits("SigIgn:") & 1 == 1 {
        assert_eq!(bits("SigCgt:") & 1, 0, "these tests outlive their terminal, and so does what they start");
        return;
    }
    // The shell sends one as well.
    server.signal(Signal::HUP);
    server.signal(Signal::HUP);
    assert!(server.wait().await.success(), "{}", server.logs());
    assert!(server.logs().contains("SIGHUP") && server.logs().contains("stopped"), "{}", server.logs());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_may_not_grow_is_told_and_kills_nothing() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let grow_to = |current| {
        let pid = Pid::from_raw(i32::try_from(server.id()).unwrap());
        prlimit(pid, Resource::Fsize, Rlimit { current, maximum: None }).unwrap();
    };
    let event = json!({"eventKey": "a.b", "payload": {}});
    grow_to(Some(4_096));
    for _ in 0..2 {
        let request = reqwest_client().post(format!("{}/api/v1/events", server.url)).bearer_auth(&token).json(&event);
        assert_eq!(request.send().await.unwrap().status(), 503, "{}", server.logs());
    }
    grow_to(None);
    let recovers = async {
        while server.caller().try_post(&token, "/api/v1/events", &event).await.is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, recovers).await.expect("it recovers by itself");
    assert!(server.stop().await.success(), "{}", server.logs());
    let told = server.logs().matches("events cannot be written at the moment").count();
    assert_eq!(told, 1, "once a minute, in words: {}", server.logs());
}
