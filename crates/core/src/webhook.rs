//! A webhook: who wants which events, where, and how they are sent.
//!
//! Owns what a webhook consists of and what its parts must be like. Which events reach it is [`crate::matching`]'s; whether an address
//! may be dialled is the egress crate's.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::attempt::names;
use crate::event::TenantId;
use crate::id::{EnvironmentId, WebhookId};
use crate::limits::{ATTEMPT_DEADLINE, ATTEMPT_DEADLINE_LEAST, ATTEMPT_DEADLINE_MOST, URL_CHARS};
use crate::order::OrderBy;
use crate::rate::RateLimit;
use crate::request::SettingsRevision;
use crate::retry::RetryPolicy;
use crate::shape::{Access, PinnedShape};
use crate::signature::{Secret, Signing};
use crate::source::Source;
use crate::time::Timestamp;

/// A subscription to events. The writer hands out a new value at each change; holders of an old one see the old state.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// The environment it belongs to.
    pub environment_id: EnvironmentId,
    /// Whose events it gets and who may manage it.
    pub scope: Scope,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Where events are sent.
    pub url: EndpointUrl,
    /// What requests are signed with; none: they are not signed.
    pub secret: Option<Secret>,
    /// How they are signed besides.
    pub signing: Signing,
    /// What it subscribes to, as written: keys, globs, `Category.*`, ids.
    pub event_keys: Vec<String>,
    /// Which of those it gets: a condition over the event; none: all.
    pub filter: Option<Source>,
    /// Whether it gets events.
    pub status: WebhookStatus,
    /// How it is sent to.
    pub sending: Sending,
    /// The number of what its requests are made from: URL, secret, signing, access and deadline.
    pub settings: SettingsRevision,
    /// What it sends; none: a POST of the event's body.
    pub shape: Option<PinnedShape>,
    /// What its requests show to be let in, besides the secret's signatures.
    pub access: Option<Arc<Access>>,
    /// Deliveries so far that came from events and were not discarded on acceptance (resends and replays do not count).
    pub invocations: u64,
    /// Failed deliveries since the last success.
    pub streak: Option<crate::health::FailureStreak>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
}

/// Whose events a webhook gets, and who may see and change it. Exact: a tenant's webhook is not found in the environment's scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The environment: events of every tenant, and those of none.
    Environment,
    /// One tenant: its events alone.
    Tenant(TenantId),
}

impl Scope {
    /// The tenant, where it is one's.
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Environment => None,
            Self::Tenant(tenant) => Some(tenant),
        }
    }

    /// The scope of that tenant, or of the environment.
    pub fn of(tenant: Option<TenantId>) -> Self {
        tenant.map_or(Self::Environment, Self::Tenant)
    }
}

/// Whether a webhook gets events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookStatus {
    /// It does.
    Active,
    /// Matching events become discarded deliveries.
    Disabled(DisableReason),
}

impl WebhookStatus {
    /// Whether it gets events.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }
}

/// Why a webhook does not get events. Stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisableReason {
    /// A person switched it off.
    ByUser,
    /// The endpoint answered 410 Gone.
    Gone,
    /// Deliveries failed for days with no success between.
    FailingForDays,
    /// The preset `frontegg` switches off after failures in a row.
    FailuresInARow,
}

names!(DisableReason {
    ByUser => "by_user",
    Gone => "gone",
    FailingForDays => "failing_for_days",
    FailuresInARow => "failures_in_a_row",
});

/// How a webhook is sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// When failed attempts are repeated.
    pub retry: RetryPolicy,
    /// How long an attempt may take.
    pub deadline: Deadline,
    /// The days over which deliveries must have failed before the webhook is disabled; none: never.
    pub disable_after_days: Option<u16>,
    /// What its deliveries are strictly ordered by; none: they are sent as they come, side by side. It holds for what is accepted from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_by: Option<OrderBy>,
    /// How many attempts may start in how much time; none: as many as it takes well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            deadline: Deadline::default(),
            disable_after_days: Some(5),
            order_by: None,
            rate_limit: None,
        }
    }
}

/// How long an attempt may take: whole seconds within the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Deadline(u32);

/// A deadline outside the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a deadline is {} to {} seconds", ATTEMPT_DEADLINE_LEAST.as_secs(), ATTEMPT_DEADLINE_MOST.as_secs())]
pub struct DeadlineError;

impl Deadline {
    /// As a span.
    pub const fn get(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl Default for Deadline {
    fn default() -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the limit is some seconds")]
        Self(ATTEMPT_DEADLINE.as_secs() as u32)
    }
}

impl TryFrom<u32> for Deadline {
    type Error = DeadlineError;

    fn try_from(seconds: u32) -> Result<Self, DeadlineError> {
        let range = ATTEMPT_DEADLINE_LEAST.as_secs()..=ATTEMPT_DEADLINE_MOST.as_secs();
        if range.contains(&u64::from(seconds)) { Ok(Self(seconds)) } else { Err(DeadlineError) }
    }
}

impl From<Deadline> for u32 {
    fn from(deadline: Deadline) -> Self {
        deadline.0
    }
}

/// A URL that a webhook can have: absolute, `http` or `https`, with a host, kept as it was typed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointUrl {
    typed: Arc<str>,
    url: Arc<Url>,
}

/// Why a text cannot be a webhook's URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointUrlError {
    /// It cannot be read.
    #[error("`{0}` is not a URL: {1}; write it in full, for example https://example.com/hooks")]
    Unreadable(String, url::ParseError),
    /// Another scheme.
    #[error("a webhook's URL begins with https:// or http://, not {0}:")]
    Scheme(String),
    /// Too long.
    #[error("a webhook's URL has at most {URL_CHARS} characters")]
    TooLong,
    /// User and password in the URL: they would show up in logs and lists.
    #[error("a webhook's URL must not carry a user name or password")]
    Credentials,
}

impl EndpointUrl {
    /// Reads what a person typed; white space around it is dropped, as URLs have none.
    pub fn parse(text: &str) -> Result<Self, EndpointUrlError> {
        let text = text.trim();
        if text.len() > URL_CHARS && text.chars().count() > URL_CHARS {
            return Err(EndpointUrlError::TooLong);
        }
        let url = Url::parse(text).map_err(|e| EndpointUrlError::Unreadable(text.to_owned(), e))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointUrlError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointUrlError::Credentials);
        }
        Ok(Self { typed: text.into(), url: Arc::new(url) })
    }

    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// As it is understood.
    pub fn url(&self) -> &Arc<Url> {
        &self.url
    }
}

impl TryFrom<String> for EndpointUrl {
    type Error = EndpointUrlError;

    fn try_from(text: String) -> Result<Self, EndpointUrlError> {
        Self::parse(&text)
    }
}

impl From<EndpointUrl> for String {
    fn from(url: EndpointUrl) -> Self {
        url.typed.as_ref().to_owned()
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.typed, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_http_and_whole() {
        for good in ["https://example.com", "http://example.com:8080/a?b=c", " https://exämple.com/ "] {
            assert_eq!(EndpointUrl::parse(good).expect(good).as_str(), good.trim());
        }
        for bad in [
            "",
            "example.com",
            "/hooks",
            "ftp://example.com",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://",
            "https://u:p@example.com",
            "http://[::1",
            "https://exa mple.com",
        ] {
            assert!(EndpointUrl::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            EndpointUrl::parse(&format!("https://e.com/{}", "a".repeat(URL_CHARS))),
            Err(EndpointUrlError::TooLong)
        );
    }

    #[test]
    fn deadlines_keep_their_limits() {
        assert_eq!(Deadline::default().get(), ATTEMPT_DEADLINE);
        assert!(Deadline::try_from(1).is_ok() && Deadline::try_from(30).is_ok());
        assert_eq!(Deadline::try_from(0), Err(DeadlineError));
        assert_eq!(Deadline::try_from(31), Err(DeadlineError));
    }
}
