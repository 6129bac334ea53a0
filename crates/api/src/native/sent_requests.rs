//! Requests of attempts, as far as they are kept.

use postrider_core::WebhookId;
use postrider_core::request::{AuthenticationKind, SignatureKind};
use postrider_engine::{SentRequest as Sent, ToldHeader, ToldValue};
use serde::Serialize;
use utoipa::ToSchema;

use crate::native::webhooks::shape::MethodForm;
use crate::native::words;
use crate::state::ApiState;

/// What an attempt sent, besides the body, which is the delivery's: all of its attempts send the same.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SentRequest {
    /// The method.
    method: MethodForm,
    /// The headers, besides those of HTTP itself.
    headers: Vec<SentHeader>,
    /// How it authenticated to the receiver; `null`: it did not.
    #[schema(value_type = Option<words::AuthenticationName>)]
    authentication: Option<&'static str>,
    /// Whether a client certificate was shown.
    client_certificate: bool,
    /// How long the attempt might take, in seconds.
    deadline_seconds: u64,
    /// The number of the webhook's settings that it was made from: URL, secret, signatures, headers, authentication, client certificate and
    /// deadline. Two attempts with the same number were made from the same settings, what is hidden included.
    settings_revision: u32,
    /// Whether they were changed since, or the webhook was deleted.
    changed_since: bool,
}

/// A header of a request that was sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SentHeader {
    /// Its name, in small letters.
    name: String,
    /// Its value. Of signatures the schemes alone, as `v1,… v1a,…`; `null` where nothing of it is told.
    value: Option<String>,
    /// Why the value is not told, or not whole: it is `hidden`, from all readers or from those who may not see webhooks; it is a
    /// `signature`, made afresh for each attempt; or it is `not_kept`.
    withheld: Option<&'static str>,
}

impl SentRequest {
    pub(crate) fn new(state: &ApiState, webhook: WebhookId, sent: Sent) -> Self {
        let present = state.directory().webhook(webhook).map(|webhook| webhook.settings);
        Self {
            method: sent.method.into(),
            headers: sent.headers.into_iter().map(Into::into).collect(),
            authentication: sent.authentication.map(AuthenticationKind::name),
            client_certificate: sent.has_certificate,
            deadline_seconds: sent.deadline.as_secs(),
            settings_revision: sent.settings.get(),
            changed_since: present != Some(sent.settings),
        }
    }
}

impl From<ToldHeader> for SentHeader {
    fn from(header: ToldHeader) -> Self {
        let (value, withheld) = match header.value {
            ToldValue::Text(text) => (Some(text), None),
            ToldValue::Hidden => (None, Some("hidden")),
            ToldValue::Signature(kinds) => (schemes(&kinds), Some("signature")),
            ToldValue::NotKept => (None, Some("not_kept")),
        };
        Self { name: header.name, value, withheld }
    }
}

/// What `webhook-signature` begins with, for each signature in it; nothing of a JWT.
fn schemes(kinds: &[SignatureKind]) -> Option<String> {
    let schemes: Vec<_> = kinds
        .iter()
        .filter_map(|kind| match kind {
            SignatureKind::Jwt => None,
            SignatureKind::Hmac => Some("v1,…"),
            SignatureKind::Ed25519 => Some("v1a,…"),
        })
        .collect();
    (!schemes.is_empty()).then(|| schemes.join(" "))
}
