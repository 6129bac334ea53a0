//! Credentials: the secrets of an environment. A vendor makes and revokes those of its own environment, an operator those of every one.
//!
//! Invariants: a credential never opens more than the one that made it. A vendor never revokes the credential that its call was made with,
//! so it cannot lock itself out; nor does one that was revoked while its call was under way make or revoke another. All of it is decided
//! where the change is made.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::environment::{Credential as Stored, CredentialHash, CredentialScope as Scope};
use postrider_core::{CredentialId, EnvironmentId};
use postrider_store::{CreateCredential, NewCredential, RevokeCredential};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::secrets::{self, CHOSEN_SECRET_CHARS, CHOSEN_SECRET_CHARS_MOST};
use crate::auth::tokens;
use crate::body::Json;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Ids;
use crate::native::environments::Reach;
use crate::native::wire::{Page, Time};
use crate::rules;
use crate::state::ApiState;

/// One secret of an environment. The secret itself is shown once, in the answer that made it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Credential {
    /// Its id.
    id: Uuid,
    /// The environment it opens; the client id.
    environment_id: Uuid,
    /// What people call it.
    name: String,
    /// What it opens there.
    scope: CredentialScope,
    /// Whether the secret was generated here or chosen by a person.
    kind: SecretKind,
    /// When it was made.
    created_at: Time,
    /// The credential that made it; `null`: an operator did, the first start, or it was made before this was kept.
    created_by: Option<Maker>,
    /// When it last got a token, to the minute.
    last_used_at: Option<Time>,
    /// When it was revoked; its tokens are refused from then on.
    revoked_at: Option<Time>,
    /// Portals of tenants that its links have opened, or still can: they end when it is revoked.
    portals: usize,
}

/// What a credential opens.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum CredentialScope {
    /// Everything in the environment.
    #[default]
    Full,
    /// Reporting events, by either API, and reading nothing but the answers. It does not sign in to the console.
    Events,
    /// Looking at everything that shows no secret, and changing and sending nothing: no tests, resends or jobs either. What a job would
    /// do, what an import would change and what a filter says of an event can be asked for.
    Read,
}

impl From<Scope> for CredentialScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Full => Self::Full,
            Scope::Events => Self::Events,
            Scope::Read => Self::Read,
        }
    }
}

impl From<CredentialScope> for Scope {
    fn from(scope: CredentialScope) -> Self {
        match scope {
            CredentialScope::Full => Self::Full,
            CredentialScope::Events => Self::Events,
            CredentialScope::Read => Self::Read,
        }
    }
}

/// The credential that made another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CredentialMaker)]
pub(crate) struct Maker {
    /// Its id.
    id: Uuid,
    /// What people call it.
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SecretKind {
    /// Made here, at random.
    Generated,
    /// Chosen by a person.
    Chosen,
}

impl Credential {
    /// The record. `portals`: see there.
    fn new(state: &ApiState, credential: &Stored, portals: usize) -> Self {
        let maker = credential.created_by.and_then(|id| state.directory().credential(id));
        Self {
            id: credential.id.as_uuid(),
            environment_id: credential.environment_id.as_uuid(),
            name: credential.name.clone(),
            scope: credential.scope.into(),
            kind: match credential.hash {
                CredentialHash::Sha256(_) => SecretKind::Generated,
                CredentialHash::Argon2id(_) => SecretKind::Chosen,
            },
            created_at: credential.created_at.into(),
            created_by: maker.map(|maker| Maker { id: maker.id.as_uuid(), name: maker.name.clone() }),
            last_used_at: credential.last_used_at.map(Into::into),
            revoked_at: credential.revoked_at.map(Into::into),
            portals,
        }
    }
}

/// A credential to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewSecret {
    /// What people call it.
    name: String,
    /// What it opens; it stays so.
    #[serde(default)]
    scope: CredentialScope,
    /// A secret of one's own choice, 16 to 200 characters. Better left out: then a strong one is generated.
    secret: Option<String>,
}

/// A credential with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedCredential {
    #[serde(flatten)]
    credential: Credential,
    /// The secret. It cannot be read again.
    secret: String,
}

/// List credentials
///
/// Revoked ones included, oldest first.
#[utoipa::path(get, path = "/api/v1/environments/{environmentId}/credentials", tag = "environments",
    params(("environmentId" = Uuid, Path, description = "The environment.")), responses(
    (status = 200, description = "The credentials.", body = Page<Credential>),
    (status = 404, description = "There is no such environment within reach.", body = Problem)))]
pub(crate) async fn list_credentials(
    State(state): State<ApiState>,
    reach: Reach,
    Ids(environment_id): Ids<EnvironmentId>,
) -> Result<Answer<Page<Credential>>, ApiError> {
    reach.require(environment_id)?;
    if state.directory().environment(environment_id).is_none() {
        return Err(ApiError::not_found("environment"));
    }
    let mut credentials = state.directory().credentials(environment_id);
    credentials.sort_by_key(|credential| credential.id);
    let portals = state.directory().portals_of_credentials(environment_id, state.now());
    let portals = |credential: &Stored| portals.get(&credential.id).copied().unwrap_or_default();
    let record = |credential: &Arc<Stored>| Credential::new(&state, credential, portals(credential));
    let items = credentials.iter().map(record).collect();
    Ok(Answer(Page { items, next_cursor: None }))
}

/// Create a credential
///
/// The answer holds the secret, which is shown this once. `scope` says what it opens: a program that only reports events needs no more
/// than `events`.
#[utoipa::path(post, path = "/api/v1/environments/{environmentId}/credentials", tag = "environments",
    params(("environmentId" = Uuid, Path, description = "The environment.")),
    request_body = NewSecret, responses(
    (status = 201, description = "The credential and its secret.", body = CreatedCredential),
    (status = 404, description = "There is no such environment within reach.", body = Problem),
    (status = 409, description = "The environment has as many as it can have, or another one of it has that secret.", body = Problem)))]
pub(crate) async fn create_credential(
    State(state): State<ApiState>,
    reach: Reach,
    Ids(environment_id): Ids<EnvironmentId>,
    Json(new): Json<NewSecret>,
) -> Result<(StatusCode, Answer<CreatedCredential>), ApiError> {
    reach.require(environment_id)?;
    let name = rules::name("/name", new.name)?;
    let scope = new.scope.into();
    // Held until the credential is made.
    let _choosing = match &new.secret {
        Some(_) => Some(state.secrets().turn_to_choose(environment_id).await?),
        None => None,
    };
    let (secret, hash) = match new.secret {
        None => {
            let secret = secrets::generate_secret(&**state.entropy());
            let hash = CredentialHash::Sha256(secrets::sha256(&secret));
            (secret, hash)
        }
        Some(secret) => {
            if !(CHOSEN_SECRET_CHARS..=CHOSEN_SECRET_CHARS_MOST).contains(&secret.chars().count()) {
                let range = format!("has {CHOSEN_SECRET_CHARS} to {CHOSEN_SECRET_CHARS_MOST} characters");
                return Err(ApiError::value("/secret", range));
            }
            refuse_taken(&state, environment_id, &secret).await?;
            let hash = state.secrets().hash(secret.clone(), state.entropy().clone()).await?;
            (secret, hash)
        }
    };
    let made_by = reach.actor();
    let new = NewCredential { environment_id, name, scope, hash, made_by };
    match state.store().create_credential(new).await? {
        CreateCredential::Created(credential) => {
            tracing::info!(
                environment.id = %environment_id,
                credential.id = %credential.id,
                credential.name = credential.name.as_str(),
                credential.scope = credential.scope.name(),
                actor = ?made_by,
                "a credential was made"
            );
            let credential = Credential::new(&state, &credential, 0);
            Ok((StatusCode::CREATED, Answer(CreatedCredential { credential, secret })))
        }
        CreateCredential::NoSuchEnvironment => Err(ApiError::not_found("environment")),
        CreateCredential::LimitReached => {
            Err(ApiError::new(Code::LimitReached, "the environment has too many credentials; revoke one first"))
        }
        CreateCredential::MakerRevoked => Err(tokens::no_longer(made_by)),
        CreateCredential::BeyondMaker => {
            let detail =
                "a credential cannot open more than the one that makes it; make it with one of the scope `full`";
            Err(ApiError::new(Code::InsufficientScope, detail))
        }
    }
}

/// Refuses a secret that another credential in use has: which of the two a login is with would be chance, and revoking one would not end it.
async fn refuse_taken(state: &ApiState, environment_id: EnvironmentId, secret: &str) -> Result<(), ApiError> {
    let mut others = state.directory().credentials(environment_id);
    others.retain(|credential| credential.revoked_at.is_none());
    if state.secrets().is_taken(&others, secret).await? {
        let detail =
            "another credential of the environment has it; choose another, or leave it out for one that is made";
        return Err(ApiError::at(Code::Conflict, "/secret", detail));
    }
    Ok(())
}

/// Revoke a credential
///
/// Tokens that were made with it are refused from now on, and the sessions that it opened end: those of the console, and the portals of
/// tenants that its links opened (`portals` in the list says how many). The one that the call was made with can be revoked with another
/// one, or by an operator.
#[utoipa::path(delete, path = "/api/v1/environments/{environmentId}/credentials/{credentialId}", tag = "environments",
    params(
        ("environmentId" = Uuid, Path, description = "The environment."),
        ("credentialId" = Uuid, Path, description = "The credential.")),
    responses(
    (status = 204, description = "It is revoked."),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 409, description = "It is the one that the call was made with.", body = Problem)))]
pub(crate) async fn revoke_credential(
    State(state): State<ApiState>,
    reach: Reach,
    Ids((environment_id, credential_id)): Ids<(EnvironmentId, CredentialId)>,
) -> Result<StatusCode, ApiError> {
    reach.require(environment_id)?;
    let by = reach.actor();
    match state.store().revoke_credential(environment_id, credential_id, by).await? {
        RevokeCredential::Revoked => {
            tracing::info!(
                environment.id = %environment_id,
                credential.id = %credential_id,
                actor = ?by,
                "a credential was revoked"
            );
            Ok(StatusCode::NO_CONTENT)
        }
        RevokeCredential::NoSuchCredential => Err(ApiError::not_found("credential")),
        RevokeCredential::RevokerRevoked => Err(tokens::no_longer(by)),
        RevokeCredential::RevokersOwn => Err(ApiError::new(
            Code::CredentialInUse,
            "this call was made with that credential; create another one, sign in with it, and revoke this one then",
        )),
    }
}
