//! How a webhook's requests look: what they carry instead of the event as it is, and what they show to be let in.
//!
//! Owns the settings and what their parts must be like. Does not own templates: what they mean, and whether they can be read, is the
//! shape crate's.
//!
//! Two parts with two fates. The [`Shape`] (method and payload) has revisions, and a delivery keeps the one that it was accepted under, so
//! that all of its attempts send the same bytes. The [`Access`] (headers, authentication, client certificate) is read for each
//! attempt, as URL and secret are: who corrects a key wants the next attempt to use it.

use std::fmt;
use std::num::NonZeroI64;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attempt::names;
use crate::limits::{
    CLIENT_CERTIFICATE_BYTES, CREDENTIAL_CHARS, CUSTOM_HEADERS, HEADER_NAME_CHARS, HEADER_TEMPLATE_BYTES,
    MEDIA_TYPE_CHARS, TEMPLATE_BYTES,
};
use crate::webhook::EndpointUrl;

/// What a webhook sends for an event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Shape {
    /// The request's method.
    pub method: RequestMethod,
    /// What is sent instead of the event's body; none: the event's body.
    pub payload: Option<Payload>,
}

impl Shape {
    /// Whether it is what webhooks have that say nothing of it: a POST of the event's body.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// The number of a shape's revision; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShapeRevision(NonZeroI64);

impl ShapeRevision {
    /// The revision of that number; none for zero, which is no revision's.
    pub fn new(number: i64) -> Option<Self> {
        NonZeroI64::new(number).map(Self)
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0.get()
    }
}

/// A shape as it is stored: with the number that deliveries keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedShape {
    /// Its number.
    pub revision: ShapeRevision,
    /// The shape.
    pub shape: Arc<Shape>,
}

/// The method of a webhook's requests. Stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RequestMethod {
    /// What receivers expect of a webhook.
    #[default]
    Post,
    /// Replaces something.
    Put,
    /// Changes something.
    Patch,
    /// Removes something; carries the body all the same, which receivers may ignore.
    Delete,
    /// Asks, and carries no body.
    Get,
}

names!(RequestMethod { Post => "POST", Put => "PUT", Patch => "PATCH", Delete => "DELETE", Get => "GET" });

impl RequestMethod {
    /// Whether its requests carry a body.
    pub const fn has_body(self) -> bool {
        !matches!(self, Self::Get)
    }
}

/// What is sent instead of an event's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The template.
    pub template: Arc<str>,
    /// What the template makes, which also decides how values are escaped in it.
    pub content_type: MediaType,
}

/// Why a shape or an access cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// No template, or one of white space.
    #[error("a template must not be empty")]
    TemplateEmpty,
    /// A template beyond the limit.
    #[error("a template has at most {TEMPLATE_BYTES} bytes")]
    TemplateTooLong,
    /// A method without a body, and something to put there.
    #[error(
        "a GET request carries no body, so it cannot have a payload; put values into headers, or choose another method"
    )]
    GetWithPayload,
    /// A text that is no media type.
    #[error("`{0}` is no media type; one is, for example, application/json")]
    MediaType(String),
    /// A media type for whose form values cannot be escaped.
    #[error(
        "a template cannot make `{0}`: it makes JSON (application/json, *+json), a form (application/x-www-form-urlencoded), XML \
         (application/xml, text/xml, *+xml) or text (text/*)"
    )]
    MediaTypeUnknown(String),
    /// A name that no header can have.
    #[error("`{0}` is no name of a header")]
    HeaderName(String),
    /// A header that is not the webhook's to choose.
    #[error("the header `{0}` is set by this server, HTTP or proxies, or is taken for one that is")]
    HeaderReserved(String),
    /// A name that comes twice.
    #[error("the header `{0}` is there twice")]
    HeaderTwice(String),
    /// A value beyond the limit.
    #[error("a header's value has at most {HEADER_TEMPLATE_BYTES} bytes")]
    HeaderTooLong,
    /// Too many headers.
    #[error("a webhook has at most {CUSTOM_HEADERS} headers of its own")]
    TooManyHeaders,
    /// A part of a credential that is empty.
    #[error("must not be empty")]
    CredentialEmpty,
    /// A part of a credential beyond the limit.
    #[error("has at most {CREDENTIAL_CHARS} characters")]
    CredentialTooLong,
    /// A part of a credential that cannot be sent.
    #[error("{0}")]
    Credential(&'static str),
    /// A certificate or key beyond the limit.
    #[error("certificate and key have at most {CLIENT_CERTIFICATE_BYTES} bytes each")]
    CertificateTooLong,
}

impl Shape {
    /// Whether the parts fit together.
    pub fn check(&self) -> Result<(), ShapeError> {
        match &self.payload {
            Some(_) if !self.method.has_body() => Err(ShapeError::GetWithPayload),
            Some(payload) if payload.template.trim().is_empty() => Err(ShapeError::TemplateEmpty),
            Some(payload) if payload.template.len() > TEMPLATE_BYTES => Err(ShapeError::TemplateTooLong),
            _ => Ok(()),
        }
    }
}

/// What a template makes, by its media type; it decides how values are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// JSON: values are written as JSON, or as the content of a string where they stand in one.
    Json,
    /// A form: values are percent-encoded.
    Form,
    /// XML and HTML: what has a meaning there is escaped.
    Xml,
    /// Text: values are written as they are.
    Text,
}

/// A media type that a template can make, as it was typed: `application/json`, `text/plain; charset=utf-8`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaType {
    text: Arc<str>,
    syntax: Syntax,
}

impl MediaType {
    /// `application/json`.
    pub fn json() -> Self {
        Self { text: "application/json".into(), syntax: Syntax::Json }
    }

    /// As it was typed, and as it is sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How values are escaped.
    pub fn syntax(&self) -> Syntax {
        self.syntax
    }
}

impl FromStr for MediaType {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        let text = text.trim();
        let malformed = || ShapeError::MediaType(text.chars().take(MEDIA_TYPE_CHARS).collect());
        if text.len() > MEDIA_TYPE_CHARS || !text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return Err(malformed());
        }
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_token = |part: &str| !part.is_empty() && part.bytes().all(is_token_byte);
        let (kind, subtype) = essence.split_once('/').ok_or_else(malformed)?;
        if !is_token(kind) || !is_token(subtype) {
            return Err(malformed());
        }
        let syntax = match (kind, subtype) {
            (_, "json") => Syntax::Json,
            (_, sub) if sub.ends_with("+json") => Syntax::Json,
            ("application", "x-www-form-urlencoded") => Syntax::Form,
            (_, "xml") | ("text", "html") => Syntax::Xml,
            (_, sub) if sub.ends_with("+xml") => Syntax::Xml,
            ("text", _) => Syntax::Text,
            _ => return Err(ShapeError::MediaTypeUnknown(essence)),
        };
        Ok(Self { text: text.into(), syntax })
    }
}

impl TryFrom<String> for MediaType {
    type Error = ShapeError;

    fn try_from(text: String) -> Result<Self, ShapeError> {
        text.parse()
    }
}

impl From<MediaType> for String {
    fn from(media_type: MediaType) -> Self {
        media_type.text.as_ref().to_owned()
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// A byte that names of headers and parts of media types consist of.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What a webhook's requests show to be let in. It holds secrets, and is stored sealed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Access {
    /// Headers besides those that every request has.
    #[serde(default)]
    pub headers: Vec<CustomHeader>,
    /// How requests authenticate to the receiver.
    #[serde(default)]
    pub authentication: Option<Authentication>,
    /// The certificate that is shown in the TLS handshake.
    #[serde(default)]
    pub certificate: Option<ClientCertificate>,
}

impl Access {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.authentication.is_none() && self.certificate.is_none()
    }
}

/// A text that is not shown: in no answer and in no `Debug` output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(Arc<str>);

impl Hidden {
    /// Hides a text.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text, for its use.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(..)")
    }
}

/// A header of a webhook's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomHeader {
    /// Its name, as it was typed.
    pub name: Arc<str>,
    /// The template of its value.
    pub value: Hidden,
    /// Whether the value is hidden from readers.
    pub visibility: HeaderVisibility,
}

/// Whether people who read a webhook see the value of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderVisibility {
    /// They do.
    Shown,
    /// They do not.
    Sensitive,
}

impl CustomHeader {
    /// A header whose name is not reserved and whose value is within the limits.
    pub fn new(name: &str, value: &str, visibility: HeaderVisibility) -> Result<Self, ShapeError> {
        if name.is_empty() || name.len() > HEADER_NAME_CHARS || !name.bytes().all(is_token_byte) {
            return Err(ShapeError::HeaderName(name.chars().take(HEADER_NAME_CHARS).collect()));
        }
        if is_reserved(name) {
            return Err(ShapeError::HeaderReserved(name.to_owned()));
        }
        if value.len() > HEADER_TEMPLATE_BYTES {
            return Err(ShapeError::HeaderTooLong);
        }
        Ok(Self { name: name.into(), value: Hidden::new(value), visibility })
    }

    /// Whether the list is within the limits and has each name once.
    pub fn check_all(headers: &[Self]) -> Result<(), ShapeError> {
        if headers.len() > CUSTOM_HEADERS {
            return Err(ShapeError::TooManyHeaders);
        }
        for (index, header) in headers.iter().enumerate() {
            if headers[..index].iter().any(|other| other.name.eq_ignore_ascii_case(&header.name)) {
                return Err(ShapeError::HeaderTwice(header.name.as_ref().to_owned()));
            }
        }
        Ok(())
    }
}

/// Headers that say where a message ends or what becomes of the connection, and those by which receivers trust a delivery: were
/// they to be chosen, a tenant could pass its own events off as another's. Those by which proxies say where a request comes from are
/// believed likewise. A name is judged as those receivers read it that have it as a variable (CGI, WSGI, PHP): to them all that is no
/// letter or digit may be the same.
fn is_reserved(name: &str) -> bool {
    const NAMES: [&str; 21] = [
        "cf-connecting-ip",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "expect",
        "forwarded",
        "frontegg-trace-id",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "true-client-ip",
        "upgrade",
        "via",
        "x-client-ip",
        "x-real-ip",
        "x-webhook-secret",
    ];
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    NAMES.contains(&name.as_str())
        || ["webhook-", "proxy-", "x-forwarded-"].iter().any(|prefix| name.starts_with(prefix))
}

/// How requests authenticate to the receiver, in the header `authorization`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Authentication {
    /// User name and password.
    Basic {
        /// The user name; may be empty.
        username: String,
        /// The password.
        password: Hidden,
    },
    /// A token that does not change.
    Bearer {
        /// The token.
        token: Hidden,
    },
    /// A token that is fetched from a server of the receiver's, by its client credentials.
    OAuth2(OAuth2),
}

/// OAuth 2.0 client credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuth2 {
    /// Where tokens are fetched.
    pub token_url: EndpointUrl,
    /// Who asks.
    pub client_id: String,
    /// What it proves itself with.
    pub client_secret: Hidden,
    /// What the token is to be good for, as the server names it.
    pub scope: Option<String>,
    /// For whom the token is to be made, where the server asks for that.
    pub audience: Option<String>,
    /// Where the client's id and secret are put.
    pub client_authentication: ClientAuthentication,
}

/// Where an OAuth 2.0 client puts its id and secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// In the header `authorization`, as the standard prefers.
    #[default]
    Basic,
    /// In the request's form.
    Form,
}

impl Authentication {
    /// Whether its parts can be sent.
    pub fn check(&self) -> Result<(), (&'static str, ShapeError)> {
        match self {
            Self::Basic { username, password } => {
                credential("username", username, Emptiness::Allowed)?;
                credential("password", password.expose(), Emptiness::Allowed)?;
                if username.contains(':') {
                    return Err(("username", ShapeError::Credential("must not contain a colon")));
                }
                Ok(())
            }
            Self::Bearer { token } => {
                credential("token", token.expose(), Emptiness::Refused)?;
                if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err((
                        "token",
                        ShapeError::Credential("consists of visible ASCII characters, without spaces"),
                    ));
                }
                Ok(())
            }
            Self::OAuth2(oauth2) => {
                credential("clientId", &oauth2.client_id, Emptiness::Refused)?;
                credential("clientSecret", oauth2.client_secret.expose(), Emptiness::Refused)?;
                for (at, text) in [("scope", &oauth2.scope), ("audience", &oauth2.audience)] {
                    if let Some(text) = text {
                        credential(at, text, Emptiness::Refused)?;
                    }
                }
                Ok(())
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Emptiness {
    Allowed,
    Refused,
}

fn credential(at: &'static str, text: &str, empty: Emptiness) -> Result<(), (&'static str, ShapeError)> {
    if text.is_empty() && empty == Emptiness::Refused {
        return Err((at, ShapeError::CredentialEmpty));
    }
    if text.chars().take(CREDENTIAL_CHARS + 1).count() > CREDENTIAL_CHARS {
        return Err((at, ShapeError::CredentialTooLong));
    }
    if text.chars().any(char::is_control) {
        return Err((at, ShapeError::Credential("must not contain control characters")));
    }
    Ok(())
}

/// A certificate and its key, in PEM. Whether they fit together, the egress crate knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// The certificate, followed by those between it and its root.
    pub chain: Arc<str>,
    /// The private key.
    pub key: Hidden,
}

impl ClientCertificate {
    /// Whether it is within the limits.
    pub fn check(&self) -> Result<(), ShapeError> {
        let most = self.chain.len().max(self.key.expose().len());
        if most > CLIENT_CERTIFICATE_BYTES { Err(ShapeError::CertificateTooLong) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_decide_how_values_are_escaped() {
        for (text, syntax) in [
            ("application/json", Syntax::Json),
            ("Application/JSON; charset=utf-8", Syntax::Json),
            ("application/cloudevents+json", Syntax::Json),
            ("text/json", Syntax::Json),
            ("application/x-www-form-urlencoded", Syntax::Form),
            ("text/xml", Syntax::Xml),
            ("application/soap+xml", Syntax::Xml),
            ("text/html", Syntax::Xml),
            ("text/plain", Syntax::Text),
            ("text/csv", Syntax::Text),
        ] {
            let media_type: MediaType = text.parse().expect(text);
            assert_eq!((media_type.syntax(), media_type.as_str()), (syntax, text));
        }
        for bad in ["", "json", "/", "a/", "text/pl ain", "text/plain\r\nx: y", "text/plain; a=\u{fc}"] {
            assert!(matches!(bad.parse::<MediaType>(), Err(ShapeError::MediaType(_))), "{bad}");
        }
        for unknown in ["application/octet-stream", "image/png", "multipart/form-data"] {
            assert!(matches!(unknown.parse::<MediaType>(), Err(ShapeError::MediaTypeUnknown(_))), "{unknown}");
        }
        assert!("text/plain;".repeat(MEDIA_TYPE_CHARS).parse::<MediaType>().is_err());
    }

    #[test]
    fn names_that_the_server_sets_itself_are_reserved() {
        let new = |name: &str| CustomHeader::new(name, "v", HeaderVisibility::Shown);
        for reserved in [
            "Content-Length",
            "host",
            "Connection",
            "Transfer-Encoding",
            "webhook-id",
            "Webhook-Signature",
            "X-Webhook-Secret",
            "frontegg-trace-id",
            "Proxy-Authorization",
            "TE",
            "Trailer",
            "Upgrade",
            "Expect",
            "content-type",
            "webhook_signature",
            "x_webhook_secret",
            "X-Webhook_Secret",
            "x.webhook.secret",
            "content_length",
            "X_Forwarded_For",
            "X-Real-IP",
            "x_real_ip",
            "True-Client-IP",
            "CF-Connecting-IP",
            "X-Client-IP",
        ] {
            assert_eq!(new(reserved).map(drop), Err(ShapeError::HeaderReserved(reserved.to_owned())));
        }
        for free in ["X_Api_Key", "webhook", "webhooks_id", "x-real-ips", "accept", "user-agent"] {
            assert!(new(free).is_ok(), "{free}");
        }
        for bad in ["", "a b", "a:b", "a\r\nb", "ä", &"x".repeat(HEADER_NAME_CHARS + 1)] {
            assert!(matches!(new(bad), Err(ShapeError::HeaderName(_))), "{bad}");
        }
        let header = new("X-Api-Key").expect("a name like any other");
        assert!(!format!("{header:?}").contains("\"v\""), "values are not shown");
        let twice = [header.clone(), CustomHeader { name: "x-api-key".into(), ..header.clone() }];
        assert_eq!(CustomHeader::check_all(&twice), Err(ShapeError::HeaderTwice("x-api-key".to_owned())));
        let many: Vec<_> =
            (0..=CUSTOM_HEADERS).map(|n| CustomHeader { name: format!("x-{n}").into(), ..header.clone() }).collect();
        assert_eq!(CustomHeader::check_all(&many), Err(ShapeError::TooManyHeaders));
        assert_eq!(CustomHeader::check_all(&many[1..]), Ok(()));
        let long = "v".repeat(HEADER_TEMPLATE_BYTES + 1);
        assert_eq!(CustomHeader::new("x", &long, HeaderVisibility::Shown), Err(ShapeError::HeaderTooLong));
    }

    #[test]
    fn shapes_keep_their_limits() {
        let payload = |template: &str| Some(Payload { template: template.into(), content_type: MediaType::json() });
        let shape = |method, template: &str| Shape { method, payload: payload(template) }.check();
        assert_eq!(shape(RequestMethod::Put, "{}"), Ok(()));
        assert_eq!(shape(RequestMethod::Get, "{}"), Err(ShapeError::GetWithPayload));
        assert_eq!(shape(RequestMethod::Post, " \n"), Err(ShapeError::TemplateEmpty));
        assert_eq!(shape(RequestMethod::Post, &"x".repeat(TEMPLATE_BYTES)), Ok(()));
        assert_eq!(shape(RequestMethod::Post, &"x".repeat(TEMPLATE_BYTES + 1)), Err(ShapeError::TemplateTooLong));
        assert!(Shape::default().is_plain() && Shape::default().check().is_ok());
        assert!(!Shape { method: RequestMethod::Put, payload: None }.is_plain());
    }

    #[test]
    fn credentials_can_be_sent_or_are_refused() {
        let basic = |username: &str, password: &str| {
            Authentication::Basic { username: username.to_owned(), password: Hidden::new(password) }.check()
        };
        assert!(basic("", "p:w").is_ok() && basic("u", "").is_ok());
        assert_eq!(basic("a:b", "").map_err(|(at, _)| at), Err("username"));
        assert_eq!(basic("u", "a\nb").map_err(|(at, _)| at), Err("password"));
        assert_eq!(basic("u", &"x".repeat(CREDENTIAL_CHARS + 1)), Err(("password", ShapeError::CredentialTooLong)));
        let bearer = |token: &str| Authentication::Bearer { token: Hidden::new(token) }.check();
        assert!(bearer("a.b-c").is_ok() && bearer("a b").is_err() && bearer("").is_err() && bearer("ä").is_err());
        let certificate = |bytes| ClientCertificate { chain: "x".repeat(bytes).into(), key: Hidden::new("") }.check();
        assert!(certificate(CLIENT_CERTIFICATE_BYTES).is_ok());
        assert_eq!(certificate(CLIENT_CERTIFICATE_BYTES + 1), Err(ShapeError::CertificateTooLong));
    }
}
