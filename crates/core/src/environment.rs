//! Environments, their credentials and settings.

use crate::attempt::names;
use crate::id::{CredentialId, EnvironmentId, OperatorTokenId};
use crate::permission::{Permission, PermissionSet};
use crate::portal::PortalSettings;
use crate::retention::Retention;
use crate::time::Timestamp;

/// An isolated space of a vendor.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// Its id; the client id, and `vendorId` in the Frontegg API.
    pub id: EnvironmentId,
    /// Its name for people.
    pub name: String,
    /// Whether and how tenants see the portal.
    pub portal: PortalSettings,
    /// Whose tokens of tenants' users are believed.
    pub trusted_issuer: Option<TrustedIssuer>,
    /// How long its events are kept; none: as long as the server keeps them by default.
    pub retention: Option<Retention>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The identity provider whose tokens name a tenant's users. Issuer and audience together are unique on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// The `iss` claim.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
    /// What its tokens are checked with; the kind of key fixes the algorithms.
    pub key: IssuerKey,
    /// The claim that names the tenant.
    pub tenant_claim: String,
    /// The claim that lists permissions.
    pub permissions_claim: String,
}

/// What an issuer's tokens are checked with.
#[derive(Clone, PartialEq, Eq)]
pub enum IssuerKey {
    /// Keys served at a URL, fetched through the egress guard.
    JwksUrl(String),
    /// One public key, PEM.
    PublicKey(String),
    /// A shared secret: HS256.
    Secret(String),
}

impl std::fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::JwksUrl(url) => f.debug_tuple("JwksUrl").field(url).finish(),
            Self::PublicKey(_) => f.write_str("PublicKey(..)"),
            Self::Secret(_) => f.write_str("Secret(..)"),
        }
    }
}

/// One secret of an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Credential {
    /// Its id; tokens name it.
    pub id: CredentialId,
    /// The environment it opens.
    pub environment_id: EnvironmentId,
    /// What people call it.
    pub name: String,
    /// What it opens there.
    pub scope: CredentialScope,
    /// What is kept of the secret.
    pub hash: CredentialHash,
    /// The credential that made it; none: an operator did, the first start, or it was made before this was kept.
    pub created_by: Option<CredentialId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last got a token, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked; its tokens are refused from then on.
    pub revoked_at: Option<Timestamp>,
}

/// What a credential opens. It is given once: who needs another makes another credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialScope {
    /// Everything in the environment.
    Full,
    /// Reporting events, and reading nothing but the answers.
    Events,
    /// Looking at everything that shows no secret, and changing nothing.
    Read,
}

names!(CredentialScope { Full => "full", Events => "events", Read => "read" });

impl CredentialScope {
    /// Whether whoever has this has that as well: nobody gives away more.
    pub fn covers(self, other: Self) -> bool {
        self == Self::Full || self == other
    }

    /// What it allows of what callers are told apart by. Which calls it opens at all is said where they are served.
    pub fn permissions(self) -> PermissionSet {
        match self {
            Self::Full => PermissionSet::all(),
            Self::Events => PermissionSet::default().with(Permission::WriteTriggerEvent),
            Self::Read => [Permission::WriteWebhook, Permission::DeleteWebhook, Permission::WriteTriggerEvent]
                .into_iter()
                .fold(PermissionSet::all(), PermissionSet::without),
        }
    }
}

/// What is kept of a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum CredentialHash {
    /// SHA-256 of a generated secret: 256 random bits need no slow hash.
    Sha256([u8; 32]),
    /// Argon2id of a secret that a person chose, in PHC form.
    Argon2id(String),
}

impl std::fmt::Debug for CredentialHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sha256(_) => "Sha256(..)",
            Self::Argon2id(_) => "Argon2id(..)",
        })
    }
}

/// A token of an operator: makes environments and credentials.
#[derive(Debug, Clone, PartialEq)]
pub struct OperatorToken {
    /// Its id.
    pub id: OperatorTokenId,
    /// What people call it.
    pub name: String,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_no_other_but_for_full_and_allows_what_it_says() {
        use CredentialScope::{Events, Full, Read};
        for scope in CredentialScope::ALL {
            assert_eq!(CredentialScope::from_name(scope.name()), Some(*scope));
            assert!(Full.covers(*scope) && scope.covers(*scope));
            assert_eq!(scope.covers(Full), *scope == Full);
        }
        assert!(!Events.covers(Read) && !Read.covers(Events));
        assert_eq!(Full.permissions(), PermissionSet::all());
        assert_eq!(Events.permissions(), PermissionSet::from_names(["fe.connectivity.write.triggerEvent"]));
        assert_eq!(Read.permissions(), PermissionSet::from_names(["fe.connectivity.read.*"]));
    }
}
