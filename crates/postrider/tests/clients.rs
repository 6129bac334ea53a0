//! Real clients against the real binary: Frontegg's own libraries for Node.js, and the libraries that receivers verify with.
//!
//! Owns that they are installed and run, and the check of what receivers got with the types of Frontegg's client for Rust. Does not own
//! the tests themselves: they are in `tests/clients` at the top of the repository, and run alone with
//! `POSTRIDER_BIN=target/debug/postrider npm test` there.
//!
//! Without Node.js the test says that it left everything out; with `CI=true` it fails then.
#![expect(clippy::print_stdout, reason = "the output of the tests that are run is the output of this one")]

use std::env;
use std::path::Path;
use std::process::Command;

use frontegg::WebhookUser;
use postrider_core::catalogue;
use serde_json::Value;

#[test]
fn clients_and_receivers_that_people_have_work_unchanged() {
    if !is_installed("node") || !is_installed("npm") {
        assert!(!in_ci(), "with CI=true nothing may be left out: install Node.js 20.11 or newer, with npm");
        eprintln!("LEFT OUT: the tests with real clients and receivers need Node.js 20.11 or newer, with npm");
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients");
    if !is_current(&folder) {
        let mut install = Command::new("npm");
        run(install.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder));
    }

    let temporary = tempfile::tempdir().expect("a temporary folder");
    let bodies = temporary.path().join("bodies.json");
    let mut tests = Command::new("node");
    tests.args(["--test", "--test-reporter=spec", "--test-timeout=120000"]).current_dir(&folder);
    run(tests.env("POSTRIDER_BIN", env!("CARGO_BIN_EXE_postrider")).env("POSTRIDER_BODIES", &bodies));

    receivers_in_rust_can_read(&bodies);
}

/// Every body with a user, as a receiver got it, is one that Frontegg's client for Rust has a type for.
fn receivers_in_rust_can_read(bodies: &Path) {
    let bodies = std::fs::read(bodies).expect("the tests of the catalogue write what was delivered");
    let bodies: Vec<Value> = serde_json::from_slice(&bodies).expect("an array of bodies");
    let mut users = 0;
    for body in bodies {
        let Some(user) = body.get("user") else { continue };
        let key = body["eventKey"].as_str().expect("an event key");
        let text = user.to_string();
        let user: WebhookUser =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{key}: {error} in the user {text}"));
        assert!(user.metadata.is_object(), "{key}: the metadata is a string that holds an object");
        users += 1;
    }
    let expected = catalogue::builtin().iter().filter(|event_type| event_type.subject == "user").count();
    assert_eq!(users, expected);
}

/// Whether the packages were installed since the lock file last changed.
fn is_current(folder: &Path) -> bool {
    let changed = |path: &str| folder.join(path).metadata().and_then(|metadata| metadata.modified()).ok();
    let locked = changed("package-lock.json").expect("the lock file is in the repository");
    changed("node_modules/.package-lock.json").is_some_and(|installed| installed >= locked)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} could not be started: {error}"));
    let words = [output.stdout, output.stderr].map(|words| String::from_utf8_lossy(&words).into_owned()).concat();
    println!("{words}");
    assert!(output.status.success(), "{command:?} failed: {}", output.status);
}

fn is_installed(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}
