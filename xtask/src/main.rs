//! One command for each chore of this repository: `cargo xtask <chore>`.
//!
//! Owns how the chores are run and what is said when a tool is missing; the checks themselves live in the crates. Without arguments it
//! lists the chores. With `CI=true` nothing may be left out: a missing tool is a failure.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// A chore that went wrong, in a sentence.
type Outcome = Result<(), String>;

/// Something to be done.
struct Chore {
    name: &'static str,
    what: &'static str,
    run: fn(&Workspace) -> Outcome,
}

const CHORES: &[Chore] = &[
    Chore { name: "ci", what: "everything that CI runs: format, lints, tests", run: ci },
    Chore { name: "test", what: "all tests; arguments choose some of them", run: test },
    Chore { name: "lint", what: "formatting and lints, warnings refused", run: lint },
    Chore {
        name: "screenshots",
        what: "pictures of every screen of the web application, into console/screenshots",
        run: screenshots,
    },
    Chore { name: "bench", what: "builds the release programs and runs the benchmark; arguments go to it", run: bench },
];

/// A program that some tests need and a machine may lack.
struct Tool {
    name: &'static str,
    what_for: &'static str,
    install: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "node",
        what_for: "the web application, the tests with Frontegg's own clients and of the recipes in Node.js",
        install: "install Node.js 20.19 or newer",
    },
    Tool {
        name: "npm",
        what_for: "the web application, the tests with Frontegg's own clients and of the recipes in Node.js",
        install: "install npm with Node.js",
    },
    Tool {
        name: "python3",
        what_for: "the tests of the recipes in Python",
        install: "install Python 3.11 or newer, with venv",
    },
    Tool {
        name: "chromium",
        what_for: "the tests of the web application in a browser",
        install: "apt-get install chromium",
    },
    Tool {
        name: "strace",
        what_for: "the test that each acceptance follows its sync",
        install: "apt-get install strace",
    },
];

/// Where the chores run.
struct Workspace {
    root: PathBuf,
    arguments: Vec<String>,
    in_ci: bool,
}

impl Workspace {
    fn cargo(&self, arguments: &[&str]) -> Outcome {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        run(Command::new(cargo).args(arguments).current_dir(&self.root), &format!("cargo {}", arguments.join(" ")))
    }
}

fn run(command: &mut Command, shown: &str) -> Outcome {
    eprintln!("==> {shown}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` failed: {status}")),
        Err(error) => Err(format!("`{shown}` could not be started: {error}")),
    }
}

fn is_on_path(name: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

fn ci(workspace: &Workspace) -> Outcome {
    lint(workspace)?;
    test(workspace)
}

fn lint(workspace: &Workspace) -> Outcome {
    workspace.cargo(&["fmt", "--all", "--check"])?;
    workspace.cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"])?;
    web(workspace, "check")
}

/// A script of the web application's, after its packages are there. Without npm it is left out, which is said.
fn web(workspace: &Workspace, script: &str) -> Outcome {
    if !is_on_path("npm") {
        let words = format!("`npm run {script}` in console/, since `npm` is not on this machine");
        return if workspace.in_ci {
            Err(format!("with CI=true nothing may be left out: {words}"))
        } else {
            eprintln!("LEFT OUT: {words}; install Node.js 20.19 or newer");
            Ok(())
        };
    }
    let folder = workspace.root.join("console");
    let changed = |path: &str| folder.join(path).metadata().and_then(|metadata| metadata.modified()).ok();
    let is_current = changed("node_modules/.package-lock.json") >= changed("package-lock.json");
    let npm = |arguments: &[&str]| {
        run(Command::new("npm").args(arguments).current_dir(&folder), &format!("npm {}", arguments.join(" ")))
    };
    if !is_current {
        npm(&["ci", "--no-audit", "--no-fund", "--ignore-scripts"])?;
    }
    npm(&["run", "--silent", script])
}

fn test(workspace: &Workspace) -> Outcome {
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| !is_on_path(tool.name)).collect();
    if workspace.in_ci && !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|t| format!("{} ({})", t.name, t.install)).collect();
        return Err(format!("with CI=true nothing may be left out, and this machine lacks: {}", names.join(", ")));
    }
    workspace.cargo(&["test", "--workspace", "--locked", "--doc", "--quiet"])?;
    // A choice of tests is one of Rust's.
    if workspace.arguments.is_empty() {
        web(workspace, "test")?;
    }
    // The runner's own summary comes last.
    let filter: Vec<&str> = workspace.arguments.iter().map(String::as_str).collect();
    let result = if is_on_path("cargo-nextest") {
        workspace.cargo(&[&["nextest", "run", "--workspace", "--locked", "--no-fail-fast"], filter.as_slice()].concat())
    } else {
        workspace.cargo(
            &[&["test", "--workspace", "--locked", "--all-targets", "--no-fail-fast"], filter.as_slice()].concat(),
        )
    };
    for tool in missing {
        eprintln!("LEFT OUT: {}, since `{}` is not on this machine; {}", tool.what_for, tool.name, tool.install);
    }
    result
}

fn screenshots(workspace: &Workspace) -> Outcome {
    workspace.cargo(&["build", "--locked", "--package", "postrider"])?;
    let program = workspace.root.join("target/debug/postrider");
    let folder = workspace.root.join("console");
    let mut command = Command::new("npm");
    command.args(["run", "--silent", "screenshots"]).current_dir(folder).env("POSTRIDER_BIN", program);
    run(&mut command, "npm run screenshots")
}

fn bench(workspace: &Workspace) -> Outcome {
    workspace.cargo(&["build", "--release", "--locked", "--package", "postrider", "--package", "postrider-bench"])?;
    let arguments: Vec<&str> = workspace.arguments.iter().map(String::as_str).collect();
    let run = ["run", "--quiet", "--release", "--locked", "--package", "postrider-bench", "--"];
    workspace.cargo(&[&run, arguments.as_slice()].concat())
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        println!("cargo xtask <chore>\n");
        for Chore { name, what, .. } in CHORES {
            println!("  {name:<11} {what}");
        }
        let asked_for_help = matches!(name.as_str(), "" | "help" | "--help" | "-h");
        return if asked_for_help { ExitCode::SUCCESS } else { ExitCode::from(2) };
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace").to_owned();
    let workspace = Workspace {
        root,
        arguments: arguments.collect(),
        in_ci: env::var("CI").is_ok_and(|v| v == "true" || v == "1"),
    };
    match (chore.run)(&workspace) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
