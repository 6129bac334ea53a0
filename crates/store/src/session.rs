//! The words of sessions: of the console, and of tenants' portals.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::event::{TenantId, UserId};
use postrider_core::permission::PermissionSet;
use postrider_core::portal::{PortalSession, Purpose, ReturnUrl, Theme};
use postrider_core::session::ConsoleSession;
use postrider_core::{ConsoleSessionId, CredentialId, EnvironmentId};

/// Somebody who signs in to an environment.
#[derive(Debug, Clone)]
pub struct NewSignIn {
    /// The session that the browser has: what it is signed in to goes over to the new one, and it ends. A session is never taken on
    /// with the secret that it had before somebody signed in.
    pub replaces: Option<ConsoleSessionId>,
    /// SHA-256 of the new session's secret.
    pub hash: [u8; 32],
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The credential that was given.
    pub credential_id: CredentialId,
}

/// What became of signing in.
#[derive(Debug, Clone, PartialEq)]
pub enum SignInOutcome {
    /// The session.
    SignedIn(Arc<ConsoleSession>),
    /// The credential was revoked meanwhile.
    Revoked,
    /// The session has [`postrider_core::limits::CONSOLE_SESSION_ENVIRONMENTS`].
    LimitReached,
}

/// A portal link to be made.
#[derive(Debug, Clone)]
pub struct NewPortalLink {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The user.
    pub user_id: Option<UserId>,
    /// What the session may do.
    pub permissions: PermissionSet,
    /// Why it is opened.
    pub purpose: Purpose,
    /// What looks different from the environment's theme.
    pub theme: Theme,
    /// The page that it leads back to.
    pub return_url: Option<ReturnUrl>,
    /// The credential that makes it; none: an operator does.
    pub credential_id: Option<CredentialId>,
    /// How long the session lasts.
    pub lifetime: Duration,
    /// SHA-256 of the link's code.
    pub code_hash: [u8; 32],
}

/// What became of making a portal link.
#[derive(Debug, Clone, PartialEq)]
pub enum CreatePortalLink {
    /// Made. The tenant's oldest ended where it had [`postrider_core::limits::PORTAL_SESSIONS_PER_TENANT`].
    Created(Arc<PortalSession>),
    /// No such environment.
    NoSuchEnvironment,
    /// The credential that was to make it was revoked meanwhile.
    MakerRevoked,
    /// [`postrider_core::limits::PORTAL_SESSIONS_PER_ENVIRONMENT`] are there.
    LimitReached,
}

/// What became of opening a portal link.
#[derive(Debug, Clone, PartialEq)]
pub enum OpenPortalLink {
    /// The session. Nobody else can open the link from now on.
    Opened(Arc<PortalSession>),
    /// There is no such link: it was opened, its time is over, it was revoked, or it never was.
    Gone,
}
