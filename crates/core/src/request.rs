//! What requests of a webhook are made from: the number by which an attempt keeps it, and what is told of it later.
//!
//! Owns which settings count, and what is kept of them. Does not own how a request is made of them: that is the engine's.
//!
//! Everything else about an attempt's request follows from its delivery and the moment when it began, so a number is all that an attempt
//! has to keep.
//!
//! Invariant: nothing that is hidden, and nothing that requests are signed with, is in a [`RequestSettings`].

use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attempt::names;
use crate::shape::{Authentication, CustomHeader, HeaderVisibility};
use crate::time::Timestamp;
use crate::webhook::{Deadline, Webhook};

/// The header that authenticates.
const AUTHORIZATION: &str = "authorization";

/// The number of the settings that requests of a webhook are made from: 1 when it is made, one more at each change of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SettingsRevision(NonZeroU32);

impl SettingsRevision {
    /// The one of a webhook that is new.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The revision of that number; none for zero, which is no revision's.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Webhook {
    /// Whether its requests are made from the same settings as those of `other`, which is the same webhook at another time. What is
    /// hidden counts: who corrects a token changes the requests.
    pub fn sends_like(&self, other: &Self) -> bool {
        self.url == other.url
            && self.secret == other.secret
            && self.signing == other.signing
            && self.access == other.access
            && self.sending.deadline == other.sending.deadline
    }
}

/// What is kept of the settings that requests are made from. The URL is not among it: each attempt keeps its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSettings {
    /// The signatures, in the order in which they are sent.
    pub signatures: Vec<SignatureMark>,
    /// The headers of the webhook's own.
    pub headers: Vec<HeaderMark>,
    /// How requests authenticate to the receiver.
    pub authentication: Option<AuthenticationKind>,
    /// Whether a certificate is shown in the TLS handshake.
    pub has_certificate: bool,
    /// How long an attempt may take.
    pub deadline: Deadline,
}

/// A signature that requests carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureMark {
    /// Which one.
    pub kind: SignatureKind,
    /// Microseconds since 1970 until when it is there; none: as long as the settings are.
    until_us: Option<i64>,
}

/// The kinds of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureKind {
    /// The JWT of `x-webhook-secret`.
    Jwt,
    /// `v1` in `webhook-signature`.
    Hmac,
    /// `v1a` in `webhook-signature`.
    Ed25519,
}

/// A header of a webhook's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HeaderMark {
    /// Its name, as it was typed.
    pub name: Arc<str>,
    /// The template of its value; none: it is hidden.
    pub value: Option<Arc<str>>,
}

/// How requests authenticate, without the means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthenticationKind {
    /// User name and password.
    Basic,
    /// A token that does not change.
    Bearer,
    /// A token that is fetched.
    OAuth2,
}

names!(AuthenticationKind { Basic => "basic", Bearer => "bearer", OAuth2 => "oauth2" });

impl SignatureMark {
    fn new(kind: SignatureKind, until: Option<Timestamp>) -> Self {
        Self { kind, until_us: until.map(Timestamp::as_micros) }
    }

    /// Whether a request has it that is made at that moment.
    pub fn counts_at(&self, at: Timestamp) -> bool {
        self.until_us.is_none_or(|until| at.as_micros() < until)
    }
}

impl From<&CustomHeader> for HeaderMark {
    fn from(header: &CustomHeader) -> Self {
        let value = match header.visibility {
            HeaderVisibility::Shown => Some(header.value.expose().into()),
            HeaderVisibility::Sensitive => None,
        };
        Self { name: Arc::clone(&header.name), value }
    }
}

impl RequestSettings {
    /// What is kept of the settings that a webhook's requests are made from now.
    pub fn of(webhook: &Webhook) -> Self {
        let access = webhook.access.as_deref();
        let authentication = access.and_then(|access| access.authentication.as_ref());
        Self {
            signatures: signatures(webhook),
            headers: access.map_or_else(Vec::new, |access| access.headers.iter().map(Into::into).collect()),
            authentication: authentication.map(|authentication| match authentication {
                Authentication::Basic { .. } => AuthenticationKind::Basic,
                Authentication::Bearer { .. } => AuthenticationKind::Bearer,
                Authentication::OAuth2(_) => AuthenticationKind::OAuth2,
            }),
            has_certificate: access.is_some_and(|access| access.certificate.is_some()),
            deadline: webhook.sending.deadline,
        }
    }

    /// The signatures of a request that is made at that moment, in their order.
    pub fn signatures_at(&self, at: Timestamp) -> impl Iterator<Item = SignatureKind> {
        self.signatures.iter().filter(move |mark| mark.counts_at(at)).map(|mark| mark.kind)
    }

    /// Whether the value of that header is hidden. The one that authenticates always is.
    pub fn hides(&self, name: &str) -> bool {
        self.authentication.is_some() && name.eq_ignore_ascii_case(AUTHORIZATION)
            || self.headers.iter().any(|header| header.value.is_none() && header.name.eq_ignore_ascii_case(name))
    }

    /// Whether these hide the value of a header that earlier ones did not.
    pub fn hides_more_than(&self, earlier: &Self) -> bool {
        let hidden = self.headers.iter().filter(|header| header.value.is_none()).map(|header| &*header.name);
        let authenticating = self.authentication.map(|_| AUTHORIZATION);
        hidden.chain(authenticating).any(|name| !earlier.hides(name))
    }

    /// Drops the values of headers that later settings hide. Returns whether there was any.
    pub fn hide(&mut self, later: &Self) -> bool {
        let mut hid = false;
        for header in &mut self.headers {
            if later.hides(&header.name) {
                hid |= header.value.take().is_some();
            }
        }
        hid
    }
}

fn signatures(webhook: &Webhook) -> Vec<SignatureMark> {
    let signing = &webhook.signing;
    let has_key = signing.key.is_some() && signing.scheme.has_ed25519();
    let mut marks = Vec::new();
    if webhook.secret.is_some() {
        marks.push(SignatureMark::new(SignatureKind::Jwt, None));
        if signing.scheme.has_hmac() {
            marks.push(SignatureMark::new(SignatureKind::Hmac, None));
            let previous = signing.previous.as_ref();
            marks.extend(previous.map(|previous| SignatureMark::new(SignatureKind::Hmac, Some(previous.until))));
        }
    }
    if has_key {
        marks.push(SignatureMark::new(SignatureKind::Ed25519, None));
        let previous = signing.previous_key.as_ref();
        marks.extend(previous.map(|previous| SignatureMark::new(SignatureKind::Ed25519, Some(previous.until))));
    }
    marks
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id::{EnvironmentId, WebhookId};
    use crate::shape::{Access, Hidden};
    use crate::signature::{PrivateKey, Scheme, Secret, Signing, SigningChange};
    use crate::webhook::{EndpointUrl, Scope, Sending, WebhookStatus};

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    fn header(name: &str, visibility: HeaderVisibility) -> CustomHeader {
        CustomHeader::new(name, "value of the header", visibility).expect("a header")
    }

    fn secret(text: &str) -> Option<Secret> {
        Secret::from_vendor(text).expect("a secret")
    }

    fn webhook(headers: Vec<CustomHeader>) -> Webhook {
        let token = Hidden::new("token of the webhook");
        Webhook {
            id: WebhookId::from_uuid(uuid::Uuid::from_u128(1)),
            environment_id: EnvironmentId::from_uuid(uuid::Uuid::from_u128(2)),
            scope: Scope::Environment,
            display_name: String::new(),
            description: String::new(),
            url: EndpointUrl::parse("https://example.com").expect("a URL"),
            secret: secret("secret of the webhook"),
            signing: Signing::default(),
            event_keys: Vec::new(),
            filter: None,
            status: WebhookStatus::Active,
            sending: Sending::default(),
            settings: SettingsRevision::FIRST,
            shape: None,
            access: Some(Arc::new(Access {
                headers,
                authentication: Some(Authentication::Bearer { token }),
                certificate: None,
            })),
            invocations: 0,
            streak: None,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    #[test]
    fn what_is_hidden_is_not_kept() {
        let headers = vec![header("x-a", HeaderVisibility::Shown), header("X-B", HeaderVisibility::Sensitive)];
        let mut settings = RequestSettings::of(&webhook(headers));
        let json = serde_json::to_string(&settings).expect("JSON");
        assert_eq!(json.matches("value of the header").count(), 1, "{json}");
        assert!(!json.contains("token of") && !json.contains("secret of"), "{json}");
        assert_eq!(serde_json::from_str::<RequestSettings>(&json).expect("it reads back"), settings);
        // What is hidden later is hidden in what was kept before, too.
        let later = RequestSettings::of(&webhook(vec![header("X-A", HeaderVisibility::Sensitive)]));
        assert!(settings.hide(&later) && settings.hides("x-a"));
        assert!(!settings.hide(&later), "there is nothing left to hide");
        let json = serde_json::to_string(&settings).expect("JSON");
        assert!(!json.contains("value of the header"), "{json}");
    }

    #[test]
    fn a_header_that_is_an_authentication_by_now_is_hidden() {
        let plain = |headers| {
            let mut webhook = webhook(headers);
            let access = webhook.access.as_deref().cloned().expect("an access");
            webhook.access = Some(Arc::new(Access { authentication: None, ..access }));
            RequestSettings::of(&webhook)
        };
        let shown = [header("Authorization", HeaderVisibility::Shown), header("x-a", HeaderVisibility::Shown)];
        let (mut settings, later) = (plain(shown.to_vec()), RequestSettings::of(&webhook(Vec::new())));
        assert!(later.hides_more_than(&settings) && !settings.hides_more_than(&later));
        assert!(!later.hides_more_than(&later) && !plain(Vec::new()).hides_more_than(&settings));
        assert!(settings.hide(&later));
        let values: Vec<_> = settings.headers.iter().map(|header| header.value.as_deref()).collect();
        assert_eq!(values, [None, Some("value of the header")]);
        assert!(!later.hides_more_than(&settings), "it is hidden there, too");
    }

    #[test]
    fn every_setting_of_a_request_counts_and_no_other() {
        let before = webhook(vec![header("x-a", HeaderVisibility::Sensitive)]);
        let changed = |change: &dyn Fn(&mut Webhook)| {
            let mut after = before.clone();
            change(&mut after);
            !after.sends_like(&before)
        };
        assert!(changed(&|webhook| webhook.url = EndpointUrl::parse("https://example.org").expect("a URL")));
        assert!(changed(&|webhook| webhook.secret = secret("another one")));
        assert!(changed(&|webhook| webhook.signing.scheme = Scheme::Both));
        assert!(changed(&|webhook| webhook.sending.deadline = Deadline::try_from(3).expect("a deadline")));
        let other = CustomHeader::new("x-a", "other", HeaderVisibility::Sensitive).expect("a header");
        assert!(changed(&|webhook| {
            let access = webhook.access.as_deref().cloned().expect("an access");
            webhook.access = Some(Arc::new(Access { headers: vec![other.clone()], ..access }));
        }));
        assert!(!changed(&|webhook| {
            webhook.display_name = "Renamed".into();
            webhook.event_keys = vec!["*".into()];
            webhook.access = webhook.access.as_deref().cloned().map(Arc::new);
        }));
    }

    #[test]
    fn a_signature_that_is_on_its_way_out_counts_until_its_overlap_ends() {
        use SignatureKind::{Ed25519, Hmac, Jwt};

        let mut webhook = webhook(Vec::new());
        let until = NOW + Duration::from_hours(1);
        let key = |byte| PrivateKey::from_bytes([byte; 32]);
        for change in [
            SigningChange::Scheme(Scheme::Both, key(1)),
            SigningChange::RotateKey { key: key(2), until },
            SigningChange::RotateSecret {
                secret: secret("the next").expect("not empty"),
                until: until + Duration::from_hours(1),
                in_header_until: until,
            },
        ] {
            webhook.signing.change(&mut webhook.secret, &change, NOW);
        }
        let settings = RequestSettings::of(&webhook);
        let at = |at| settings.signatures_at(at).collect::<Vec<_>>();
        assert_eq!(at(NOW), [Jwt, Hmac, Hmac, Ed25519, Ed25519]);
        assert_eq!(at(until), [Jwt, Hmac, Hmac, Ed25519]);
        assert_eq!(at(until + Duration::from_hours(2)), [Jwt, Hmac, Ed25519]);
        webhook.secret = None;
        webhook.signing = Signing::default();
        assert!(RequestSettings::of(&webhook).signatures.is_empty());
    }
}
