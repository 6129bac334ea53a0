//! The way of commands to a server: which one, as whom, and what an answer says.
//!
//! Owns the search for the server (flags, then variables, then the control socket of this machine) and the words for what goes wrong
//! on the way. Does not own what is asked: that is each command's.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{Method, StatusCode};
use postrider_core::EnvironmentId;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::cli::{EnvironmentTarget, OperatorTarget, SocketTarget, web_address};
use crate::config::{Layers, Sources};
use crate::failure::{Failure, Refusal, with_causes};
use crate::output::tame;
use crate::serve::control::SOCKET_NAME;

/// The header by which an operator on the control socket names an environment.
const ENVIRONMENT_HEADER: &str = "postrider-environment";
/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Said where the system does not let this account open the control socket.
const CLOSED: &str = "the control socket can be opened by the account that runs the server alone: run this command as that account, \
                      with `sudo -u <account>` for example, or reach the server with --url, and --operator-token or --client-id and \
                      --secret";

/// A server, and as whom it is spoken to.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// Over the network, as an environment.
    Environment {
        /// The server.
        url: Url,
        /// The environment.
        client_id: String,
        /// Its secret.
        secret: String,
    },
    /// Over the network, as the operator.
    Operator {
        /// The server.
        url: Url,
        /// The operator's token.
        token: String,
    },
    /// On this machine, as the operator, who may act for any environment.
    Socket {
        /// Where it lies.
        path: PathBuf,
        /// Which environment is meant, where there are several.
        environment: Option<EnvironmentId>,
    },
}

/// Variables of this process that name a server. Read by hand, so that a flag for the control socket overrides them.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The URL that a flag or a variable gives.
pub(crate) fn url_of(flag: Option<Url>) -> Result<Option<Url>, Failure> {
    match (flag, variable("POSTRIDER_URL")) {
        (Some(url), _) => Ok(Some(url)),
        (None, Some(text)) => match web_address(&text) {
            Ok(url) => Ok(Some(url)),
            Err(what) => Err(Failure::said(format!("POSTRIDER_URL is `{text}`: {what}"))),
        },
        (None, None) => Ok(None),
    }
}

impl EnvironmentTarget {
    /// The server that is meant.
    pub(crate) fn find(self) -> Result<Target, Failure> {
        let environment = self.environment.environment;
        if let Some(data_dir) = &self.data_dir {
            return Ok(Target::socket_in(data_dir, environment));
        }
        let url = url_of(self.url)?;
        let client_id = self.client_id.map(|id| id.to_string()).or_else(|| variable("POSTRIDER_CLIENT_ID"));
        let secret = self.secret.or_else(|| variable("POSTRIDER_SECRET"));
        match (url, client_id, secret) {
            (None, None, None) => Ok(Target::socket_in(&configuration().data_dir()?, environment)),
            (_, Some(client_id), Some(_)) if environment.is_some_and(|id| id.to_string() != client_id) => {
                Err(Failure::said(
                    "--environment names another environment than the client id; the client id decides, leave the other out",
                ))
            }
            (url, Some(client_id), Some(secret)) => {
                Ok(Target::Environment { url: url.map_or_else(configured_url, Ok)?, client_id, secret })
            }
            (_, None, _) => Err(missing("client id", "--client-id", "POSTRIDER_CLIENT_ID")),
            (_, Some(_), None) => Err(missing("secret", "--secret", "POSTRIDER_SECRET")),
        }
    }
}

impl OperatorTarget {
    /// The server that is meant.
    pub(crate) fn find(self) -> Result<Target, Failure> {
        if let Some(data_dir) = &self.data_dir {
            return Ok(Target::socket_in(data_dir, None));
        }
        let token = self.operator_token.or_else(|| variable("POSTRIDER_OPERATOR_TOKEN"));
        match (url_of(self.url)?, token) {
            (url, Some(token)) => Ok(Target::Operator { url: url.map_or_else(configured_url, Ok)?, token }),
            // Also where it stands in a variable, for the other commands' sake: whoever names a server means no other.
            (Some(_), None) => Err(missing("operator's token", "--operator-token", "POSTRIDER_OPERATOR_TOKEN")),
            (None, None) => Ok(Target::socket_in(&configuration().data_dir()?, None)),
        }
    }
}

impl SocketTarget {
    /// The server that is meant.
    pub(crate) fn find(self) -> Result<Target, Failure> {
        match &self.data_dir {
            Some(data_dir) => Ok(Target::socket_in(data_dir, None)),
            None => Ok(Target::socket_in(&configuration().data_dir()?, None)),
        }
    }
}

fn missing(what: &str, flag: &str, variable: &str) -> Failure {
    Failure::said(format!(
        "the {what} is missing: give {flag} or {variable}; or, on the server's own machine, name its data directory with --data-dir, \
         or leave out --url, POSTRIDER_URL and the like"
    ))
}

/// What a server that runs with this process's configuration would read. A default in place of what cannot be read would lead to
/// another server.
fn configuration() -> Layers {
    Layers::read(&Sources::of_process(None, BTreeMap::new()))
}

fn configured_url() -> Result<Url, Failure> {
    Ok(local_url(configuration().listen()?))
}

/// Where a server that listens on this address is reached from its own machine.
pub(crate) fn local_url(mut listen: std::net::SocketAddr) -> Url {
    if listen.ip().is_unspecified() {
        let loopback: std::net::IpAddr =
            if listen.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        listen.set_ip(loopback);
    }
    Url::parse(&format!("http://{listen}")).expect("an address with a port is a valid authority")
}

impl Target {
    /// The server that runs on that data directory.
    pub(crate) fn socket_in(data_dir: &Path, environment: Option<EnvironmentId>) -> Self {
        Self::Socket { path: data_dir.join(SOCKET_NAME), environment }
    }
}

/// A connection to a server, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    authority: Authority,
}

/// As whom a request is made.
#[derive(Clone)]
enum Authority {
    Token(String),
    Socket(Option<EnvironmentId>),
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token(..)"),
            Self::Socket(environment) => f.debug_tuple("Socket").field(environment).finish(),
        }
    }
}

impl Client {
    /// Finds the server and logs in.
    pub(crate) async fn connect(target: Target) -> Result<Self, Failure> {
        match target {
            Target::Socket { path, environment } => {
                look_for(&path)?;
                let http = build(client_builder().no_proxy().unix_socket(path))?;
                let base = Url::parse("http://control.socket").expect("the text is a URL");
                Ok(Self { http, base, authority: Authority::Socket(environment) })
            }
            Target::Operator { url, token } => {
                Ok(Self { http: http_for(&url)?, base: url, authority: Authority::Token(token) })
            }
            Target::Environment { url, client_id, secret } => {
                let mut client = Self { http: http_for(&url)?, base: url, authority: Authority::Token(String::new()) };
                client.authority = Authority::Token(client.log_in(&client_id, &secret).await?);
                Ok(client)
            }
        }
    }

    /// As [`Self::connect`], to act for one environment: the one that was named, or the only one there is.
    pub(crate) async fn connect_for_environment(target: Target) -> Result<Self, Failure> {
        let mut client = Self::connect(target).await?;
        if let Authority::Socket(named @ None) = client.authority {
            client.authority = Authority::Socket(Some(client.environment(named).await?));
        }
        Ok(client)
    }

    /// The environment that an operator means: the one that was named, or the only one there is.
    pub(crate) async fn environment(&self, named: Option<EnvironmentId>) -> Result<EnvironmentId, Failure> {
        if let Some(id) = named {
            return Ok(id);
        }
        let text = |row: &Value, member: &str| row[member].as_str().unwrap_or_default().to_owned();
        let environments = self.list("/api/v1/environments").await?;
        match environments.as_slice() {
            [only] => {
                text(only, "id").parse().map_err(|_| Failure::said("the server names its environment by no UUID"))
            }
            [] => Err(Failure::said("there is no environment; make one with `postrider environment create`")),
            several => {
                let listed: Vec<String> =
                    several.iter().map(|row| format!("{} ({})", tame(&text(row, "name")), text(row, "id"))).collect();
                Err(Failure::said(format!("name the environment with --environment; there are {}", listed.join(", "))))
            }
        }
    }

    async fn log_in(&self, client_id: &str, secret: &str) -> Result<String, Failure> {
        #[derive(Deserialize)]
        struct Token {
            token: String,
        }
        let request = self.http.post(self.at("/auth/vendor")).json(&json!({"clientId": client_id, "secret": secret}));
        let answer = self.checked(request.timeout(ANSWER_TIMEOUT).send().await).await?;
        let token: Token = answer.json().await.map_err(|error| self.not_postrider(&error))?;
        Ok(token.token)
    }

    /// Where the server is, in words.
    pub(crate) fn place(&self) -> String {
        match self.authority {
            Authority::Token(_) => self.base.as_str().trim_end_matches('/').to_owned(),
            Authority::Socket(_) => "the server on this machine".to_owned(),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// A request with the caller's authority.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, self.at(path));
        match &self.authority {
            Authority::Token(token) => request.bearer_auth(token),
            Authority::Socket(Some(environment)) => request.header(ENVIRONMENT_HEADER, environment.to_string()),
            Authority::Socket(None) => request,
        }
    }

    /// Sends a request and waits for the head of a good answer.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, Failure> {
        self.checked(request.send().await).await
    }

    /// Asks and reads JSON; nothing where the answer has no body.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let mut request = self.request(method, path).timeout(ANSWER_TIMEOUT);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = self.send(request).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        answer.json().await.map_err(|error| self.not_postrider(&error))
    }

    /// Asks and reads the answer as it was written.
    pub(crate) async fn text(&self, path: &str) -> Result<String, Failure> {
        let answer = self.send(self.request(Method::GET, path).timeout(ANSWER_TIMEOUT)).await?;
        answer.text().await.map_err(|error| self.not_postrider(&error))
    }

    /// All rows of a list.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let place = cursor.map_or_else(|| path.to_owned(), |cursor| format!("{path}{separator}cursor={cursor}"));
            let page = self.call(Method::GET, &place, None).await?;
            rows.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["nextCursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(rows),
            }
        }
    }

    async fn checked(&self, sent: Result<reqwest::Response, reqwest::Error>) -> Result<reqwest::Response, Failure> {
        let answer = sent.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.unwrap_or_default();
        Err(Failure::Refused(refusal(status, &text)))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let place = self.place();
        if error.is_timeout() {
            return Failure::Unreachable(format!("{place} does not answer in time"));
        }
        Failure::Unreachable(match self.authority {
            Authority::Socket(_) if error.is_connect() => unconnected(kind_of(error)).to_owned(),
            _ if error.is_connect() => format!("no connection to {place}: {}", root_of(error)),
            _ => format!("{place} broke the connection off: {}", root_of(error)),
        })
    }

    fn not_postrider(&self, error: &reqwest::Error) -> Failure {
        Failure::said(format!("{} does not answer as Postrider does: {}", self.place(), with_causes(error)))
    }
}

/// Looks whether there is a control socket: where there is none, no server runs there.
fn look_for(path: &Path) -> Result<(), Failure> {
    Err(Failure::Unreachable(match path.try_exists() {
        Ok(true) => return Ok(()),
        Ok(false) => format!(
            "no server runs on this machine with the data directory {}. Start one with `postrider serve`, name its data \
             directory with --data-dir, or reach another machine with --url, --client-id and --secret",
            path.parent().unwrap_or(path).display()
        ),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => format!("{}: {CLOSED}", path.display()),
        Err(error) => format!("the control socket {} cannot be looked for: {error}", path.display()),
    }))
}

/// Why a control socket that is there led to no server.
fn unconnected(said: Option<io::ErrorKind>) -> &'static str {
    match said {
        Some(io::ErrorKind::PermissionDenied) => CLOSED,
        _ => {
            "the control socket is there, but no server listens on it: one may be stopping, or was killed; start one with \
             `postrider serve`"
        }
    }
}

/// What the system said, where an error comes from it.
fn kind_of(error: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

/// The innermost cause: the system's own words.
fn root_of(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    root.to_string()
}

/// What a refused request was refused for.
fn refusal(status: StatusCode, body: &str) -> Refusal {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let frontegg = || {
        let errors = body["errors"].as_array()?;
        Some(errors.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "))
    };
    let detail = body["detail"].as_str().or_else(|| body["title"].as_str()).map(str::to_owned).or_else(frontegg);
    let message = match detail {
        Some(detail) => format!("the server refused ({}): {detail}", status.as_u16()),
        None => format!("the server answered {status}"),
    };
    Refusal { code: body["code"].as_str().map(str::to_owned), message }
}

fn client_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("postrider/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
}

/// A client for a server at that URL, or for a program on this machine: what is here is not reached through a proxy.
pub(crate) fn http_for(url: &Url) -> Result<reqwest::Client, Failure> {
    let local = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    build(if local { client_builder().no_proxy() } else { client_builder() })
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Failure> {
    builder.build().map_err(|error| Failure::said(format!("HTTP cannot be spoken: {}", with_causes(&error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_socket_that_may_not_be_opened_is_no_server_that_does_not_run() {
        let closed = unconnected(Some(io::ErrorKind::PermissionDenied));
        assert!(closed.contains("sudo -u") && closed.contains("--operator-token"), "{closed}");
        let unheard = unconnected(Some(io::ErrorKind::ConnectionRefused));
        assert!(unheard.contains("may be stopping") && unheard.contains("postrider serve"), "{unheard}");
    }

    #[tokio::test]
    async fn what_the_system_said_is_found_below_what_clients_make_of_it() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SOCKET_NAME);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let http = build(client_builder().no_proxy().unix_socket(path)).unwrap();
        let error = http.get("http://control.socket").send().await.unwrap_err();
        assert!(error.is_connect());
        assert_eq!(kind_of(&error), Some(io::ErrorKind::ConnectionRefused));
    }
}
