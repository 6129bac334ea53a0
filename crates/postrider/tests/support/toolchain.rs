//! Programs of other ecosystems that tests run: whether they are there, and their packages.
//!
//! Without them a test says that it left everything out; with `CI=true` it fails then.
#![expect(clippy::print_stdout, reason = "the output of the programs that are run is the output of the tests")]

use std::env;
use std::path::Path;
use std::process::Command;

/// Whether these programs are there; where not, it is said what is left out. With `CI=true` nothing may be.
pub(crate) fn has(programs: &[&str], what: &str, install: &str) -> bool {
    if programs.iter().all(|program| is_installed(program)) {
        return true;
    }
    assert!(!in_ci(), "with CI=true nothing may be left out: install {install}");
    println!("LEFT OUT: {what}, which need {install}");
    false
}

/// The packages that a folder's lock file names, installed. Tests that run at once wait for one another.
pub(crate) fn npm_ci(folder: &Path) {
    let locks = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let name = folder.file_name().expect("a folder with a name").to_string_lossy();
    let lock = std::fs::File::create(locks.join(format!("npm-{name}.lock"))).expect("a file in the build folder");
    lock.lock().expect("a lock");
    if !is_current(folder) {
        let mut install = Command::new("npm");
        run(install.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder));
    }
}

/// Whether the packages were installed since the lock file last changed.
fn is_current(folder: &Path) -> bool {
    let changed = |path: &str| folder.join(path).metadata().and_then(|metadata| metadata.modified()).ok();
    let locked = changed("package-lock.json").expect("the lock file is in the repository");
    changed("node_modules/.package-lock.json").is_some_and(|installed| installed >= locked)
}

/// Runs a program to its end, which must be a good one.
pub(crate) fn run(command: &mut Command) {
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
