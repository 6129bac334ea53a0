//! A receiver of `examples/`, started as its page says, with a database of its own.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::support::PATIENCE;
use crate::toolchain;

/// What a receiver is written in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Language {
    Node,
    Python,
    Rust,
}

impl Language {
    /// Installs or builds its receivers; false where this machine lacks what that needs.
    pub(crate) fn is_ready(self) -> bool {
        match self {
            Self::Node => {
                let is_there = toolchain::has(&["node", "npm"], "the receivers in Node.js", "Node.js 20.11 or newer");
                if is_there {
                    toolchain::npm_ci(&examples("node"));
                }
                is_there
            }
            Self::Python => {
                let is_there =
                    toolchain::has(&["python3"], "the receivers in Python", "Python 3.11 or newer, with venv");
                is_there && install_python_packages()
            }
            Self::Rust => {
                let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
                let mut build = Command::new(env!("CARGO"));
                build
                    .args(["build", "--quiet", "--locked", "--package", "postrider-recipes", "--target-dir"])
                    .arg(target);
                toolchain::run(build.current_dir(examples("rust")));
                true
            }
        }
    }

    /// The command that runs a receiver: `name` with hyphens.
    fn command(self, name: &str) -> Command {
        match self {
            Self::Node => {
                let mut command = Command::new("node");
                command.arg(format!("{name}.js")).current_dir(examples("node"));
                command
            }
            Self::Python => {
                let mut command = Command::new(python_folder().join("bin/python"));
                let app = format!("{}:app", name.replace('-', "_"));
                command.args(["-B", "-m", "uvicorn", &app, "--port"]).arg(PORT).current_dir(examples("python"));
                command
            }
            Self::Rust => Command::new(Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("debug").join(name)),
        }
    }
}

/// Any port that is free.
const PORT: &str = "0";

fn examples(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(language)
}

fn python_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("recipes-python")
}

/// The packages that `requirements.txt` names, in an environment in the build folder. Tests that run at once wait for one another.
fn install_python_packages() -> bool {
    let folder = python_folder();
    let lock = std::fs::File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let requirements = std::fs::read(examples("python").join("requirements.txt")).unwrap();
    let installed = folder.join("installed.txt");
    if std::fs::read(&installed).is_ok_and(|it| it == requirements) {
        return true;
    }
    toolchain::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    let mut install = Command::new(folder.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"]);
    toolchain::run(install.arg("requirements.txt").current_dir(examples("python")));
    std::fs::write(installed, requirements).unwrap();
    true
}

/// A running receiver, killed when it is dropped.
pub(crate) struct Receiver {
    child: Child,
    /// Where it takes events.
    pub(crate) url: String,
    database: PathBuf,
}

impl Receiver {
    /// Starts it and waits until it listens. Its database is `<name>.db` in that folder.
    pub(crate) async fn start(
        language: Language,
        name: &str,
        folder: &Path,
        secret: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let database = folder.join(format!("{name}.db"));
        let mut command = language.command(name);
        command
            .env("WEBHOOK_SECRET", secret)
            .env("DATABASE", &database)
            .env("PORT", PORT)
            .envs(settings.iter().copied());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, mut lines) = unbounded_channel();
        pass_on(child.stdout.take().unwrap(), sender.clone());
        pass_on(child.stderr.take().unwrap(), sender);
        let mut printed = String::new();
        let listening = async {
            while let Some(line) = lines.recv().await {
                printed += &line;
                // Each says it in the words of its ecosystem.
                if let Some(at) = line.find("http://") {
                    return line[at..].split_whitespace().next().map(str::to_owned);
                }
            }
            None
        };
        let address = tokio::time::timeout(PATIENCE, listening).await;
        let Ok(Some(address)) = address else {
            let _ = child.kill();
            panic!("{name} in {language:?} does not listen: {printed}");
        };
        Self { child, url: format!("{address}/webhooks"), database }
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its database, as another program of the same owner sees it.
    pub(crate) fn database(&self) -> Connection {
        let database = Connection::open(&self.database).unwrap();
        database.busy_timeout(PATIENCE).unwrap();
        database
    }

    /// The rows of a query, each as text with spaces between.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let database = self.database();
        let mut statement = database.prepare(query).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let values = (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column).map(text));
            Ok(values.collect::<Result<Vec<_>, _>>()?.join(" "))
        };
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.end();
    }
}

fn text(value: rusqlite::types::Value) -> String {
    use rusqlite::types::Value::{Blob, Integer, Null, Real, Text};
    match value {
        Null => "null".to_owned(),
        Integer(number) => number.to_string(),
        Real(number) => number.to_string(),
        Text(text) => text,
        Blob(_) => unreachable!("the receivers keep no bytes"),
    }
}

/// Reads all of it, so that the receiver is never stopped by a full pipe.
fn pass_on(output: impl Read + Send + 'static, lines: UnboundedSender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            say(&line);
            let _ = lines.send(line + "\n");
        }
    });
}

/// What is printed after it listens shows in a failing test's output.
#[expect(clippy::print_stderr, reason = "the output of the receiver is the output of the test")]
fn say(line: &str) {
    eprintln!("receiver: {line}");
}
