//! Starts that are refused: a plain sentence, an exit code, and nothing changed.

use std::net::TcpListener;
use std::process::Command;

use rustix::process::Signal;

use crate::support::{Server, json_of, postrider, run, stderr_of};

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let second = run(postrider(folder.path()).args(["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"])).await;
    assert_eq!(second.status.code(), Some(1));
    let said = stderr_of(&second);
    assert!(said.contains("another server") && said.contains(&server.id().to_string()), "{said}");
    // The refused one must not have taken the first one's socket away.
    let listed = run(postrider(folder.path()).args(["environment", "list", "--data-dir", "data"])).await;
    assert!(listed.status.success(), "{}", stderr_of(&listed));
}

#[tokio::test]
async fn a_taken_port_is_named_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = run(postrider(folder.path()).args(["serve", "--listen", &address, "--data-dir", "data"])).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr_of(&refused);
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
    assert!(refused.stdout.is_empty() && !folder.path().join("data").exists());
}

#[tokio::test]
async fn too_few_open_files_are_named_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let start = "ulimit -n 40; exec \"$0\" serve --listen 127.0.0.1:0 --data-dir data";
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", start, env!("CARGO_BIN_EXE_postrider")]).current_dir(folder.path()).env_clear();
    let refused = run(&mut shell).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr_of(&refused);
    assert!(said.contains("only 40 files") && said.contains("LimitNOFILE"), "{said}");
    assert!(refused.stdout.is_empty() && !folder.path().join("data").exists());
}

#[tokio::test]
async fn a_data_directory_that_can_have_no_socket_is_refused_before_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let long = "d".repeat(120);
    let refused = run(postrider(folder.path()).args(["serve", "--listen", "127.0.0.1:0", "--data-dir", &long])).await;
    assert_eq!(refused.status.code(), Some(3));
    assert!(stderr_of(&refused).contains("choose a shorter data directory"), "{}", stderr_of(&refused));
    assert!(!folder.path().join(&long).exists());
}

#[tokio::test]
async fn a_misspelt_variable_is_named_however_little_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (level, format) in [("error", "text"), ("warn", "json")] {
        let refused = run(postrider(folder.path())
            .args(["serve", "--listen", &address, "--data-dir", "data", "--log", level, "--log-format", format])
            .env("POSTRIDER_RETENTION_DAY", "7"))
        .await;
        let said = stderr_of(&refused);
        assert_eq!(said.matches("did you mean POSTRIDER_RETENTION_DAYS?").count(), 1, "{level}: {said}");
    }
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).await;
    assert!(server.stop().await.success());
    let refused = run(postrider(folder.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"])
        .env("POSTRIDER_MASTER_KEY", "00".repeat(32)))
    .await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr_of(&refused).contains("master key"), "{}", stderr_of(&refused));
}

#[tokio::test]
async fn a_database_that_is_gone_is_not_replaced_and_the_doctor_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("data/postrider.db");
    let mut server = Server::start(folder.path()).await;
    server.signal(Signal::KILL);
    server.wait().await;
    std::fs::remove_file(&database).unwrap();
    let refused = run(postrider(folder.path()).args(["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"])).await;
    let said = stderr_of(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("is missing or empty") && said.contains("data/master.key away"), "{said}");
    assert!(!database.exists() && folder.path().join("data/postrider.db-wal").exists());
    let doctor = ["--json", "doctor", "--offline", "--listen", "127.0.0.1:1", "--data-dir", "data"];
    let examined = run(postrider(folder.path()).args(doctor)).await;
    let report = json_of(&examined);
    let all = report["findings"].as_array().unwrap();
    let finding = all.iter().find(|finding| finding["check"] == "database").unwrap();
    assert_eq!(finding["verdict"], "fail");
    assert!(said.contains(finding["message"].as_str().unwrap()), "{said}: {finding}");
}

#[tokio::test]
async fn settings_that_cannot_be_enforced_are_refused_together() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("postrider.toml"), "egress_alow = [\"10.0.0.0/8\"]\nretention_days = 0\n")
        .unwrap();
    let refused =
        run(postrider(folder.path()).arg("serve").env("POSTRIDER_DATABASE_URL", "postgres://db/postrider")).await;
    assert_eq!(refused.status.code(), Some(3));
    let said = stderr_of(&refused);
    for part in ["3 problems", "egress_allow", "retention_days (POSTRIDER_RETENTION_DAYS)", "embedded store"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let roots = run(postrider(folder.path())
        .args(["serve", "--config", "/dev/null", "--listen", "127.0.0.1:0"])
        .args(["--egress-extra-roots", "postrider.toml"]))
    .await;
    assert_eq!(roots.status.code(), Some(3), "a file without certificates: {}", stderr_of(&roots));
    let mut command = postrider(folder.path());
    let shown =
        run(command.args(["config", "show", "--config", "/dev/null", "--egress-extra-roots", "none.pem"])).await;
    let said = stderr_of(&shown);
    assert_eq!(shown.status.code(), Some(1), "what would not start is not shown as good, and may pass: {said}");
    let log = run(postrider(folder.path()).args(["serve", "--config", "/dev/null", "--log", "warning"])).await;
    assert_eq!(log.status.code(), Some(3), "{}", stderr_of(&log));
    assert!(stderr_of(&log).contains("off, error, warn, info, debug, trace"), "{}", stderr_of(&log));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told_in_the_same_words_by_all() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/postrider.db"), [0xa5; 8_192]).unwrap();
    let words = "postrider.db is no database";
    let refused = run(postrider(folder.path()).args(["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"])).await;
    assert!(refused.status.code() == Some(1) && stderr_of(&refused).contains(words), "{}", stderr_of(&refused));
    let mut command = postrider(folder.path());
    let examined = run(command.args(["doctor", "--offline", "--listen", "127.0.0.1:1", "--data-dir", "data"])).await;
    let said = String::from_utf8_lossy(&examined.stdout).into_owned();
    assert!(said.contains(words), "{said}");
}
