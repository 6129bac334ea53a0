//! Commands that need no server.

use std::process::Command;

use postrider_core::Timestamp;
use postrider_core::signature::{Secret, SigningKey};
use postrider_testkit::receiver::{Behaviour, Receiver, Reply};

use crate::support::{Server, json_of, postrider, run, stderr_of};

const SECRET: &str = "a-long-secret";

fn signed() -> (Timestamp, SigningKey) {
    (Timestamp::parse("2026-01-01T00:00:00Z").unwrap(), SigningKey::new(&Secret::from_vendor(SECRET).unwrap().unwrap()))
}

#[tokio::test]
async fn a_token_is_verified_and_what_is_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (at, key) = signed();
    let token = key.jwt(at);
    for (secret, moment, code, words) in [
        (SECRET, "2026-01-01T00:04:59Z", 0, "valid"),
        (SECRET, "2026-01-01T00:05:00Z", 1, "expired"),
        ("another", "2026-01-01T00:00:00Z", 1, "wrong secret"),
        ("a-long-secret ", "2026-01-01T00:00:00Z", 1, "without the white space"),
    ] {
        let mut command = postrider(folder.path());
        let output = run(command.args(["verify", "jwt", "--secret", secret, "--at", moment, &token])).await;
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr_of(&output);
        assert_eq!((output.status.code(), said.contains(words)), (Some(code), true), "{secret:?} {moment}: {said}");
    }
}

#[tokio::test]
async fn a_signature_is_verified_and_near_misses_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (at, key) = signed();
    let id = "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f";
    let body = r#"{"eventKey":"a.b","eventContext":{}}"#;
    let signature = key.standard(id.parse().unwrap(), at, body.as_bytes());
    let file = folder.path().join("body.json");
    for (sent, valid, words) in [
        (body.to_owned(), true, ""),
        (format!("{body}\n"), false, "newline"),
        (body.replace(':', ": "), false, "without white space"),
        (body.replace("a.b", "a.c"), false, ""),
    ] {
        std::fs::write(&file, &sent).unwrap();
        let mut command = postrider(folder.path());
        command.args(["--json", "verify", "webhook", "--secret", SECRET, "--id", id, "--body-file", "body.json"]);
        command.args(["--timestamp", &at.as_seconds().to_string(), "--signature", &signature]);
        let output = run(command.args(["--at", "2026-01-01T00:00:10Z"])).await;
        let report = json_of(&output);
        assert_eq!((&report["valid"], output.status.success()), (&valid.into(), valid), "{sent}: {report}");
        assert!(report["hint"].as_str().unwrap_or_default().contains(words), "{sent}: {report}");
    }
}

#[tokio::test]
async fn the_configuration_is_shown_with_its_sources_and_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("postrider.toml"),
        "retention_days = 7\nbootstrap_secret = \"hunter2-hunter2-hunter2\"\n",
    )
    .unwrap();
    let mut command = postrider(folder.path());
    command.env("POSTRIDER_BOOTSTRAP_CLIENT_ID", crate::support::CLIENT_ID).env("POSTRIDER_LISTEN", "127.0.0.1:1");
    let shown = run(command.args(["--json", "config", "show", "--log-format", "json"])).await;
    assert!(shown.status.success() && !String::from_utf8_lossy(&shown.stdout).contains("hunter2"));
    let report = json_of(&shown);
    let source = |key: &str| {
        let all = report["settings"].as_array().unwrap();
        all.iter().find(|setting| setting["key"] == key).unwrap()["source"].as_str().unwrap().to_owned()
    };
    let sources = ["retention_days", "listen", "log_format", "data_dir"].map(source);
    assert_eq!(sources, ["file", "environment", "flag", "default"]);
}

#[tokio::test]
async fn without_a_server_the_way_to_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(postrider(folder.path()).args(["trigger", "frontegg.user.created"])).await;
    assert_eq!(output.status.code(), Some(4));
    let said = stderr_of(&output);
    assert!(said.contains("postrider serve") && said.contains("--url"), "{said}");
    let told = run(postrider(folder.path()).args(["--json", "trigger", "frontegg.user.created"])).await;
    let told: serde_json::Value = serde_json::from_str(&stderr_of(&told)).unwrap();
    assert!(told["error"].as_str().unwrap().contains("postrider serve"), "{told}");
    // What a server that was killed leaves behind.
    std::fs::create_dir(folder.path().join("data")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("data/control.sock")).unwrap());
    let left = run(postrider(folder.path()).args(["environment", "list", "--data-dir", "data"])).await;
    assert_eq!(left.status.code(), Some(4));
    assert!(stderr_of(&left).contains("one may be stopping"), "{}", stderr_of(&left));
    let half = run(postrider(folder.path()).args(["trigger", "a.b", "--url", "http://127.0.0.1:1"])).await;
    assert!(stderr_of(&half).contains("POSTRIDER_CLIENT_ID"), "{}", stderr_of(&half));
}

#[tokio::test]
async fn a_command_line_that_cannot_be_read_is_told_to_programs_as_json() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (["--json", "jobs", "list", "--limt"].as_slice(), "--limit"),
        (&["jobs", "rate", "--json"], "<ID>"),
        (&["listen", "--json", "--forward-to", "localhost:1"], "not a web address"),
        (&["--json", "jobs"], "command"),
    ] {
        let refused = run(postrider(folder.path()).args(arguments)).await;
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {}", stderr_of(&refused));
        let told: serde_json::Value = serde_json::from_str(&stderr_of(&refused)).unwrap();
        let told = told["error"].as_str().unwrap();
        let is_a_sentence = !told.contains("Usage:") && !told.starts_with("error");
        assert!(told.contains(words) && is_a_sentence, "{arguments:?}: {told}");
    }
    let plain = run(postrider(folder.path()).args(["jobs", "list", "--limt"])).await;
    assert!(stderr_of(&plain).contains("Usage:"), "{}", stderr_of(&plain));
    let help = run(postrider(folder.path()).args(["--json", "--help"])).await;
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("Usage:"));
}

#[tokio::test]
async fn the_doctor_finds_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = postrider(folder.path());
    command.args(["--json", "doctor", "--offline", "--listen", "127.0.0.1:1"]);
    let healthy = run(&mut command).await;
    let report = json_of(&healthy);
    let verdict = |report: &serde_json::Value, check: &str| {
        let all = report["findings"].as_array().unwrap();
        all.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check}: {report}"))["verdict"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(verdict(&report, "data directory"), "ok");
    assert_eq!(verdict(&report, "server"), "warn", "none runs");
    for check in ["configuration", "disk", "open files", "certificates"] {
        verdict(&report, check);
    }
    // An address of the block for documentation is no machine's.
    let ill = run(command.args(["--egress-source-addresses", "203.0.113.7"])).await;
    let ill_report = json_of(&ill);
    assert_eq!((verdict(&ill_report, "source addresses"), ill.status.code()), ("fail".to_owned(), Some(1)));
    assert_eq!(verdict(&ill_report, "webhooks"), "fail", "nor would a server start");
}

#[tokio::test]
async fn the_doctor_takes_no_other_program_for_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let (server, other) = (Server::start(folder.path()).await, Receiver::start().await);
    let failing = Receiver::start().await;
    failing.on("/readyz", Behaviour::Answer(Reply::new(502, "no upstream")));
    let examined = async |url: &str| {
        let mut command = postrider(folder.path());
        command.args(["--json", "doctor", "--offline", "--data-dir", "data", "--url", url]);
        let report = json_of(&run(&mut command).await);
        let all = report["findings"].as_array().unwrap();
        let finding = all.iter().find(|finding| finding["check"] == "server").unwrap();
        (finding["verdict"].as_str().unwrap().to_owned(), finding["message"].as_str().unwrap().to_owned())
    };
    assert_eq!(examined(&server.url).await.0, "ok");
    for program in [other, failing] {
        let (verdict, message) = examined(&program.url("/")).await;
        assert!(verdict == "fail" && message.contains("another program answers"), "{verdict}: {message}");
    }
}

#[tokio::test]
async fn the_doctor_takes_no_other_server_for_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let (server, other) = (Server::start(folder.path()).await, Receiver::start().await);
    let examined = async |listen: &str| {
        let mut command = postrider(folder.path());
        // Nobody listens on that port.
        command.args(["--json", "doctor", "--offline", "--data-dir", "elsewhere", "--url", "http://127.0.0.1:1"]);
        let report = json_of(&run(command.args(["--listen", listen.trim_start_matches("http://")])).await);
        let all = report["findings"].as_array().unwrap();
        let finding = all.iter().find(|finding| finding["check"] == "listen").unwrap();
        (finding["verdict"].as_str().unwrap().to_owned(), finding["message"].as_str().unwrap().to_owned())
    };
    let (verdict, message) = examined(&server.url).await;
    assert!(verdict == "ok" && message.contains("a Postrider listens"), "{verdict}: {message}");
    let (verdict, message) = examined(other.url("/").trim_end_matches('/')).await;
    assert!(verdict == "fail" && message.contains("no Postrider"), "{verdict}: {message}");
}

#[tokio::test]
async fn the_doctor_refuses_what_a_start_would_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let failed = async |command: &mut Command| {
        let examined =
            run(command.args(["--json", "doctor", "--offline", "--listen", "127.0.0.1:1", "--data-dir", "data"])).await;
        let report = json_of(&examined);
        let all = report["findings"].as_array().unwrap();
        let of_verdict = all.iter().filter(|finding| finding["verdict"] == "fail");
        of_verdict.map(|finding| finding["check"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let pem = folder.path().join("roots.pem");
    std::fs::write(&pem, "no certificate").unwrap();
    let mut command = postrider(folder.path());
    command.env("POSTRIDER_EGRESS_EXTRA_ROOTS", &pem);
    assert_eq!(failed(&mut command).await, ["webhooks"]);

    drop(Server::start(folder.path()).await);
    assert_eq!(failed(&mut postrider(folder.path())).await, [""; 0]);
    let mut command = postrider(folder.path());
    command.env("POSTRIDER_MASTER_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    assert_eq!(failed(&mut command).await, ["database"]);
}
