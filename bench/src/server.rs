//! The process under test, relay or Postrider: started fresh for each measurement with an empty folder of its own, ended and
//! removed after it.
//!
//! Invariant: what was started here is dead, and its folder gone, when its [`Server`] is dropped, on success, error and interrupt alike.

use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    api,
    error::{Error, Result},
    process::{self, Memory},
};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);
/// Lines of a server's log that are shown when a measurement fails.
const LOG_LINES: usize = 20;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Relay,
    Postrider,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    subject: Subject,
    address: SocketAddr,
    child: Child,
    id: u32,
    home: TempDir,
}

impl Subject {
    /// Its name in tables and messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Postrider => "postrider",
        }
    }
}

impl Server {
    /// Starts this program as the relay to `receivers`.
    pub(crate) async fn start_relay(data: &Path, receivers: &[String]) -> Result<Self> {
        let own = env::current_exe().map_err(Error::io("find the benchmark's own program"))?;
        Self::start(Subject::Relay, &own, data, |command, address, _| {
            command.arg("relay").args(["--listen", &address.to_string()]);
            for receiver in receivers {
                command.args(["--receiver", receiver]);
            }
        })
        .await
    }

    /// Starts the server `program` with its defaults, as an operator would.
    pub(crate) async fn start_postrider(program: &Path, data: &Path) -> Result<Self> {
        Self::start(Subject::Postrider, program, data, |command, address, home| {
            // A setting of the caller's must not reach the server under test.
            for (key, _) in env::vars_os().filter(|(key, _)| key.as_encoded_bytes().starts_with(b"POSTRIDER_")) {
                command.env_remove(key);
            }
            command
                .arg("serve")
                .env("POSTRIDER_LISTEN", address.to_string())
                .env("POSTRIDER_DATA_DIR", home.join("data"))
                .env("POSTRIDER_BOOTSTRAP_CLIENT_ID", api::CLIENT_ID)
                .env("POSTRIDER_BOOTSTRAP_SECRET", api::CLIENT_SECRET)
                .env("POSTRIDER_EGRESS_ALLOW", "127.0.0.0/8");
        })
        .await
    }

    async fn start(
        subject: Subject,
        program: &Path,
        data: &Path,
        configure: impl FnOnce(&mut Command, SocketAddr, &Path),
    ) -> Result<Self> {
        let home = tempfile::Builder::new()
            .prefix("postrider-bench-")
            .tempdir_in(data)
            .map_err(Error::io(format!("make a folder in {}", data.display())))?;
        let address = free_address().map_err(Error::io("find a free port"))?;
        let log = File::create(log_path(home.path())).map_err(Error::io("make a log file"))?;
        let mut command = Command::new(program);
        configure(&mut command, address, home.path());
        let child = command
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(Error::io("share a log file"))?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::io(format!("start {}", program.display())))?;
        let id = child.id().expect("a child that was not waited for has an id");
        let mut server = Self { subject, address, child, id, home };
        let readiness = server.wait_until_ready().await;
        server.explain(readiness)?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        while !api::is_ready(self.address).await {
            let name = self.subject.name();
            if let Some(status) = self.child.try_wait().map_err(Error::io("look after the server"))? {
                return Err(Error::Ended { name, status });
            }
            if start.elapsed() > START {
                return Err(Error::NotReady { name, waited: START });
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Processor time it has used so far.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        process::cpu_time(self.id)
    }

    /// Memory it has used at most so far.
    pub(crate) fn memory(&self) -> Result<Memory> {
        process::memory(self.id)
    }

    /// Adds to an error what the server itself said last.
    pub(crate) fn explain<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|source| {
            let log = fs::read(log_path(self.home.path())).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<_> = log.lines().collect();
            let log = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
            Error::During { subject: self.subject.name(), log, source: Box::new(source) }
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Dead before its folder is removed. Both calls fail only when it has already been waited for.
        if self.child.start_kill().is_ok()
            && let Some(id) = i32::try_from(self.id).ok().and_then(Pid::from_raw)
        {
            let _gone = waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        }
    }
}

fn log_path(home: &Path) -> PathBuf {
    home.join("log")
}

/// An address that was free a moment ago; the servers cannot say which port they were given.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
