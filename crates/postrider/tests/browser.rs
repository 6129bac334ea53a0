//! The web application against the real binary, in a real browser.
//!
//! Owns that the tests' packages are installed and run. Does not own the tests themselves: they are in `console/e2e`, and run alone with
//! `POSTRIDER_BIN=../target/debug/postrider npm run e2e` in `console/`.
//!
//! Without Node.js or Chromium, or where the binary was built without the web application, the test says that it left everything out; with
//! `CI=true` it fails then.
#![expect(clippy::print_stdout, reason = "the output of the tests that are run is the output of this one")]

use std::env;
use std::path::Path;
use std::process::Command;

/// Where Debian puts it; `CHROMIUM` names another.
const CHROMIUM: &str = "/usr/bin/chromium";

#[test]
fn the_web_application_does_what_it_is_there_for() {
    if let Some(missing) = missing() {
        assert!(!in_ci(), "with CI=true nothing may be left out: {missing}");
        eprintln!("LEFT OUT: the tests of the web application in a browser: {missing}");
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../console");
    if !is_current(&folder) {
        let mut install = Command::new("npm");
        run(install.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder));
    }
    let mut tests = Command::new("npm");
    tests.args(["run", "--silent", "e2e"]).current_dir(&folder);
    run(tests.env("POSTRIDER_BIN", env!("CARGO_BIN_EXE_postrider")).env("NO_COLOR", "1"));
}

/// What this machine lacks, and what to do about it.
fn missing() -> Option<&'static str> {
    let chromium = env::var_os("CHROMIUM").unwrap_or_else(|| CHROMIUM.into());
    if !is_installed("node") || !is_installed("npm") {
        Some("install Node.js 20.19 or newer, with npm")
    } else if !Path::new(&chromium).is_file() {
        Some("install Chromium (apt-get install chromium), or name one in CHROMIUM")
    } else if env::var("POSTRIDER_BUILD_CONSOLE").is_ok_and(|value| value == "never") {
        Some("POSTRIDER_BUILD_CONSOLE says that the binary has no web application")
    } else {
        None
    }
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
