//! Who calls, and what the caller may do.
//!
//! ```text
//! client id + secret ──▶ vendor token ──▶ Caller::Vendor       one environment, everything in it
//! token of a trusted issuer ────────────▶ Caller::TenantUser   one tenant of it, by permissions and visibility
//! operator's token ─────────────────────▶ Caller::Operator     environments and credentials
//! control socket ───────────────────────▶ Caller::Control      everything in every environment
//! ```
//!
//! Architecture invariant: what a caller may do is decided on every request from the directory as it is then; only that a token's
//! signature is right is remembered.

pub(crate) mod caller;
pub(crate) mod issuer;
pub(crate) mod jwks;
pub(crate) mod secrets;
pub(crate) mod tokens;
pub(crate) mod vendor;
