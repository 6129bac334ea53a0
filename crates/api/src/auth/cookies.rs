//! Cookies of sessions: their names, how they are read, and how they are set.
//!
//! Two kinds that are never taken for one another: the console's, one in a browser (`SameSite=Lax`), and a portal's, one for each
//! session, so that two tenants in two frames do not disturb each other (`SameSite=None; Partitioned`, as it lives in other people's
//! pages). A page cannot read either.
//!
//! Under an https public URL names begin with `__Host-`: then no other host of the same domain can have set them.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use postrider_core::PortalSessionId;
use postrider_core::limits::{CONSOLE_SESSION_LIFETIME, PORTAL_COOKIES};

const CONSOLE: &str = "postrider";
const PORTAL: &str = "postrider-portal-";
const HOST: &str = "__Host-";

/// How callers reach this server, as far as cookies care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Under an https public URL: nothing else counts.
    Https,
    /// Not known, or plain, on a machine of one's own.
    Unknown,
}

impl Transport {
    /// As the public URL says.
    pub(crate) fn of(public_url: Option<&str>) -> Self {
        if public_url.is_some_and(|url| url.starts_with("https://")) { Self::Https } else { Self::Unknown }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Https => HOST,
            Self::Unknown => "",
        }
    }
}

/// Every cookie of a request.
fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), value.trim()))
    })
}

/// The value of the console's cookie.
pub(crate) fn console(headers: &HeaderMap, transport: Transport) -> Option<&str> {
    all(headers).find_map(|(name, value)| (name.strip_prefix(transport.prefix()) == Some(CONSOLE)).then_some(value))
}

/// The value of the cookie of that portal session.
pub(crate) fn portal(headers: &HeaderMap, transport: Transport, id: PortalSessionId) -> Option<&str> {
    let wanted = portal_name(transport, &simple(id));
    all(headers).find_map(|(name, value)| (name == wanted).then_some(value))
}

fn simple(id: PortalSessionId) -> String {
    id.as_uuid().simple().to_string()
}

fn portal_name(transport: Transport, id: &str) -> String {
    format!("{}{PORTAL}{id}", transport.prefix())
}

/// Gives a browser the console's cookie. `from_https`: the page that signs in was fetched by https.
pub(crate) fn set_console(headers: &mut HeaderMap, transport: Transport, origin: Option<&str>, value: &str) {
    let is_https = transport == Transport::Https || origin.is_some_and(|origin| origin.starts_with("https://"));
    let secure = if is_https { "; Secure" } else { "" };
    let (name, age) = (format!("{}{CONSOLE}", transport.prefix()), CONSOLE_SESSION_LIFETIME.as_secs());
    append(headers, format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}"));
}

/// Takes the console's cookie away.
pub(crate) fn clear_console(headers: &mut HeaderMap, transport: Transport) {
    let secure = if transport == Transport::Https { "; Secure" } else { "" };
    let name = format!("{}{CONSOLE}", transport.prefix());
    append(headers, format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}"));
}

/// Gives a browser the cookie of a portal session, and takes the oldest away of those that it sent, where they are too many.
pub(crate) fn set_portal(
    headers: &mut HeaderMap,
    transport: Transport,
    asked: &HeaderMap,
    id: PortalSessionId,
    value: &str,
    lifetime: Duration,
) {
    let prefix = portal_name(transport, "");
    let mut others: Vec<&str> = all(asked).filter_map(|(name, _)| name.strip_prefix(&*prefix)).collect();
    // Names hold ids, which sort by age; what is no id was not set here.
    others.retain(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    others.sort_unstable();
    others.dedup();
    let beyond = (others.len() + 1).saturating_sub(PORTAL_COOKIES);
    for id in others.into_iter().take(beyond) {
        append(headers, portal_cookie(&portal_name(transport, id), "", 0));
    }
    append(headers, portal_cookie(&portal_name(transport, &simple(id)), value, lifetime.as_secs()));
}

/// Takes the cookie of a portal session away.
pub(crate) fn clear_portal(headers: &mut HeaderMap, transport: Transport, id: PortalSessionId) {
    append(headers, portal_cookie(&portal_name(transport, &simple(id)), "", 0));
}

/// `Secure` also on plain http: browsers take it on this machine, and there are no portal links anywhere else without https.
fn portal_cookie(name: &str, value: &str, age: u64) -> String {
    format!("{name}={value}; Path=/; HttpOnly; Secure; SameSite=None; Partitioned; Max-Age={age}")
}

fn append(headers: &mut HeaderMap, cookie: String) {
    headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie).expect("names and values are visible ASCII"));
}
