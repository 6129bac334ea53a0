//! The portal: what an environment shows its tenants, where it may be framed, how it looks, and who has it open.
//!
//! Owns what these consist of and what their parts must be like: whatever ends in a header of an answer (origins) or in a style sheet
//! (colours, names of fonts) is of a narrow form. Does not own what a tenant's user may do: that is [`crate::permission`]'s.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::attempt::names;
use crate::event::{TenantId, UserId};
use crate::id::{CredentialId, EnvironmentId, PortalSessionId};
use crate::limits::{FONT_FAMILY_CHARS, ORIGIN_CHARS, RADIUS_PIXELS, URL_CHARS};
use crate::permission::PermissionSet;
use crate::time::Timestamp;

/// What tenants see of webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortalSettings {
    /// Whether tenants have webhooks at all. Enforced by the server on every call of a tenant's user.
    pub webhooks: Visibility,
    /// Whose pages may frame the portal; links of the portal lead back to these alone.
    #[serde(default)]
    pub allowed_origins: Vec<AllowedOrigin>,
    /// How the portal looks.
    #[serde(default)]
    pub theme: Theme,
}

/// How far a feature is shown to tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Visibility {
    /// Not at all; every call of a tenant's user is refused.
    #[default]
    Hidden,
    /// To every user of a tenant, whatever the permissions of their tokens. Reporting events takes its own permission all the same.
    Always,
    /// To those whose permissions allow it.
    ByPermissions,
}

/// Why a text is not what it should be, for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FormError(String);

fn wrong(what: impl fmt::Display) -> FormError {
    FormError(what.to_string())
}

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
fn page(text: &str) -> Result<Url, FormError> {
    if text.chars().take(URL_CHARS + 1).count() > URL_CHARS {
        return Err(wrong(format!("has at most {URL_CHARS} characters")));
    }
    let url = Url::parse(text).map_err(|error| wrong(format!("is no URL: {error}")))?;
    web_origin(&url)?;
    Ok(url)
}

/// How the portal looks. What is absent is as Postrider has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Theme {
    /// The colour of what can be clicked.
    pub accent: Option<Colour>,
    /// A picture at the top.
    pub logo_url: Option<LogoUrl>,
    /// Light or dark.
    pub mode: Option<Mode>,
    /// The radius of corners in pixels.
    pub radius: Option<Radius>,
    /// The font's name.
    pub font_family: Option<FontFamily>,
}

impl Theme {
    /// This theme with what another one has over it.
    #[must_use]
    pub fn with(&self, over: &Self) -> Self {
        let (under, over) = (self.clone(), over.clone());
        Self {
            accent: over.accent.or(under.accent),
            logo_url: over.logo_url.or(under.logo_url),
            mode: over.mode.or(under.mode),
            radius: over.radius.or(under.radius),
            font_family: over.font_family.or(under.font_family),
        }
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
    /// As the browser prefers.
    #[default]
    Auto,
}

/// A colour, as `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour(String);

impl TryFrom<String> for Colour {
    type Error = FormError;

    fn try_from(text: String) -> Result<Self, FormError> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        match digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            Some(_) => Ok(Self(text.to_ascii_lowercase())),
            None => Err(wrong("is a colour like #3366ff")),
        }
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.0
    }
}

/// Where a logo is fetched from: https, or http on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogoUrl(Url);

impl LogoUrl {
    /// Its origin, as a policy names it.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl TryFrom<String> for LogoUrl {
    type Error = FormError;

    fn try_from(text: String) -> Result<Self, FormError> {
        page(&text).map(Self)
    }
}

impl From<LogoUrl> for String {
    fn from(logo: LogoUrl) -> Self {
        logo.0.into()
    }
}

/// A radius of corners, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Radius(u32);

impl TryFrom<u32> for Radius {
    type Error = FormError;

    fn try_from(pixels: u32) -> Result<Self, FormError> {
        if pixels > RADIUS_PIXELS {
            return Err(wrong(format!("is 0 to {RADIUS_PIXELS} pixels")));
        }
        Ok(Self(pixels))
    }
}

impl From<Radius> for u32 {
    fn from(radius: Radius) -> Self {
        radius.0
    }
}

/// Names of fonts that the reader's machine has, with commas between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FontFamily(String);

impl TryFrom<String> for FontFamily {
    type Error = FormError;

    fn try_from(text: String) -> Result<Self, FormError> {
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | ',' | '-' | '_');
        if text.split(',').all(|name| name.trim().is_empty()) || !text.chars().all(is_plain) {
            return Err(wrong("is names of fonts, of letters, digits, spaces and hyphens, with commas between them"));
        }
        if text.chars().count() > FONT_FAMILY_CHARS {
            return Err(wrong(format!("has at most {FONT_FAMILY_CHARS} characters")));
        }
        Ok(Self(text))
    }
}

impl From<FontFamily> for String {
    fn from(family: FontFamily) -> Self {
        family.0
    }
}

/// Why somebody has a tenant's portal open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A user of the tenant, in its own name.
    Tenant,
    /// The vendor, to help a tenant.
    Support,
}

names!(Purpose {
    Tenant => "tenant",
    Support => "support",
});

/// A tenant's portal, opened by a link; or the link, until somebody opens it.
#[derive(Debug, Clone, PartialEq)]
pub struct PortalSession {
    /// Its id; the link's, too.
    pub id: PortalSessionId,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The tenant: nothing outside it exists for the session.
    pub tenant_id: TenantId,
    /// The user, where the vendor named one.
    pub user_id: Option<UserId>,
    /// What it may do, whatever the environment shows; nothing at all while webhooks are hidden.
    pub permissions: PermissionSet,
    /// Why it is open.
    pub purpose: Purpose,
    /// What looks different from the environment's theme.
    pub theme: Theme,
    /// The page that it leads back to.
    pub return_url: Option<ReturnUrl>,
    /// The credential that made the link; the session ends when it is revoked. None: an operator made it.
    pub credential_id: Option<CredentialId>,
    /// When the link was made.
    pub created_at: Timestamp,
    /// How long it lasts from its opening.
    pub lifetime: Duration,
    /// How far it is.
    pub stage: PortalStage,
}

/// How far a portal session is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PortalStage {
    /// A link that nobody has opened.
    Link {
        /// SHA-256 of its code.
        code_hash: [u8; 32],
        /// When it can no more be opened.
        until: Timestamp,
    },
    /// Open.
    Open {
        /// SHA-256 of the cookie's value.
        secret_hash: [u8; 32],
        /// When the link was opened.
        since: Timestamp,
        /// When it was last used, to the minute.
        last_used_at: Timestamp,
    },
}

impl fmt::Debug for PortalStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link { until, .. } => f.debug_struct("Link").field("until", until).finish_non_exhaustive(),
            Self::Open { since, last_used_at, .. } => {
                f.debug_struct("Open").field("since", since).field("last_used_at", last_used_at).finish_non_exhaustive()
            }
        }
    }
}

impl PortalSession {
    /// When it ends by itself.
    pub fn until(&self) -> Timestamp {
        match self.stage {
            PortalStage::Link { until, .. } => until,
            PortalStage::Open { since, .. } => since + self.lifetime,
        }
    }

    /// The hash that it is found by: of the link's code, then of the cookie's value.
    pub fn hash(&self) -> [u8; 32] {
        match self.stage {
            PortalStage::Link { code_hash, .. } => code_hash,
            PortalStage::Open { secret_hash, .. } => secret_hash,
        }
    }
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

    #[test]
    fn a_theme_has_no_part_that_could_leave_its_place_in_a_style_sheet() {
        let theme = |json: &str| serde_json::from_str::<Theme>(json);
        let whole = r##"{"accent":"#3366FF","logoUrl":"https://cdn.example.com/logo.svg","mode":"dark","radius":8,"fontFamily":"Inter, Segoe UI"}"##;
        let whole = theme(whole).expect("a theme");
        assert_eq!(whole.accent, Some(Colour("#3366ff".to_owned())));
        assert_eq!(whole.logo_url.as_ref().map(LogoUrl::origin), Some("https://cdn.example.com".to_owned()));
        for wrong in [
            r#"{"accent":"red"}"#,
            r##"{"accent":"#12345"}"##,
            r##"{"accent":"#12345g"}"##,
            r##"{"accent":"#123456;"}"##,
            r#"{"logoUrl":"http://cdn.example.com/logo.svg"}"#,
            r#"{"logoUrl":"javascript:alert(1)"}"#,
            r#"{"logoUrl":"https://a;b.example/x"}"#,
            r#"{"mode":"blue"}"#,
            r#"{"radius":25}"#,
            r#"{"radius":-1}"#,
            r#"{"fontFamily":"x; } body { display: none"}"#,
            r#"{"fontFamily":"url(x)"}"#,
            r#"{"fontFamily":" "}"#,
            r#"{"fontFamily":" , "}"#,
            r#"{"colour":"x"}"#,
        ] {
            assert!(theme(wrong).is_err(), "{wrong}");
        }
        let over = Theme { mode: Some(Mode::Light), ..Theme::default() };
        let both = whole.with(&over);
        assert_eq!((both.mode, both.radius), (Some(Mode::Light), whole.radius));
    }
}
