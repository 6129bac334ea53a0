//! Who has a tenant's portal open, or may open it.

use std::fmt;
use std::time::Duration;

use super::{ReturnUrl, Theme};
use crate::attempt::names;
use crate::event::{TenantId, UserId};
use crate::id::{CredentialId, EnvironmentId, PortalSessionId};
use crate::permission::PermissionSet;
use crate::time::Timestamp;

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
