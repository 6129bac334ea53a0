//! Real clients against the real binary: Frontegg's own libraries for Node.js, and the libraries that receivers verify with.
//!
//! Owns that they are installed and run, and the check of what receivers got with the types of Frontegg's client for Rust. Does not own
//! the tests themselves: they are in `tests/clients` at the top of the repository, and run alone with
//! `POSTRIDER_BIN=target/debug/postrider npm test` there.
//!
//! Without Node.js the test says that it left everything out; with `CI=true` it fails then.

#[path = "support/toolchain.rs"]
mod toolchain;

use std::path::Path;
use std::process::Command;

use frontegg::WebhookUser;
use postrider_core::catalogue;
use serde_json::Value;

#[test]
fn clients_and_receivers_that_people_have_work_unchanged() {
    let what = "the tests with real clients and receivers";
    if !toolchain::has(&["node", "npm"], what, "Node.js 20.11 or newer, with npm") {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients");
    toolchain::npm_ci(&folder);

    let temporary = tempfile::tempdir().expect("a temporary folder");
    let bodies = temporary.path().join("bodies.json");
    let mut tests = Command::new("node");
    tests.args(["--test", "--test-reporter=spec", "--test-timeout=120000"]).current_dir(&folder);
    toolchain::run(tests.env("POSTRIDER_BIN", env!("CARGO_BIN_EXE_postrider")).env("POSTRIDER_BODIES", &bodies));

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
