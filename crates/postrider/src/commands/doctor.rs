//! `postrider doctor`: looks at everything a server depends on, and says what to do about what is wrong.
//!
//! Each check is one function that ends in a finding; a check that cannot be made says so instead of passing. The network is asked with
//! short time limits, through a client that is made as the server makes its own. Nothing is changed: what is written to time the disk
//! is removed again.

mod database;
mod network;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use postrider_store::Exposure;
use serde::Serialize;
use url::Url;

use crate::cli::Doctor;
use crate::client::{self, Client, Target, local_url};
use crate::config::{Layers, Settings, Sources};
use crate::failure::{FAILED, Failure};
use crate::output::{BAD, DOUBTFUL, FAINT, Form, GOOD, styled};
use crate::serve::control::SOCKET_NAME;
use crate::serve::files;

/// How long one question to the network may take.
const QUESTION: Duration = Duration::from_secs(5);
/// Synced writes that are timed; the median counts.
const SYNCS: usize = 21;
/// A sync slower than this is that of a network disk or a worn card: events are accepted slowly.
const SLOW_SYNC: Duration = Duration::from_millis(20);
/// A limit with which all of the server's own are at their full size.
const FILES: usize = 32_768;

/// What `/readyz` answers where the server is ready.
const READY: &[u8] = b"ok\n";
/// What the type of each of the server's refusals begins with.
const REFUSAL: &[u8] = b"urn:postrider:error:";
/// Bytes of an answer that are looked at: a refusal is shorter, and another program may answer without an end.
const ANSWER_BYTES: usize = 16 * 1_024;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// What a check found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    message: String,
    #[serde(rename = "whatToDo", skip_serializing_if = "Option::is_none")]
    what_to_do: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, message: message.into(), what_to_do: None }
    }

    fn warn(check: &'static str, message: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warn, message: message.into(), what_to_do: Some(what_to_do.into()) }
    }

    fn fail(check: &'static str, message: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Fail, message: message.into(), what_to_do: Some(what_to_do.into()) }
    }
}

pub(crate) async fn run(given: Doctor, form: Form) -> Result<(), Failure> {
    let layers = Layers::read(&Sources::of_process(given.settings.file, given.settings.flags));
    let unknown = layers.unknown_variables.clone();
    let mut findings = Vec::new();
    match layers.settings() {
        Ok(settings) => {
            findings.push(configuration(&unknown));
            findings.extend(machine(&settings).await);
            match network::egress(&settings) {
                Ok(egress) if !given.offline => {
                    let (way_out, time) = tokio::join!(network::way_out(&egress, &settings), network::clock(&egress));
                    findings.extend([way_out, time]);
                }
                Ok(_) => {}
                Err(finding) => findings.push(finding),
            }
            findings.extend(server(&settings, given.url).await);
        }
        Err(problems) => findings.extend(problems.iter().map(|problem| {
            Finding::fail(
                "configuration",
                format!("{}: {}", problem.key, problem.message),
                "correct it; nothing else can be checked before",
            )
        })),
    }
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    form.print(&serde_json::json!({"ok": !failed, "findings": findings}), || {
        findings.iter().map(in_words).collect::<Vec<_>>().join("\n")
    })?;
    if failed { Err(Failure::Told(FAILED)) } else { Ok(()) }
}

fn in_words(finding: &Finding) -> String {
    let verdict = match finding.verdict {
        Verdict::Ok => styled(GOOD, "ok  "),
        Verdict::Warn => styled(DOUBTFUL, "warn"),
        Verdict::Fail => styled(BAD, "fail"),
    };
    let advice = finding.what_to_do.as_ref().map(|advice| format!("\n      {}", styled(FAINT, advice)));
    format!("{verdict}  {:<16} {}{}", finding.check, finding.message, advice.unwrap_or_default())
}

fn configuration(unknown: &[String]) -> Finding {
    if unknown.is_empty() {
        return Finding::ok("configuration", "every setting can be read");
    }
    Finding::warn(
        "configuration",
        format!("the environment has variables that are no settings: {}", unknown.join(", ")),
        "correct their names, or remove them; `postrider config show` lists the settings",
    )
}

async fn machine(settings: &Settings) -> Vec<Finding> {
    let (data_dir, master_key) = (settings.data_dir.clone(), settings.master_key.clone());
    let disk = tokio::task::spawn_blocking(move || {
        [data_directory(&data_dir), database::database(&data_dir, master_key), sync_latency(&data_dir)]
    });
    let disk = disk.await;
    let mut findings = disk.map(Vec::from).unwrap_or_default();
    findings.push(open_files());
    findings.push(roots(settings));
    findings.extend(source_addresses(settings));
    findings
}

fn data_directory(path: &Path) -> Finding {
    const CHECK: &str = "data directory";
    let metadata = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => return Finding::fail(CHECK, format!("{} is no directory", path.display()), "choose another data_dir"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            return match tempfile_in(parent) {
                Ok(_) => Finding::ok(CHECK, format!("{} does not exist yet; the first start makes it", path.display())),
                Err(error) => Finding::fail(
                    CHECK,
                    format!("{} does not exist and cannot be made: {error}", path.display()),
                    "make it, owned by the account that runs the server, or choose another data_dir",
                ),
            };
        }
        Err(error) => {
            return Finding::fail(
                CHECK,
                format!("{}: {error}", path.display()),
                "check the permissions of the directories above it",
            );
        }
    };
    if let Err(error) = tempfile_in(path) {
        return Finding::fail(
            CHECK,
            format!("{} cannot be written: {error}", path.display()),
            "let the account that runs the server own it, and see that the disk is not full",
        );
    }
    if let Some(exposure) = Exposure::of(path, &metadata) {
        return Finding::warn(CHECK, exposure.to_string(), exposure.advice());
    }
    Finding::ok(CHECK, format!("{} can be written, and nobody else can enter it", path.display()))
}

/// A file that is gone when it is closed.
fn tempfile_in(folder: &Path) -> io::Result<File> {
    let path = folder.join(format!(".postrider-doctor-{}", std::process::id()));
    let file = File::options().write(true).create_new(true).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

fn sync_latency(data_dir: &Path) -> Finding {
    const CHECK: &str = "disk";
    let parent = data_dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = if data_dir.is_dir() { data_dir } else { parent };
    let time_of_one = |file: &mut File| {
        let begun = Instant::now();
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
        Ok::<_, io::Error>(begun.elapsed())
    };
    let measured = tempfile_in(folder)
        .and_then(|mut file| (0..SYNCS).map(|_| time_of_one(&mut file)).collect::<Result<Vec<_>, _>>());
    let mut times = match measured {
        Ok(times) => times,
        Err(error) => {
            return Finding::fail(
                CHECK,
                format!("a synced write to {} failed: {error}", folder.display()),
                "check the disk",
            );
        }
    };
    times.sort_unstable();
    let median = times[SYNCS / 2];
    let message =
        format!("a synced write to {} takes {:.2} ms (median)", folder.display(), median.as_secs_f64() * 1_000.0);
    if median > SLOW_SYNC {
        return Finding::warn(CHECK, message, "every acceptance waits for one; put data_dir on a local disk");
    }
    Finding::ok(CHECK, message)
}

fn open_files() -> Finding {
    const CHECK: &str = "open files";
    let files = files::raise_limit();
    let shares = files::shares(files);
    let message = format!(
        "{} files may be open: {} connections in, {} attempts in flight",
        if files == usize::MAX { "any number of".to_owned() } else { files.to_string() },
        shares.incoming,
        shares.in_flight
    );
    let advice = format!("raise the hard limit to {FILES}: {}", files::ADVICE);
    if files::reach(files) == files::Reach::TooShort {
        let why = format!("a server would not start: only {files} files may be open, and it needs {}", files::LEAST);
        return Finding::fail(CHECK, why, advice);
    }
    if shares != files::shares(usize::MAX) {
        return Finding::warn(CHECK, message, advice);
    }
    Finding::ok(CHECK, message)
}

fn roots(settings: &Settings) -> Finding {
    const CHECK: &str = "certificates";
    let found = rustls_native_certs::load_native_certs();
    match found.certs.len() {
        // Whether that file can be used shows when the client is made with it.
        0 if settings.egress_extra_roots.is_some() => {
            Finding::ok(CHECK, "only the certificate authorities of egress_extra_roots are trusted")
        }
        0 => Finding::fail(
            CHECK,
            "this machine trusts no certificate authority: webhooks to https URLs will fail",
            "install the package `ca-certificates`, or name a PEM file in egress_extra_roots",
        ),
        count => Finding::ok(CHECK, format!("{count} certificate authorities are trusted")),
    }
}

fn source_addresses(settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "source addresses";
    settings
        .egress_source_addresses
        .iter()
        .map(|&address| match TcpListener::bind(SocketAddr::new(address, 0)) {
            Ok(_) => Finding::ok(CHECK, format!("webhooks can be sent from {address}")),
            Err(error) => Finding::fail(
                CHECK,
                format!("webhooks cannot be sent from {address}: {error}"),
                "give this machine the address, or correct egress_source_addresses",
            ),
        })
        .collect()
}

/// Whether a server runs, and whether it sends from where the configuration says.
async fn server(settings: &Settings, url: Option<Url>) -> Vec<Finding> {
    const CHECK: &str = "server";
    let url = match url.map_or_else(|| client::url_of(None), |url| Ok(Some(url))) {
        Ok(url) => url.unwrap_or_else(|| local_url(settings.listen)),
        Err(failure) => {
            return vec![Finding::fail(CHECK, failure.message().unwrap_or_default(), "correct the variable")];
        }
    };
    let mut findings = vec![match answer(&url).await {
        Ok(Some(Answered::Ready)) => Finding::ok(CHECK, format!("{} is ready", place(&url))),
        Ok(Some(Answered::Refused(status, why))) => Finding::fail(
            CHECK,
            format!("{} answers {status}{}", place(&url), why.map(|why| format!(": {why}")).unwrap_or_default()),
            "look into its log; a full disk, a damaged database or a data directory that was moved makes it not ready",
        ),
        Ok(Some(Answered::Otherwise(status))) => Finding::fail(
            CHECK,
            format!("another program answers at {} ({status})", place(&url)),
            "stop it, or choose another address with --listen or POSTRIDER_LISTEN; where it is a proxy, see that the server behind it \
             runs",
        ),
        Ok(None) => Finding::warn(
            CHECK,
            format!("no server answers at {}", place(&url)),
            "start it with `postrider serve`, or name it with --url",
        ),
        Err(failure) => return vec![Finding::fail(CHECK, failure.message().unwrap_or_default(), "report this")],
    }];
    if findings[0].verdict == Verdict::Warn {
        findings.extend(listening(settings).await);
    }
    if settings.data_dir.join(SOCKET_NAME).exists() {
        findings.extend(reported_addresses(settings).await);
    }
    findings
}

fn place(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// Who answers `/readyz`, and with what status where he is not ready.
enum Answered {
    /// A Postrider that is ready.
    Ready,
    /// One that is not, and why, where it says so.
    Refused(StatusCode, Option<String>),
    /// Another program.
    Otherwise(StatusCode),
}

/// Asks whether a server is ready; none: nothing answers. Any program may listen there, and many answer 200 to everything.
async fn answer(url: &Url) -> Result<Option<Answered>, Failure> {
    let request = client::http_for(url)?.get(format!("{}/readyz", place(url)));
    let Ok(mut answer) = request.timeout(QUESTION).send().await else { return Ok(None) };
    let status = answer.status();
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    Ok(Some(if status.is_success() && body == READY {
        Answered::Ready
    } else if body.windows(REFUSAL.len()).any(|part| part == REFUSAL) {
        let refusal = serde_json::from_slice::<serde_json::Value>(&body).ok();
        let why = refusal.and_then(|refusal| refusal["detail"].as_str().map(str::to_owned));
        Answered::Refused(status, why)
    } else {
        Answered::Otherwise(status)
    }))
}

/// Whether a server that does not run yet could listen; told where it could not for a reason that another account would meet, too. Where
/// another server was asked, one of Postrider's may well run here.
async fn listening(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "listen";
    let error = TcpListener::bind(settings.listen).err()?;
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => match answer(&local_url(settings.listen)).await {
            Ok(Some(Answered::Ready | Answered::Refused(..))) => {
                return Some(Finding::ok(CHECK, format!("a Postrider listens on {} already", settings.listen)));
            }
            _ => "another program that is no Postrider listens there",
        },
        io::ErrorKind::AddrNotAvailable => "it is no address of this machine",
        _ => return None,
    };
    let message = format!("a server cannot listen on {}: {why}", settings.listen);
    Some(Finding::fail(
        CHECK,
        message,
        "stop that program, or choose another address with --listen or POSTRIDER_LISTEN",
    ))
}

/// Compares the addresses that the server tells to receivers with those that are configured here.
async fn reported_addresses(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "source addresses";
    let client = Client::connect(Target::socket_in(&settings.data_dir, None)).await.ok()?;
    // They are the same for every environment.
    let environment = client.list("/api/v1/environments").await.ok()?.first()?["id"].as_str()?.parse().ok()?;
    let client = Client::connect(Target::socket_in(&settings.data_dir, Some(environment))).await.ok()?;
    let reported = client.call(Method::GET, "/api/v1/source-addresses", None).await.ok()?;
    let told: Vec<IpAddr> =
        reported["addresses"].as_array()?.iter().filter_map(|text| text.as_str()?.parse().ok()).collect();
    let configured = &settings.egress_source_addresses;
    let set = |addresses: &[IpAddr]| addresses.iter().copied().collect::<BTreeSet<_>>();
    Some(if set(&told) == set(configured) {
        let words = if told.is_empty() { "the system's choice".to_owned() } else { list(&told) };
        Finding::ok(CHECK, format!("the running server sends from {words}"))
    } else {
        Finding::warn(
            CHECK,
            format!("the running server sends from {}, the configuration says {}", list(&told), list(configured)),
            "restart the server, or run doctor with the server's configuration",
        )
    })
}

fn list(addresses: &[IpAddr]) -> String {
    if addresses.is_empty() {
        return "no fixed address".to_owned();
    }
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
