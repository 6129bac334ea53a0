//! Secrets of environments and operators: making, hashing, checking.
//!
//! A generated secret has 256 random bits and is kept as its SHA-256. A chosen one is kept as Argon2id, which costs tens of
//! milliseconds and 19 MiB on purpose; so one is computed at a time, few may wait and not for long, and a right one is remembered, as a keyed hash in
//! memory, until the process ends.
//!
//! Invariant: a secret in clear is in no log, no error and nowhere after its request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postrider_core::environment::{Credential, CredentialHash};
use postrider_core::limits::SIGN_IN_TURN;
use postrider_core::{CredentialId, Entropy, EnvironmentId};
use tokio::sync::Semaphore;

use crate::error::{ApiError, Code};
use crate::lines::{Lines, Turn};

/// Characters of a chosen secret at least: it is guessed at online, one at a time.
pub const CHOSEN_SECRET_CHARS: usize = 16;
/// Characters of a chosen secret at most.
pub const CHOSEN_SECRET_CHARS_MOST: usize = 200;
/// Logins with chosen secrets that may wait for their turn.
const WAITING: usize = 16;
/// Choices of secrets that wait for another one in the same environment.
const CHOOSING_WAITING: usize = 8;
/// Right secrets that are remembered: as many as there can be credentials in use.
const REMEMBERED: usize = 1_024;

/// What an operator's token begins with, so that scanners of source code recognise one that leaked.
const OPERATOR_PREFIX: &str = "prop_";
/// What a generated secret begins with.
const SECRET_PREFIX: &str = "prsk_";

/// A new secret for an environment, in clear.
pub fn generate_secret(entropy: &dyn Entropy) -> String {
    generate(SECRET_PREFIX, entropy)
}

/// A new token for an operator, in clear.
pub fn generate_operator_token(entropy: &dyn Entropy) -> String {
    generate(OPERATOR_PREFIX, entropy)
}

fn generate(prefix: &str, entropy: &dyn Entropy) -> String {
    let mut key = [0; 32];
    entropy.fill(&mut key);
    let mut text = prefix.to_owned();
    URL_SAFE_NO_PAD.encode_string(key, &mut text);
    text
}

/// Whether a token can be an operator's: it is then looked for among these alone.
pub(crate) fn is_operator_token(token: &str) -> bool {
    token.starts_with(OPERATOR_PREFIX)
}

/// What is kept of a generated secret or token.
pub fn sha256(text: &str) -> [u8; 32] {
    sha256_of(text.as_bytes())
}

/// SHA-256.
pub(crate) fn sha256_of(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// What is kept of a secret that a person chose. Takes tens of milliseconds: not for an asynchronous thread.
pub fn hash_chosen(secret: &str, entropy: &dyn Entropy) -> Result<CredentialHash, argon2::password_hash::Error> {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    Ok(CredentialHash::Argon2id(Argon2::default().hash_password_with_salt(secret.as_bytes(), &salt)?.to_string()))
}

/// Checks secrets against what is kept of them.
pub(crate) struct Secrets {
    turn: Arc<Semaphore>,
    choosing: Arc<Lines<EnvironmentId>>,
    waiting: Semaphore,
    key: hmac::Key,
    right: Mutex<HashMap<CredentialId, hmac::Tag>>,
}

impl Secrets {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut key = [0; 32];
        entropy.fill(&mut key);
        Self {
            turn: Arc::new(Semaphore::new(1)),
            choosing: Lines::new(1, CHOOSING_WAITING),
            waiting: Semaphore::new(WAITING),
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            right: Mutex::default(),
        }
    }

    /// Which of these credentials the secret is, as far as that can be told at no cost: one that was generated, or a chosen one that
    /// was right before.
    pub(crate) fn find_known<'a>(
        &self,
        credentials: &'a [Arc<Credential>],
        secret: &str,
    ) -> Option<&'a Arc<Credential>> {
        let hash = sha256(secret);
        let generated = credentials.iter().find(|credential| match &credential.hash {
            CredentialHash::Sha256(kept) => constant_time::verify_slices_are_equal(kept, &hash).is_ok(),
            CredentialHash::Argon2id(_) => false,
        });
        generated.or_else(|| credentials.iter().find(|credential| self.remembers(credential, secret)))
    }

    /// Which of these credentials a chosen secret is. Takes tens of milliseconds for each, one after the other.
    pub(crate) async fn find_chosen<'a>(
        &self,
        credentials: &'a [Arc<Credential>],
        secret: &str,
    ) -> Result<Option<&'a Arc<Credential>>, ApiError> {
        if secret.chars().count() > CHOSEN_SECRET_CHARS_MOST {
            return Ok(None);
        }
        for credential in credentials {
            if let CredentialHash::Argon2id(kept) = &credential.hash
                && self.verify(kept.clone(), secret.to_owned()).await?
            {
                self.remember(credential, secret);
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }

    /// A turn to choose a secret in an environment, which lasts until the credential is made: two that are chosen at once are told to be the
    /// same, too.
    pub(crate) async fn turn_to_choose(&self, environment: EnvironmentId) -> Result<Turn<EnvironmentId>, ApiError> {
        self.choosing.turn(&environment).await
    }

    /// Whether one of these credentials has that secret, which a person chose for another.
    pub(crate) async fn is_taken(&self, credentials: &[Arc<Credential>], secret: &str) -> Result<bool, ApiError> {
        Ok(self.find_known(credentials, secret).is_some() || self.find_chosen(credentials, secret).await?.is_some())
    }

    /// Hashes a secret that a person chose, when it is its turn.
    pub(crate) async fn hash(&self, secret: String, entropy: Arc<dyn Entropy>) -> Result<CredentialHash, ApiError> {
        self.in_turn(move || hash_chosen(&secret, &*entropy)).await?.map_err(|error| {
            ApiError::caused(Code::Internal, "a secret could not be hashed", Unhashable(error.to_string()))
        })
    }

    async fn verify(&self, kept: String, secret: String) -> Result<bool, ApiError> {
        self.in_turn(move || {
            PasswordHash::new(&kept)
                .is_ok_and(|kept| Argon2::default().verify_password(secret.as_bytes(), &kept).is_ok())
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        let _waiting = self.waiting.try_acquire().map_err(|_| overloaded())?;
        let turn = tokio::time::timeout(SIGN_IN_TURN, Arc::clone(&self.turn).acquire_owned()).await;
        let turn = turn.map_err(|_| overloaded())?.expect("the semaphore is never closed");
        // The turn goes with the work: a caller that gives up does not make a second one run beside it.
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| ApiError::caused(Code::Internal, "hashing a secret broke off", error))
    }

    fn remembers(&self, credential: &Credential, secret: &str) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner).get(&credential.id).copied();
        right.is_some_and(|tag| {
            constant_time::verify_slices_are_equal(tag.as_ref(), self.tag(credential, secret).as_ref()).is_ok()
        })
    }

    fn remember(&self, credential: &Credential, secret: &str) {
        let tag = self.tag(credential, secret);
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(credential.id, tag);
    }

    fn tag(&self, credential: &Credential, secret: &str) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(credential.id.as_bytes());
        context.update(secret.as_bytes());
        context.sign()
    }
}

fn overloaded() -> ApiError {
    ApiError::new(Code::Overloaded, "too many secrets are checked at once; try again shortly")
}

#[derive(Debug, thiserror::Error)]
#[error("argon2: {0}")]
struct Unhashable(String);
