//! Whose pages may frame the portal, and where it leads back to: URLs that browsers are sent to.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{FormError, wrong};
use crate::limits::{ORIGIN_CHARS, URL_CHARS};

/// An origin whose pages may frame the portal: `https://app.example.com`, or `https://*.example.com` for every host below it. Plain
/// http on this machine alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AllowedOrigin(String);

impl AllowedOrigin {
    /// The origin that a text names. What comes out has no character that means something in a header.
    pub fn parse(text: &str) -> Result<Self, FormError> {
        if text.chars().take(ORIGIN_CHARS + 1).count() > ORIGIN_CHARS {
            return Err(wrong(format!("has at most {ORIGIN_CHARS} characters")));
        }
        let form = || wrong("is scheme, host and port, like https://app.example.com");
        let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
        let wildcard = rest.strip_prefix("*.");
        let url = Url::parse(&format!("{scheme}://{}", wildcard.unwrap_or(rest))).map_err(|_| form())?;
        let origin = web_origin(&url)?;
        if !matches!(url.path(), "/" | "") || url.query().is_some() || url.fragment().is_some() {
            return Err(form());
        }
        if wildcard.is_none() {
            return Ok(Self(origin));
        }
        let Some(Host::Domain(host)) = url.host() else {
            return Err(wrong("has a `*` before the name of a host only"));
        };
        if !host.contains('.') || url.scheme() != "https" {
            return Err(wrong("has a `*` before at least two parts of a name only, like https://*.example.com"));
        }
        Ok(Self(origin.replacen("://", "://*.", 1)))
    }

    /// The origin as a policy names it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a page of that URL is of it.
    pub fn covers(&self, url: &Url) -> bool {
        let Ok(origin) = web_origin(url) else { return false };
        match self.0.split_once("://*.") {
            None => self.0 == origin,
            Some((scheme, parent)) => origin
                .strip_prefix(scheme)
                .and_then(|rest| rest.strip_prefix("://"))
                .and_then(|rest| rest.strip_suffix(parent))
                .is_some_and(|below| below.len() > 1 && below.ends_with('.')),
        }
    }
}

impl TryFrom<String> for AllowedOrigin {
    type Error = FormError;

    fn try_from(text: String) -> Result<Self, FormError> {
        Self::parse(&text)
    }
}

impl From<AllowedOrigin> for String {
    fn from(origin: AllowedOrigin) -> Self {
        origin.0
    }
}

/// Whether a host is this machine, as browsers see it: pages of it count as safe without https.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.octets()[0] == Ipv4Addr::LOCALHOST.octets()[0],
        Some(Host::Ipv6(address)) => address == Ipv6Addr::LOCALHOST,
        None => false,
    }
}

/// The origin of a URL that a browser may be sent to: https, or http on this machine. Of narrow characters: names of hosts may hold
/// `;` and `'` by the rules of URLs, which end or mean something in a policy.
fn web_origin(url: &Url) -> Result<String, FormError> {
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        _ => return Err(wrong("begins with https:// (or http:// on localhost)")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has no user and no password"));
    }
    let host = url.host_str().unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if host.is_empty() || !host.bytes().all(is_plain) {
        return Err(wrong("has a host of letters, digits, dots and hyphens"));
    }
    Ok(url.origin().ascii_serialization())
}

/// A page that the portal leads back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnUrl(Url);

impl ReturnUrl {
    /// The page that a text names: one of an origin that the environment allows, as a link must not lead anywhere else.
    pub fn parse(text: &str, allowed: &[AllowedOrigin]) -> Result<Self, FormError> {
        let url = page(text)?;
        if !allowed.iter().any(|origin| origin.covers(&url)) {
            return Err(wrong("is of no origin in `allowedOrigins` of the portal's settings"));
        }
        Ok(Self(url))
    }

    /// The page that was found good when it was stored.
    pub fn from_stored(text: &str) -> Option<Self> {
        page(text).ok().map(Self)
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether one of these still covers it.
    pub fn is_allowed_by(&self, allowed: &[AllowedOrigin]) -> bool {
        allowed.iter().any(|origin| origin.covers(&self.0))
    }
}

/// A URL that a browser may be sent to, or may show something of.
pub(super) fn page(text: &str) -> Result<Url, FormError> {
    if text.chars().take(URL_CHARS + 1).count() > URL_CHARS {
        return Err(wrong(format!("has at most {URL_CHARS} characters")));
    }
    let url = Url::parse(text).map_err(|error| wrong(format!("is no URL: {error}")))?;
    web_origin(&url)?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn an_origin_is_https_or_this_machine_and_nothing_that_a_header_could_misread() {
        for (text, kept) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://App.Example.com/", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("https://app.example.com:8443", "https://app.example.com:8443"),
            ("https://*.example.com", "https://*.example.com"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://acme.localhost", "http://acme.localhost"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(AllowedOrigin::parse(text).expect(text).as_str(), kept);
        }
        for text in [
            "",
            "app.example.com",
            "http://app.example.com",
            "http://10.0.0.1",
            "javascript://x",
            "data:text/html,x",
            "https://app.example.com/path",
            "https://app.example.com?x",
            "https://app.example.com#x",
            "https://user@app.example.com",
            "https://a;script-src.example.com",
            "https://a,b.example.com",
            "https://a'b.example.com",
            "https://a b.example.com",
            "https://a.example.com https://b.example.com",
            "https://*.com",
            "https://*.10.0.0.1",
            "https://*",
            "*",
            "https://a.*.example.com",
            "https://*.*.example.com",
            "http://*.localhost",
            "null",
        ] {
            assert!(AllowedOrigin::parse(text).is_err(), "{text}");
        }
        assert!(AllowedOrigin::parse(&format!("https://{}.example", "a.".repeat(200))).is_err());
    }

    #[test]
    fn an_origin_covers_its_own_pages_and_a_wildcard_those_of_hosts_below() {
        let one = AllowedOrigin::parse("https://app.example.com").expect("an origin");
        let below = AllowedOrigin::parse("https://*.example.com").expect("an origin");
        for (page, by_one, by_below) in [
            ("https://app.example.com/a?b#c", true, true),
            ("https://app.example.com:443/", true, true),
            ("https://a.b.example.com", false, true),
            ("https://app.example.com:8443", false, false),
            ("https://example.com", false, false),
            ("https://evilexample.com", false, false),
            ("https://app.example.com.evil.com", false, false),
            ("http://app.example.com", false, false),
            ("https://user@app.example.com", false, false),
            ("javascript:alert(1)", false, false),
        ] {
            assert_eq!((one.covers(&url(page)), below.covers(&url(page))), (by_one, by_below), "{page}");
        }
    }

    #[test]
    fn a_return_url_leads_to_an_allowed_origin_alone() {
        let allowed = [AllowedOrigin::parse("https://app.example.com").expect("an origin")];
        assert!(ReturnUrl::parse("https://app.example.com/settings?tab=1", &allowed).is_ok());
        for elsewhere in [
            "https://evil.com",
            "//evil.com",
            "/settings",
            "javascript:alert(1)",
            "https://app.example.com@evil.com",
            "https:\\\\evil.com",
        ] {
            assert!(ReturnUrl::parse(elsewhere, &allowed).is_err(), "{elsewhere}");
        }
        assert!(ReturnUrl::parse("https://app.example.com", &[]).is_err());
    }
}
