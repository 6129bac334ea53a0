//! The real program as tests see it: started, spoken to, signalled, killed. Every wait has a deadline.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long anything may take on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The program, without any configuration of the machine that runs the tests.
pub(crate) fn postrider(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.current_dir(folder).env_clear();
    for kept in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// Runs a command to its end.
pub(crate) async fn run(command: &mut Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let finished = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let Ok(output) = tokio::time::timeout(PATIENCE, finished).await else {
        signal(id, Signal::KILL);
        panic!("a command does not end: {command:?}");
    };
    output.unwrap()
}

/// What a command printed as JSON.
pub(crate) fn json_of(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}; stderr: {}", stderr_of(output)))
}

/// What a command printed as JSON, an object a line.
pub(crate) fn lines_of(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", stderr_of(output));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a command printed for people about what went wrong.
pub(crate) fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits for the first line; what it was read from stays open.
pub(crate) async fn first_line<R: Read + Send + 'static>(from: R) -> (String, BufReader<R>) {
    let read = tokio::task::spawn_blocking(move || {
        let mut reader = BufReader::new(from);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        (line, reader)
    });
    tokio::time::timeout(PATIENCE, read).await.expect("a line in time").unwrap()
}

pub(crate) fn signal(id: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    // It may have ended by itself.
    let _ = kill_process(pid, signal);
}

/// A running server of ours, killed when it is dropped.
pub(crate) struct Server {
    child: Arc<Mutex<Child>>,
    id: u32,
    lines: UnboundedReceiver<String>,
    /// All of standard output so far.
    pub(crate) printed: Vec<String>,
    /// All of standard error so far.
    logged: Arc<Mutex<String>>,
    /// Where it listens.
    pub(crate) url: String,
    http: reqwest::Client,
}

/// Calls a server's API.
#[derive(Clone)]
pub(crate) struct Caller {
    url: String,
    http: reqwest::Client,
}

impl Caller {
    /// Posts JSON with that token; nothing where the answer is not good, or none comes.
    pub(crate) async fn try_post(&self, token: &str, path: &str, body: &Value) -> Option<Value> {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(token).json(body);
        request.send().await.ok()?.error_for_status().ok()?.json().await.ok()
    }

    /// Posts JSON with that token; the answer must be good.
    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(token).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

impl Server {
    /// Starts a server in this folder, with its data in `data`, and waits until it listens. Loopback is allowed.
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_with(folder, |command| command.env("POSTRIDER_EGRESS_ALLOW", "127.0.0.0/8")).await
    }

    /// The same, configured by the test.
    pub(crate) async fn start_with(folder: &Path, configure: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut command = postrider(folder);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
        configure(&mut command);
        Self::spawn(&mut command).await
    }

    /// Starts that command and waits until it listens.
    pub(crate) async fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let id = child.id();
        let (sender, lines) = unbounded_channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let logged = Arc::new(Mutex::new(String::new()));
        let (log, mut stderr) = (Arc::clone(&logged), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(length @ 1..) = stderr.read(&mut buffer) {
                log.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        let mut server = Self {
            child: Arc::new(Mutex::new(child)),
            id,
            lines,
            printed: Vec::new(),
            logged,
            url: String::new(),
            http: reqwest_client(),
        };
        let line = server.wait_for_line("Listening on ").await;
        line.trim_start_matches("Listening on ").trim().clone_into(&mut server.url);
        server
    }

    /// Waits until a line of standard output contains that text.
    pub(crate) async fn wait_for_line(&mut self, text: &str) -> String {
        loop {
            match tokio::time::timeout(PATIENCE, self.lines.recv()).await {
                Ok(Some(line)) => {
                    self.printed.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                ended => panic!(
                    "no line with {text:?} ({}): {:#?}\n{}",
                    if ended.is_ok() { "the output ended" } else { "in time" },
                    self.printed,
                    self.logs()
                ),
            }
        }
    }

    /// The value that a line of standard output gives to a variable.
    pub(crate) fn printed_value(&self, variable: &str) -> Option<String> {
        let prefix = format!("{variable}=");
        self.printed.iter().find_map(|line| Some(line.trim().strip_prefix(&prefix)?.to_owned()))
    }

    /// What it has logged so far.
    pub(crate) fn logs(&self) -> String {
        self.logged.lock().unwrap().clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn signal(&self, which: Signal) {
        signal(self.id, which);
    }

    /// Waits until it has ended.
    pub(crate) async fn wait(&mut self) -> ExitStatus {
        let child = Arc::clone(&self.child);
        let ended = tokio::task::spawn_blocking(move || child.lock().unwrap().wait().unwrap());
        let Ok(status) = tokio::time::timeout(PATIENCE, ended).await else {
            self.signal(Signal::KILL);
            panic!("the server does not end:\n{}", self.logs());
        };
        while let Ok(Some(line)) = tokio::time::timeout(PATIENCE, self.lines.recv()).await {
            self.printed.push(line);
        }
        status.unwrap()
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait().await
    }

    /// A token for these credentials.
    pub(crate) async fn log_in(&self, client_id: &str, secret: &str) -> String {
        let credentials = json!({"clientId": client_id, "secret": secret});
        let answer = self.http.post(format!("{}/auth/vendor", self.url)).json(&credentials).send().await.unwrap();
        let token: Value = answer.error_for_status().unwrap().json().await.unwrap();
        token["token"].as_str().unwrap().to_owned()
    }

    /// What calls this server's API, for tasks of their own.
    pub(crate) fn caller(&self) -> Caller {
        Caller { url: self.url.clone(), http: self.http.clone() }
    }

    /// Posts JSON with that token; the answer must be good.
    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> Value {
        self.caller().post(token, path, body).await
    }

    /// Starts a job under a key of its own; the answer must be good.
    pub(crate) async fn start_job(&self, token: &str, key: &str, job: &Value) -> Value {
        let request = self.http.post(format!("{}/api/v1/jobs", self.url)).bearer_auth(token);
        let answer = request.header("idempotency-key", key).json(job).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    /// Patches with JSON and that token; the answer must be good.
    pub(crate) async fn patch(&self, token: &str, path: &str, body: &Value) -> Value {
        let answer = self.http.patch(format!("{}{path}", self.url)).bearer_auth(token).json(body).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    /// Gets JSON with that token; the answer must be good.
    pub(crate) async fn get(&self, token: &str, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.url)).bearer_auth(token).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    /// Subscribes that URL to everything.
    pub(crate) async fn subscribe(&self, token: &str, url: &str, secret: &str) -> String {
        let webhook = json!({"displayName": "test", "url": url, "secret": secret, "eventKeys": ["*"]});
        self.post(token, "/api/v1/webhooks", &webhook).await["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        // Reaped by whoever waits for it, at the latest by the end of this process.
        if let Ok(mut child) = self.child.try_lock() {
            let _ = child.wait();
        }
    }
}

/// A client that goes straight to loopback.
pub(crate) fn reqwest_client() -> reqwest::Client {
    // The first one to come installs it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// Environment variables for the server that fix the first environment's credentials.
pub(crate) const CLIENT_ID: &str = "6f1c2f0e-2f7c-4a52-9c35-0c5bb1b7a001";
pub(crate) const SECRET: &str = "a-secret-that-was-chosen";

/// Configures these credentials, and loopback.
pub(crate) fn bootstrapped(command: &mut Command) -> &mut Command {
    command
        .env("POSTRIDER_BOOTSTRAP_CLIENT_ID", CLIENT_ID)
        .env("POSTRIDER_BOOTSTRAP_SECRET", SECRET)
        .env("POSTRIDER_EGRESS_ALLOW", "127.0.0.0/8")
}
