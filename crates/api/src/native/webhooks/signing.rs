//! How a webhook's requests are signed, on the wire.

use postrider_core::Timestamp;
use postrider_core::signature::{PreviousSecret, PrivateKey, Scheme, SigningChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::native::wire::Time;
use crate::state::ApiState;

/// Which signatures `webhook-signature` carries.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Signature)]
pub(crate) enum SignatureName {
    /// `v1`: HMAC-SHA256 with the webhook's secret.
    Hmac,
    /// `v1a`: Ed25519 with a key that this server makes and keeps; its public part is `publicKey`.
    Ed25519,
    /// Both of them.
    Both,
}

impl From<Scheme> for SignatureName {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Hmac => Self::Hmac,
            Scheme::Ed25519 => Self::Ed25519,
            Scheme::Both => Self::Both,
        }
    }
}

impl SignatureName {
    /// The change to these signatures.
    pub(super) fn change(self, state: &ApiState) -> SigningChange {
        let scheme = match self {
            Self::Hmac => Scheme::Hmac,
            Self::Ed25519 => Scheme::Ed25519,
            Self::Both => Scheme::Both,
        };
        SigningChange::Scheme(scheme, PrivateKey::generate(&**state.entropy()))
    }
}

/// The secret before the present one, which signs beside it for a while.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreviousSecret)]
pub(crate) struct PreviousSecretShown {
    /// The secret.
    secret: String,
    /// Until when `webhook-signature` carries a signature with it, too.
    valid_until: Time,
    /// When `x-webhook-secret` changes from it to the present one; `null`: it has.
    header_switches_at: Option<Time>,
}

impl PreviousSecretShown {
    pub(super) fn new(previous: &PreviousSecret, now: Timestamp) -> Self {
        Self {
            secret: previous.secret.expose().to_owned(),
            valid_until: previous.until.into(),
            header_switches_at: (now < previous.in_header_until).then(|| previous.in_header_until.into()),
        }
    }
}
