//! Commands that talk to a server: as its operator over the control socket, and as an environment over TCP.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use postrider_core::Clock as _;
use postrider_core::signature::{Secret, verify_jwt, verify_standard};
use postrider_testkit::receiver::{Received, Receiver};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    CLIENT_ID, PATIENCE, SECRET, Server, bootstrapped, first_line, json_of, lines_of, postrider, run, signal, stderr_of,
};

const WEBHOOK_SECRET: &str = "a-long-secret";

/// This machine's clock, as the server and the receiver have it.
struct Now;

impl postrider_core::Clock for Now {
    fn now(&self) -> postrider_core::Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the real program signs with the real time")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        postrider_core::Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
    }
}

fn assert_signed(request: &Received, secret: &str) {
    let secret = Secret::from_vendor(secret).unwrap().unwrap();
    let header = |name: &str| request.headers[name].to_str().unwrap();
    verify_jwt(header("x-webhook-secret"), &secret, Now.now()).unwrap();
    let (id, timestamp, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    verify_standard(id, timestamp, signature, &request.body, &secret, Now.now(), PATIENCE).unwrap();
}

#[tokio::test]
async fn a_triggered_sample_reaches_the_receiver_signed() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    server.subscribe(&token, &receiver.url("/hook"), WEBHOOK_SECRET).await;

    let mut command = postrider(folder.path());
    command.args([
        "--json",
        "trigger",
        "frontegg.user.created",
        "--tenant",
        "acme",
        "--user",
        "ada",
        "--data-dir",
        "data",
    ]);
    let triggered = run(command.args(["--set", "user.email=ada@example.com", "--set", "user.verified=null"])).await;
    let receipt = json_of(&triggered);
    assert_eq!(receipt["deliveries"], 1);

    let request = &receiver.wait_for(1, PATIENCE).await[0];
    assert_signed(request, WEBHOOK_SECRET);
    assert_eq!(request.headers["webhook-id"], receipt["eventId"].as_str().unwrap());
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&body["eventContext"]["tenantId"], &body["eventContext"]["userId"]), (&"acme".into(), &"ada".into()));
    assert_eq!((&body["user"]["email"], &body["user"]["verified"]), (&"ada@example.com".into(), &Value::Null));

    // The same over TCP, by variables; a payload keeps its bytes.
    let mut command = postrider(folder.path());
    command.env("POSTRIDER_URL", &server.url).env("POSTRIDER_CLIENT_ID", CLIENT_ID).env("POSTRIDER_SECRET", SECRET);
    let triggered = run(command.args(["trigger", "some.other", "--payload", r#"{"n":1e400,"x":1.0}"#])).await;
    assert!(triggered.status.success(), "{}", stderr_of(&triggered));
    let request = &receiver.wait_for(2, PATIENCE).await[1];
    assert!(request.body.ends_with(br#""n":1e400,"x":1.0}"#), "{:?}", request.body);

    // Who may report alone cannot read samples.
    let mut command = postrider(folder.path());
    command.args(["--json", "credential", "create", "reporter", "--scope", "events", "--data-dir", "data"]);
    let reporter = json_of(&run(&mut command).await)["secret"].as_str().unwrap().to_owned();
    let mut command = postrider(folder.path());
    command.env("POSTRIDER_URL", &server.url).env("POSTRIDER_CLIENT_ID", CLIENT_ID).env("POSTRIDER_SECRET", reporter);
    let refused = run(command.args(["trigger", "frontegg.user.created"])).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr_of(&refused).contains("the sample cannot be read"), "{}", stderr_of(&refused));
    let answer = run(command.args(["--payload", "{}"])).await;
    assert!(stderr_of(&refused).contains("--payload") && answer.status.success(), "{}", stderr_of(&answer));

    let mut command = postrider(folder.path());
    let unknown = run(command.args(["trigger", "frontegg.user.creatd", "--data-dir", "data"])).await;
    assert!(stderr_of(&unknown).contains("did you mean frontegg.user.created?"), "{}", stderr_of(&unknown));
}

#[tokio::test]
async fn listening_forwards_events_of_the_tenant_signed() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let mut command = postrider(folder.path());
    command.args(["--json", "listen", "--forward-to", &receiver.url("/local"), "--tenant", "acme"]);
    command.args(["--sign-with", WEBHOOK_SECRET, "--data-dir", "data"]);
    let mut listening = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It says so when it listens; what is sent before would not be forwarded.
    let (line, _stderr) = first_line(listening.stderr.take().unwrap()).await;
    assert!(line.starts_with("Listening"), "{line}");

    for tenant in ["globex", "acme"] {
        let event = serde_json::json!({"eventKey": "a.b", "tenantId": tenant, "payload": {"of": tenant}});
        server.post(&token, "/api/v1/events", &event).await;
    }
    let requests = receiver.wait_for(1, PATIENCE).await;
    assert_signed(&requests[0], WEBHOOK_SECRET);
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(body["of"], "acme", "events of another tenant are not forwarded");

    let (line, _stdout) = first_line(listening.stdout.take().unwrap()).await;
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["statusCode"], &line["tenantId"]), (&200.into(), &"acme".into()), "{line}");
    listening.kill().unwrap();
    listening.wait().unwrap();
}

#[tokio::test]
async fn operators_make_environments_and_credentials_here_and_with_a_token_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let here = async |arguments: &[&str]| {
        let mut command = postrider(folder.path());
        json_of(&run(command.arg("--json").args(arguments).args(["--data-dir", "data"])).await)
    };
    let made = here(&["environment", "create", "Production"]).await;
    let client_id = made["clientId"].as_str().unwrap();
    server.log_in(client_id, made["secret"].as_str().unwrap()).await;

    let mut ambiguous = postrider(folder.path());
    let ambiguous = run(ambiguous.args(["credential", "list", "--data-dir", "data"])).await;
    let said = stderr_of(&ambiguous);
    assert!(said.contains("--environment") && said.contains(client_id) && said.contains("Development"), "{said}");

    let operator_token = here(&["operator-token", "create", "deployment"]).await;
    let elsewhere = async |arguments: &[&str]| {
        let mut command = postrider(folder.path());
        command.env("POSTRIDER_OPERATOR_TOKEN", operator_token["token"].as_str().unwrap());
        run(command.arg("--json").args(arguments).args(["--url", &server.url])).await
    };
    let create = ["credential", "create", "billing", "--scope", "events", "--environment", client_id];
    let credential = json_of(&elsewhere(&create).await);
    assert_eq!((&credential["scope"], &credential["createdBy"]), (&"events".into(), &Value::Null));
    let secret = credential["secret"].as_str().unwrap();
    server.log_in(client_id, secret).await;
    let id = credential["id"].as_str().unwrap();
    assert!(elsewhere(&["credential", "revoke", id, "--environment", client_id]).await.status.success());
    let refused = crate::support::reqwest_client()
        .post(format!("{}/auth/vendor", server.url))
        .json(&serde_json::json!({"clientId": client_id, "secret": secret}))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 401, "a revoked secret opens nothing");

    let exported = async |arguments: &[&str]| {
        let mut command = postrider(folder.path());
        run(command.env("POSTRIDER_URL", &server.url).args(["environment", "list"]).args(arguments)).await
    };
    let refused = exported(&[]).await;
    assert_eq!(refused.status.code(), Some(1), "a server that is named is no other");
    assert!(stderr_of(&refused).contains("POSTRIDER_OPERATOR_TOKEN"), "{}", stderr_of(&refused));
    assert!(exported(&["--operator-token", operator_token["token"].as_str().unwrap()]).await.status.success());
    assert!(exported(&["--data-dir", "data"]).await.status.success(), "a flag passes the variable over");

    here(&["operator-token", "revoke", operator_token["id"].as_str().unwrap()]).await;
    let refused = elsewhere(&["environment", "list"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr_of(&refused).contains("operator's token"), "{}", stderr_of(&refused));
}

#[tokio::test]
async fn a_server_with_its_defaults_is_found_without_any_flag() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = postrider(folder.path());
    // The port alone is not the default: others may have that.
    let _server = Server::spawn(serve.args(["serve", "--listen", "127.0.0.1:0"])).await;
    let trigger = async || run(postrider(folder.path()).args(["--json", "trigger", "frontegg.user.created"])).await;
    assert_eq!(json_of(&trigger().await)["deliveries"], 0);
    assert!(run(postrider(folder.path()).args(["environment", "create", "Two"])).await.status.success());
    let said = stderr_of(&trigger().await);
    assert!(said.contains("--environment") && said.contains("Two ("), "{said}");
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_leads_to_no_other_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = postrider(folder.path());
    let _server = Server::spawn(serve.args(["serve", "--listen", "127.0.0.1:0"])).await;
    let refused = async |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = postrider(folder.path());
        let output = run(command.args(arguments).envs(variables.iter().copied())).await;
        assert_eq!(output.status.code(), Some(3), "{arguments:?} {variables:?}: {}", stderr_of(&output));
        stderr_of(&output)
    };
    for arguments in [["environment", "list"], ["operator-token", "list"], ["trigger", "a.b"]] {
        let said = refused(&arguments, &[("POSTRIDER_CONFIG", "/nofile.toml")]).await;
        assert!(said.contains("/nofile.toml: cannot be read"), "{said}");
    }
    let environment = [("POSTRIDER_CLIENT_ID", CLIENT_ID), ("POSTRIDER_SECRET", SECRET), ("POSTRIDER_LISTEN", "x")];
    assert!(refused(&["trigger", "a.b"], &environment).await.contains("POSTRIDER_LISTEN"));
    let file = folder.path().join("postrider.toml");
    std::fs::write(&file, "listen = ").unwrap();
    assert!(refused(&["environment", "list"], &[]).await.contains("is not valid TOML"));
    // What the command does not ask for is the server's business.
    std::fs::write(&file, "retention_days = 0").unwrap();
    let listed = run(postrider(folder.path()).args(["environment", "list"])).await;
    assert!(listed.status.success(), "{}", stderr_of(&listed));
}

#[tokio::test]
async fn event_types_go_out_as_documents_and_come_in_from_one() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Server::start_with(folder.path(), bootstrapped).await;
    let command = async |arguments: &[&str]| {
        let mut command = postrider(folder.path());
        run(command.arg("event-types").args(arguments).args(["--data-dir", "data"])).await
    };
    let exported = command(&["export"]).await;
    std::fs::write(folder.path().join("openapi.json"), &exported.stdout).unwrap();
    assert_eq!(json_of(&command(&["export", "--format", "asyncapi"]).await)["asyncapi"], "3.0.0");

    let again = json_of(&command(&["import", "openapi.json", "--json"]).await);
    assert_eq!(again["unchanged"].as_array().unwrap().len(), 50, "{again}");
    let mut document = json_of(&exported);
    document["webhooks"]["order.paid"] = serde_json::json!({"post": {"summary": "Order paid"}});
    document["webhooks"]["frontegg.user.created"]["post"]["summary"] = "New user".into();
    std::fs::write(folder.path().join("openapi.json"), document.to_string()).unwrap();
    for (arguments, verb) in
        [(["import", "openapi.json", "--dry-run"].as_slice(), "would be"), (&["import", "openapi.json"], "were")]
    {
        let told = String::from_utf8(command(arguments).await.stdout).unwrap();
        assert!(
            told.contains("new order.paid\n") && told.contains("changed frontegg.user.created: displayName\n"),
            "{told}"
        );
        assert!(told.contains(&format!("1 {verb} made, 1 changed, 49 are as they were")), "{told}");
    }
    let refused = command(&["import", "missing.json"]).await;
    assert!(stderr_of(&refused).contains("missing.json cannot be read"), "{}", stderr_of(&refused));
}

#[tokio::test]
async fn jobs_are_listed_and_steered() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    server.subscribe(&token, &receiver.url("/hook"), WEBHOOK_SECRET).await;
    let call = async |arguments: &[&str]| {
        let mut command = postrider(folder.path());
        run(command.arg("--json").args(arguments).args(["--data-dir", "data"])).await
    };
    let events = vec![serde_json::json!({ "eventKey": "a.b", "payload": {} }); 50];
    server.post(&token, "/api/v1/events/batch", &events.into()).await;
    receiver.wait_for(50, PATIENCE).await;
    let webhook = lines_of(&call(&["deliveries", "list"]).await)[0]["webhookId"].as_str().unwrap().to_owned();
    // It has something to do for longer than this test takes.
    let followed = ["replay", "--from", "2020-01-01T00:00:00Z", "--webhook", &webhook, "--rate", "1"];
    let followed = [&followed[..], &["--idempotency-key", "once"]].concat();
    let replay = [&followed[..], &["--detach"]].concat();
    let id = json_of(&call(&replay).await)["id"].as_str().unwrap().to_owned();
    assert_eq!(json_of(&call(&["jobs", "list"]).await)[0]["id"], *id);
    let mut command = postrider(folder.path());
    command.args(&followed).args(["--data-dir", "data"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut following = command.spawn().unwrap();
    let mut said = BufReader::new(following.stderr.take().unwrap()).lines();
    let named = id.clone();
    let interrupting = tokio::task::spawn_blocking(move || {
        let named = format!("job {named}");
        said.by_ref().map(Result::unwrap).find(|line| *line == named).expect("the job is named");
        signal(following.id(), Signal::INT);
        let rest: Vec<_> = said.map(Result::unwrap).collect();
        (following.wait().unwrap(), rest.join("\n"))
    });
    let (interrupted, rest) = tokio::time::timeout(PATIENCE, interrupting).await.expect("it ends").unwrap();
    assert_eq!(interrupted.code(), Some(130));
    assert!(rest.contains(&format!("postrider jobs cancel {id}")), "how to end what goes on: {rest}");
    assert_eq!(json_of(&call(&["jobs", "pause", &id]).await)["state"], "paused");
    assert_eq!(json_of(&call(&["jobs", "rate", &id, "7"]).await)["ratePerSecond"], 7);
    let shown = json_of(&call(&["jobs", "show", &id]).await);
    assert_eq!((&shown["state"], &shown["ratePerSecond"]), (&"paused".into(), &7.into()));
    let made = lines_of(&call(&["deliveries", "list", "--job", &id]).await).len();
    assert_eq!(shown["done"], made);
    assert_eq!(json_of(&call(&["jobs", "resume", &id]).await)["state"], "running");
    json_of(&call(&["jobs", "rate", &id, "1"]).await);
    assert_eq!(json_of(&call(&["jobs", "cancel", &id]).await)["state"], "cancelled");
    let ended = call(&followed).await;
    assert_eq!((&json_of(&ended)["id"], &json_of(&ended)["state"]), (&id.as_str().into(), &"cancelled".into()));
    assert_eq!(ended.status.code(), Some(1), "a job that was cancelled did not do what was asked for");
    let refused = call(&["jobs", "rate", &id, "1"]).await;
    assert!(!refused.status.success() && stderr_of(&refused).contains("ended"), "{}", stderr_of(&refused));
    let mut command = postrider(folder.path());
    let told = run(command.args(["jobs", "list", "--data-dir", "data"])).await;
    assert!(String::from_utf8_lossy(&told.stdout).contains("cancelled"));
}

#[tokio::test]
async fn a_retention_is_shown_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Server::start_with(folder.path(), bootstrapped).await;
    let call = async |arguments: &[&str]| {
        let mut command = postrider(folder.path());
        run(command.arg("retention").args(arguments).args(["--data-dir", "data"])).await
    };
    let told = async |arguments: &[&str]| {
        let output = call(arguments).await;
        assert!(output.status.success(), "{}", stderr_of(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = serde_json::json!({ "days": null, "defaultDays": 30, "effectiveDays": 30 });
    assert_eq!(json_of(&call(&["--json"]).await), shown);
    assert!(told(&[]).await.contains("kept for 30 days, as the server's configuration says"));
    let set = serde_json::json!({ "days": 90, "defaultDays": 30, "effectiveDays": 90 });
    assert_eq!(json_of(&call(&["--days", "90", "--json"]).await), set);
    assert_eq!(json_of(&call(&["--json"]).await), set);
    let shorter = told(&["--days", "1"]).await;
    assert!(shorter.contains("kept for 1 day.") && shorter.contains("cannot be brought back"), "{shorter}");
    let longer = told(&["--default"]).await;
    assert!(longer.contains("kept for 30 days") && !longer.contains("cannot be brought back"), "{longer}");
    let refused = call(&["--days", "0"]).await;
    assert!(refused.status.code() == Some(2) && stderr_of(&refused).contains("1..=3650"), "{}", stderr_of(&refused));
    let both = call(&["--days", "1", "--default"]).await;
    assert_eq!(both.status.code(), Some(2), "one or the other");
}
