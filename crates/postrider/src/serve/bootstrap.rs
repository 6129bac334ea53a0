//! The first environment and its secret: generated at the first start, or chosen beforehand in the configuration.
//!
//! Invariant: a start never adds a secret that exists, and never brings a revoked one back.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use postrider_core::environment::{CredentialHash, CredentialScope};
use postrider_core::{Entropy, EnvironmentId};
use postrider_store::{Actor, CreateCredential, CreateEnvironment, NewCredential, NewEnvironment, Store, StoreError};

use crate::config::Bootstrap;

/// The name of the environment that the first start makes.
const FIRST_ENVIRONMENT: &str = "Development";

/// What opens the first environment. Printed once and kept nowhere.
pub(crate) struct FirstCredentials {
    pub(crate) client_id: EnvironmentId,
    pub(crate) secret: String,
}

/// Why the first environment could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BootstrapError {
    /// The store failed.
    #[error("the first environment cannot be made")]
    Store(#[from] StoreError),
    /// Hashing failed.
    #[error("bootstrap_secret cannot be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// There are too many secrets.
    #[error("the environment {0} has as many secrets as it can have; revoke one, or remove bootstrap_secret")]
    TooManySecrets(EnvironmentId),
}

/// Makes what is missing. Gives credentials to print where this start generated some.
pub(crate) async fn ensure(
    store: &Store,
    chosen: Option<Bootstrap>,
    entropy: Arc<dyn Entropy>,
) -> Result<Option<FirstCredentials>, BootstrapError> {
    match chosen {
        Some(chosen) => ensure_chosen(store, chosen, entropy).await.map(|()| None),
        None if store.directory().environments().is_empty() => generate(store, &*entropy).await.map(Some),
        None => Ok(None),
    }
}

async fn generate(store: &Store, entropy: &dyn Entropy) -> Result<FirstCredentials, BootstrapError> {
    let new = NewEnvironment { id: None, name: FIRST_ENVIRONMENT.to_owned(), made_by: Actor::Control };
    let environment = match store.create_environment(new).await? {
        CreateEnvironment::Created(environment) => environment,
        CreateEnvironment::IdTaken => return Err(StoreError::Defect("a new random id was taken".to_owned()).into()),
        CreateEnvironment::MakerRevoked => unreachable!("the server itself makes it"),
    };
    let secret = postrider_api::generate_secret(entropy);
    let hash = CredentialHash::Sha256(postrider_api::sha256(&secret));
    add_secret(store, environment.id, "first start", hash).await?;
    Ok(FirstCredentials { client_id: environment.id, secret })
}

async fn ensure_chosen(store: &Store, chosen: Bootstrap, entropy: Arc<dyn Entropy>) -> Result<(), BootstrapError> {
    let Bootstrap { client_id, secret } = chosen;
    if store.directory().environment(client_id).is_none() {
        let new = NewEnvironment { id: Some(client_id), name: FIRST_ENVIRONMENT.to_owned(), made_by: Actor::Control };
        // Nobody else makes environments yet: the server does not answer before this is done.
        if let CreateEnvironment::Created(environment) = store.create_environment(new).await? {
            tracing::info!(
                environment.id = %client_id,
                "there was no environment of the id bootstrap_client_id: {:?} was made",
                environment.name
            );
        }
    }
    let known = store.directory().credentials(client_id);
    let hash = tokio::task::spawn_blocking(move || {
        let same = known.iter().find(|credential| is_hash_of(&credential.hash, &secret));
        match same {
            Some(credential) if credential.revoked_at.is_some() => {
                tracing::warn!(
                    environment.id = %client_id,
                    credential.id = %credential.id,
                    "bootstrap_secret was revoked and stays so; configure another one"
                );
                Ok(None)
            }
            Some(_) => Ok(None),
            None => postrider_api::hash_chosen(&secret, &*entropy).map(Some),
        }
    })
    .await
    .expect("hashing neither panics nor is cancelled")
    .map_err(BootstrapError::Hash)?;
    match hash {
        Some(hash) => add_secret(store, client_id, "configuration", hash).await,
        None => Ok(()),
    }
}

async fn add_secret(
    store: &Store,
    environment_id: EnvironmentId,
    name: &str,
    hash: CredentialHash,
) -> Result<(), BootstrapError> {
    let (name, scope) = (name.to_owned(), CredentialScope::Full);
    let new = NewCredential { environment_id, name, scope, hash, made_by: Actor::Control };
    match store.create_credential(new).await? {
        CreateCredential::Created(credential) => {
            tracing::info!(
                environment.id = %environment_id,
                credential.id = %credential.id,
                credential.name = credential.name.as_str(),
                credential.scope = credential.scope.name(),
                "a credential was made"
            );
            Ok(())
        }
        CreateCredential::NoSuchEnvironment => Err(StoreError::NoSuchEnvironment.into()),
        CreateCredential::MakerRevoked | CreateCredential::BeyondMaker => unreachable!("the server itself makes it"),
        CreateCredential::LimitReached => Err(BootstrapError::TooManySecrets(environment_id)),
    }
}

fn is_hash_of(hash: &CredentialHash, secret: &str) -> bool {
    match hash {
        CredentialHash::Sha256(kept) => *kept == postrider_api::sha256(secret),
        CredentialHash::Argon2id(kept) => PasswordHash::new(kept)
            .is_ok_and(|kept| Argon2::default().verify_password(secret.as_bytes(), &kept).is_ok()),
    }
}
