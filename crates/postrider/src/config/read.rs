//! Reads each setting's value into its type.
//!
//! A reader never stops at the first problem: it notes it by key and goes on, so that a person corrects all in one go.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use figment::value::Value;
use ipnet::{IpNet, Ipv4Net};
use postrider_api::{CHOSEN_SECRET_CHARS, CHOSEN_SECRET_CHARS_MOST};
use postrider_core::EnvironmentId;
use postrider_core::limits::{RETENTION_DAYS_LEAST, RETENTION_DAYS_MOST};
use postrider_core::retention::Retention;
use postrider_egress::ProxyUrl;
use postrider_store::MasterKey;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use url::Url;

use super::setting::{Arity, Setting, setting};
use super::{Bootstrap, Layers, LogFormat, Problems, Settings};
use crate::serve::control;

/// Seconds of patience that can be asked for.
const PATIENCE_SECONDS: std::ops::RangeInclusive<u64> = 0..=3_600;

/// Takes values out of the layers and notes what is wrong with them.
struct Reader {
    layers: Layers,
    problems: Problems,
}

impl Reader {
    fn new(mut layers: Layers) -> Self {
        let problems = std::mem::take(&mut layers.problems);
        Self { layers, problems }
    }

    /// The value of a setting that takes one; none where nothing is given or it cannot be read.
    fn one<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let (value, _) = self.layers.value(of(key))?;
        let parsed = match text(&value) {
            Some(text) => parse(text.trim()),
            None => Err("give one value, in quotes".to_owned()),
        };
        parsed.map_err(|what| self.problems.add(key, what)).ok()
    }

    /// The values of a setting that takes several.
    fn list<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let Some((value, _)) = self.layers.value(of(key)) else { return Vec::new() };
        let Some(entries) = entries(&value) else {
            self.problems.add(key, "give a list of texts, for example [\"a\", \"b\"]");
            return Vec::new();
        };
        entries.iter().filter_map(|entry| parse(entry).map_err(|what| self.problems.add(key, what)).ok()).collect()
    }

    /// Holds what could be read of a setting against this machine. What could not has been noted.
    fn hold<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
        check: impl Fn(&T) -> Result<(), Unfit>,
    ) {
        let setting = of(key);
        let Some((value, _)) = self.layers.value(setting) else { return };
        let given: Vec<String> = match setting.arity {
            Arity::One => text(&value).into_iter().collect(),
            Arity::List => entries(&value).unwrap_or_default(),
        };
        for value in given.iter().filter_map(|text| parse(text.trim()).ok()) {
            match check(&value) {
                Ok(()) => {}
                Err(Unfit::Always(what)) => self.problems.add(key, what),
                Err(Unfit::Now(what)) => self.problems.add_of_machine(key, what),
            }
        }
    }

    fn is_given(&self, key: &str) -> bool {
        self.layers.value(of(key)).is_some()
    }
}

fn of(key: &str) -> &'static Setting {
    setting(key).expect("each key that is read stands in the table, as the test of all settings shows")
}

/// A value as text: numbers may be written without quotes.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Num(_, _) => match value.to_i128() {
            Some(number) => Some(number.to_string()),
            None => value.to_u128().map(|number| number.to_string()),
        },
        _ => None,
    }
}

/// The entries of a list: an array of texts, or one text with commas.
pub(super) fn entries(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(_, values) => values.iter().map(|value| Some(value.as_str()?.trim().to_owned())).collect(),
        Value::String(_, text) => {
            Some(text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// A value as it is shown.
pub(super) fn shown(setting: &Setting, value: &Value) -> String {
    match setting.arity {
        Arity::One => text(value),
        Arity::List => entries(value).map(|entries| entries.join(",")),
    }
    .unwrap_or_else(|| "(of a wrong type)".to_owned())
}

pub(super) fn settings(layers: Layers) -> Result<Settings, Problems> {
    let mut reader = Reader::new(layers);
    let settings = read(&mut reader);
    settings.filter(|_| reader.problems.is_empty()).ok_or(reader.problems)
}

/// Why a value that can be read does not go with this machine.
enum Unfit {
    /// It never will.
    Always(String),
    /// It does not now: an address may come later than the server, and so may a file on another disk.
    Now(String),
}

pub(super) fn settings_here(layers: Layers) -> Result<Settings, Problems> {
    let mut reader = Reader::new(layers);
    let settings = read(&mut reader);
    reader.hold("data_dir", path, |path| control::check_path(path).map(drop).map_err(Unfit::Always));
    reader.hold("egress_source_addresses", source_address, |address| leaves_from(*address));
    reader.hold("egress_extra_roots", path, |path| roots(path));
    settings.filter(|_| reader.problems.is_empty()).ok_or(reader.problems)
}

/// All settings; none where one that is needed cannot be read.
fn read(reader: &mut Reader) -> Option<Settings> {
    let listen = reader.one("listen", listen_address);
    let data_dir = reader.one("data_dir", path);
    if reader.is_given("database_url") {
        reader.problems.add(
            "database_url",
            "this version keeps its data in the embedded store alone and cannot use another database; remove the setting",
        );
    }
    let public_url = reader.one("public_url", public_url);
    let trusted_proxies = reader.list("trusted_proxies", proxies);
    let cors_origins = reader.list("cors_origins", origin);
    let bootstrap = bootstrap(reader);
    let egress_allow = reader.list("egress_allow", network);
    let egress_source_addresses = reader.list("egress_source_addresses", source_address);
    // The parser's words never repeat the text, which may hold a password.
    let egress_proxy = reader.one("egress_proxy", |text| ProxyUrl::from_str(text).map_err(|error| error.to_string()));
    let egress_extra_roots = reader.one("egress_extra_roots", path);
    let master_key = reader.one("master_key", master_key);
    let retention = reader.one("retention_days", retention);
    let patience = reader.one("shutdown_patience_seconds", |text| number(text, &PATIENCE_SECONDS, "seconds"));
    let log = reader.one("log", log_filter);
    let log_format = reader.one("log_format", log_format);

    Some(Settings {
        listen: listen?,
        data_dir: data_dir?,
        public_url,
        trusted_proxies,
        cors_origins,
        bootstrap,
        egress_allow,
        egress_source_addresses,
        egress_proxy,
        egress_extra_roots,
        master_key,
        retention: retention?,
        shutdown_patience: Duration::from_secs(patience?),
        log: log?,
        log_format: log_format?,
    })
}

pub(super) fn data_dir(layers: Layers) -> Result<PathBuf, Problems> {
    alone(layers, "data_dir", path)
}

pub(super) fn listen(layers: Layers) -> Result<SocketAddr, Problems> {
    alone(layers, "listen", listen_address)
}

/// The value of a setting that has a default. A problem of another one does not matter, but one of the whole file does: nobody knows
/// what it would have said.
fn alone<T>(layers: Layers, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, Problems> {
    let mut reader = Reader::new(layers);
    reader.problems.retain_about(key);
    match reader.one(key, parse) {
        Some(value) if reader.problems.is_empty() => Ok(value),
        _ => Err(reader.problems),
    }
}

fn bootstrap(reader: &mut Reader) -> Option<Bootstrap> {
    let client_id = reader.one("bootstrap_client_id", |text| {
        text.parse::<EnvironmentId>().map_err(|error| format!("`{text}` is {error}"))
    });
    let secret = reader.layers.value(of("bootstrap_secret")).map(|(value, _)| text(&value));
    if let Some(secret) = &secret {
        // Taken as it is: white space in it is part of it.
        match secret {
            None => reader.problems.add("bootstrap_secret", "give one value, in quotes"),
            Some(text) if !(CHOSEN_SECRET_CHARS..=CHOSEN_SECRET_CHARS_MOST).contains(&text.chars().count()) => {
                let range = format!("{CHOSEN_SECRET_CHARS} to {CHOSEN_SECRET_CHARS_MOST} characters");
                let have = text.chars().count();
                reader.problems.add(
                    "bootstrap_secret",
                    format!("it has {have} characters, and has to have {range}; choose a long random one"),
                );
            }
            Some(_) => {}
        }
    }
    match (reader.is_given("bootstrap_client_id"), secret.is_some()) {
        (true, false) => {
            reader
                .problems
                .add("bootstrap_secret", "it is missing, while bootstrap_client_id is given; give both or none");
        }
        (false, true) => {
            reader
                .problems
                .add("bootstrap_client_id", "it is missing, while bootstrap_secret is given; give both or none");
        }
        _ => {}
    }
    Some(Bootstrap { client_id: client_id?, secret: secret.flatten()? })
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not an address and a port; write for example 127.0.0.1:8400, or 0.0.0.0:8400 for every interface")
    })
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("it is empty; give a path".to_owned()) } else { Ok(PathBuf::from(text)) }
}

fn public_url(text: &str) -> Result<Url, String> {
    let wrong = || format!("`{text}` is not a web address; write for example https://hooks.example.com");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && plain { Ok(url) } else { Err(wrong()) }
}

fn origin(text: &str) -> Result<String, String> {
    let wrong =
        || format!("`{text}` is not an origin; write scheme and host alone, for example https://app.example.com");
    let url = Url::parse(text).map_err(|_| wrong())?;
    // Compared with what browsers send, which is written in one way alone.
    let origin = url.origin().ascii_serialization();
    if !matches!(url.scheme(), "http" | "https") {
        Err(wrong())
    } else if origin == text {
        Ok(origin)
    } else {
        Err(format!("`{text}` is not what browsers send; did you mean {origin}?"))
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let wrong = || format!("`{text}` is not a network; write for example 10.1.0.0/16, or a single address");
    let net = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse().map_err(|_| wrong())?,
    };
    // With bits set beyond the prefix, somebody meant another network than would be allowed.
    if net.addr() == net.network() {
        Ok(as_dialled(net))
    } else {
        Err(format!("`{text}` has bits set beyond its prefix; did you mean {}?", net.trunc()))
    }
}

/// Networks of proxies: not everybody, as then anybody could say to be anybody.
fn proxies(text: &str) -> Result<IpNet, String> {
    match network(text)? {
        net if net.prefix_len() == 0 => Err(format!("`{text}` is everybody; name the addresses of the proxies alone")),
        net => Ok(net),
    }
}

/// A network of IPv4 addresses in IPv6 clothes, as these addresses are compared: bare.
fn as_dialled(net: IpNet) -> IpNet {
    match (net.network(), net.prefix_len().checked_sub(96)) {
        (IpAddr::V6(v6), Some(prefix)) => {
            v6.to_ipv4_mapped().and_then(|v4| Ipv4Net::new(v4, prefix).ok()).map_or(net, IpNet::V4)
        }
        _ => net,
    }
}

fn source_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is not an IP address; write for example 198.51.100.7"))
}

/// Whether connections can leave from an address: that of this machine alone. No port of it is kept.
fn leaves_from(address: IpAddr) -> Result<(), Unfit> {
    TcpListener::bind(SocketAddr::new(address, 0)).map(drop).map_err(|error| {
        Unfit::Now(format!(
            "connections cannot leave from {address} ({error}); give this machine the address, or remove it"
        ))
    })
}

/// Whether a file of root certificates can be used.
fn roots(path: &Path) -> Result<(), Unfit> {
    let pem = std::fs::read(path).map_err(|error| {
        Unfit::Now(format!("{} cannot be read: {error}; correct the path, or the file's permissions", path.display()))
    })?;
    postrider_egress::check_roots(&pem).map_err(|error| Unfit::Always(format!("{}: {error}", path.display())))
}

/// Takes hexadecimal besides base64. Neither the key nor a part of it is repeated.
fn master_key(text: &str) -> Result<MasterKey, String> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let in_base64 = match digits {
        Some(digits) if digits.len() == 64 => {
            let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
            BASE64_STANDARD.encode(bytes)
        }
        _ => text.to_owned(),
    };
    let wrong = "it is not 32 bytes in base64 or hexadecimal; `openssl rand -base64 32` makes a key";
    MasterKey::parse(&in_base64).map_err(|_| wrong.to_owned())
}

fn number(text: &str, range: &std::ops::RangeInclusive<u64>, unit: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("`{text}` is not a whole number of {unit} from {} to {}", range.start(), range.end()))
}

fn retention(text: &str) -> Result<Retention, String> {
    let range = u64::from(RETENTION_DAYS_LEAST)..=u64::from(RETENTION_DAYS_MOST);
    let days = number(text, &range, "days")?;
    Ok(Retention::from_days(days).expect("the limits are those of the range"))
}

/// A word alone is a level: the filter itself would take one that is none for the name of a target, and log nothing else.
fn log_filter(text: &str) -> Result<String, String> {
    let directives: Vec<&str> = text.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    let unknown = directives.iter().find(|it| !it.contains('=') && LevelFilter::from_str(it).is_err());
    if let Some(unknown) = unknown {
        return Err(format!(
            "`{unknown}` is no level; these are: off, error, warn, info, debug, trace; one of a part alone is written as \
             postrider_engine=debug"
        ));
    }
    let filter = directives.join(",");
    match EnvFilter::builder().parse(&filter) {
        Ok(_) if !filter.is_empty() => Ok(filter),
        _ => Err(format!("`{text}` is not a log filter; write for example info, or warn,postrider_engine=debug")),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("`{text}` is not a log format; write text or json")),
    }
}
