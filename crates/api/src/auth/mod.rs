//! Who calls, and what the caller may do.
//!
//! ```text
//! client id + secret ──▶ vendor token ──▶ Caller::Vendor       one environment, as far as the credential's scope goes
//! token of a trusted issuer ────────────▶ Caller::TenantUser   one tenant of it, by permissions and visibility
//! vendor token, passed on by a server ──▶ Caller::PassedOn     one tenant of it, by the permissions that the server names
//! link ──▶ cookie or token of a portal ─▶ Caller::Portal       one tenant of it, by the link's permissions and visibility
//! client id + secret ──▶ console cookie ▶ Caller::Vendor       the same of the environment that the call names, of those signed in to
//! operator's token ─────────────────────▶ Caller::Operator     environments and credentials
//! control socket ───────────────────────▶ Caller::Control      everything in every environment
//! ```
//!
//! Architecture invariant: what a caller may do is decided on every request from the directory as it is then; only that a token's
//! signature is right is remembered.

pub(crate) mod caller;
pub(crate) mod cookies;
pub(crate) mod csrf;
pub(crate) mod issuer;
pub(crate) mod jwks;
pub(crate) mod portal_tokens;
pub(crate) mod proxies;
pub(crate) mod scopes;
pub(crate) mod secrets;
pub(crate) mod session;
pub(crate) mod sign_in;
pub(crate) mod signatures;
pub(crate) mod ticket;
pub(crate) mod tokens;
pub(crate) mod vendor;
