//! The only code of Postrider that opens a socket to an address a user gave.
//!
//! # Path of a request
//!
//! [`Egress::send`] → a waiting connection of the same [`PoolScope`], scheme, host and port, if there is one → else: all addresses
//! of the host ([`Resolve`]) → every one checked ([`AddressPolicy`]) → the checked address dialled, or told to the proxy → TLS by
//! the host's name → request → status, headers, the beginning of the body → the connection waits for the next request.
//!
//! Architecture invariants: a redirect is never followed and a body never decompressed; no name is looked up between check and
//! dial; everything counts against one deadline; what comes back is bounded by [`postrider_core::limits`]; whether the endpoint or
//! this server is at fault is decided here ([`SendError`]) and nowhere else.

mod client;
mod connect;
mod dial;
mod error;
mod exchange;
mod own;
mod policy;
mod pool;
mod proxy;
mod resolve;
mod tls;
mod wire;

pub use client::{Egress, EgressOptions, EgressSetupError, Exchange, Holdings, OutboundRequest, Repeat};
pub use error::SendError;
pub use exchange::Answer;
pub use own::OwnAddresses;
pub use policy::{AddressPolicy, Refusal, UrlRefusal};
pub use pool::PoolScope;
pub use proxy::{ParseProxyUrlError, ProxyUrl};
pub use resolve::{Resolve, ResolveError, Resolving, Telling};
pub use tls::{ClientIdentity, ClientIdentityError, RootsError, check_roots};
