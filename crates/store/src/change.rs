//! The words of changes that people make: environments, credentials, webhooks, event types, settings.
//!
//! Each has an outcome of its own in which the expected results are values.

use std::sync::Arc;

use postrider_core::environment::{Credential, CredentialHash, CredentialScope, Environment};
use postrider_core::event::EventKey;
use postrider_core::event_type::{Audience, Category, Deprecation, EventType, SchemaMode};
use postrider_core::shape::{Access, Shape};
use postrider_core::signature::{Secret, Signing, SigningChange};
use postrider_core::source::Source;
use postrider_core::webhook::{EndpointUrl, Scope, Sending, Webhook, WebhookStatus};
use postrider_core::{CategoryId, CredentialId, EnvironmentId, EventTypeId, OperatorTokenId};

/// Who makes a change that outlives a call. He was let in before the call's body was read, so that what lets him in may have been revoked
/// since: such a change is made where it still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// An operator on this machine, or the server itself: nothing lets him in that could be revoked.
    Control,
    /// An operator, with that token.
    Token(OperatorTokenId),
    /// A vendor, with that credential.
    Credential(CredentialId),
}

impl Actor {
    /// The credential that acts, where one does.
    pub const fn credential(self) -> Option<CredentialId> {
        match self {
            Self::Credential(id) => Some(id),
            Self::Control | Self::Token(_) => None,
        }
    }
}

/// Whether what a change names was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It was, and is changed.
    Yes,
    /// It was not.
    No,
}

/// An environment to be made.
#[derive(Debug, Clone)]
pub struct NewEnvironment {
    /// Its id, where it is to have a given one: the bootstrap client id.
    pub id: Option<EnvironmentId>,
    /// Its name for people.
    pub name: String,
    /// Who makes it.
    pub made_by: Actor,
}

/// What became of making an environment.
#[derive(Debug, Clone, PartialEq)]
pub enum CreateEnvironment {
    /// Made, with the built-in event types.
    Created(Arc<Environment>),
    /// There is one of that id.
    IdTaken,
    /// What lets the one in that was to make it was revoked meanwhile.
    MakerRevoked,
}

/// What became of renaming an environment.
#[derive(Debug, Clone, PartialEq)]
pub enum RenameEnvironment {
    /// It has that name now.
    Renamed(Arc<Environment>),
    /// No such environment.
    NoSuchEnvironment,
    /// What lets the one in that was to rename it was revoked meanwhile.
    CallerRevoked,
}

/// What became of making a credential.
#[derive(Debug, Clone, PartialEq)]
pub enum CreateCredential {
    /// Made.
    Created(Arc<Credential>),
    /// No such environment.
    NoSuchEnvironment,
    /// [`postrider_core::limits::CREDENTIALS_PER_ENVIRONMENT`] are in use.
    LimitReached,
    /// What lets the one in that was to make it was revoked meanwhile: a credential, or an operator's token.
    MakerRevoked,
    /// It would open more than the credential that was to make it.
    BeyondMaker,
}

/// What became of revoking a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeCredential {
    /// It is revoked, or was before.
    Revoked,
    /// The environment has none of that id.
    NoSuchCredential,
    /// What lets the one in that was to revoke it was revoked meanwhile: a credential, or an operator's token.
    RevokerRevoked,
    /// It is the one that was to revoke it. As that one stays, a vendor's environment always keeps one.
    RevokersOwn,
}

/// A credential to be made.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// The environment it opens.
    pub environment_id: EnvironmentId,
    /// What people call it.
    pub name: String,
    /// What it opens there.
    pub scope: CredentialScope,
    /// What is kept of the secret.
    pub hash: CredentialHash,
    /// Who makes it.
    pub made_by: Actor,
}

/// A webhook to be made. Its subscriptions are checked before, see [`crate::Directory::check_subscription`].
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// The environment it belongs to.
    pub environment_id: EnvironmentId,
    /// Whose events it gets.
    pub scope: Scope,
    /// Its name for people.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Where events are sent.
    pub url: EndpointUrl,
    /// What requests are signed with.
    pub secret: Option<Secret>,
    /// How they are signed besides.
    pub signing: Signing,
    /// What it subscribes to.
    pub event_keys: Vec<String>,
    /// Which of those it gets; none: all.
    pub filter: Option<Source>,
    /// Whether it starts active.
    pub status: WebhookStatus,
    /// How it is sent to.
    pub sending: Sending,
    /// What it sends.
    pub shape: Shape,
    /// What its requests show to be let in.
    pub access: Access,
}

/// What became of making a webhook.
#[derive(Debug, Clone)]
pub enum CreateWebhook {
    /// Made.
    Created(Arc<Webhook>),
    /// No such environment.
    NoSuchEnvironment,
    /// [`postrider_core::limits::WEBHOOKS_PER_ENVIRONMENT`] are there.
    LimitReached,
    /// [`postrider_core::limits::WEBHOOKS_PER_TENANT`] of its tenant are there.
    TenantLimitReached,
}

/// What is to be different about a webhook; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookPatch {
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Where events are sent.
    pub url: Option<EndpointUrl>,
    /// What requests are signed with; `Some(None)`: nothing. Another one than before replaces it at once, with no overlap.
    pub secret: Option<Option<Secret>>,
    /// How they are signed besides; after the secret.
    pub signing: Vec<SigningChange>,
    /// What it subscribes to.
    pub event_keys: Option<Vec<String>>,
    /// Which of those it gets; `Some(None)`: all.
    pub filter: Option<Option<Source>>,
    /// Enabling clears the streak of failures and revives nothing; disabling discards what waits.
    pub active: Option<bool>,
    /// How it is sent to.
    pub sending: Option<Sending>,
    /// What it sends. Deliveries that were accepted before keep what was sent then.
    pub shape: Option<Shape>,
    /// What its requests show to be let in.
    pub access: Option<Access>,
}

/// What became of making or renaming a category.
#[derive(Debug, Clone, PartialEq)]
pub enum PutCategory {
    /// It is so now.
    Put(Arc<Category>),
    /// No such environment.
    NoSuchEnvironment,
    /// No such category.
    NotFound,
    /// Another category has that name.
    NameTaken,
}

/// What became of deleting a category.
#[derive(Debug, Clone, PartialEq)]
pub enum DeleteCategory {
    /// Deleted; as it was.
    Deleted(Arc<Category>),
    /// No such category.
    NotFound,
    /// Event types stand in it.
    NotEmpty,
}

/// Names a category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CategoryRef {
    /// One that exists.
    Id(CategoryId),
    /// One of that name, made where there is none.
    Name(String),
}

/// An event type to be made.
#[derive(Debug, Clone)]
pub struct NewEventType {
    /// The environment it belongs to.
    pub environment_id: EnvironmentId,
    /// Its key.
    pub key: EventKey,
    /// Its name for people.
    pub display_name: String,
    /// When such an event is sent.
    pub description: String,
    /// The category it stands in.
    pub category: CategoryRef,
    /// The JSON Schema of the delivered body, as JSON text.
    pub schema: Option<Source>,
    /// What becomes of events that it does not allow.
    pub schema_mode: SchemaMode,
    /// A sample of the payload, as JSON text.
    pub sample: Option<String>,
    /// Who may know of it.
    pub audience: Audience,
    /// Whether it should no longer be used.
    pub deprecation: Option<Deprecation>,
}

/// What is to be different about an event type; what is absent stays. The key never changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventTypePatch {
    /// Its name for people.
    pub display_name: Option<String>,
    /// When such an event is sent.
    pub description: Option<String>,
    /// The category it stands in.
    pub category: Option<CategoryRef>,
    /// The JSON Schema; `Some(None)`: none.
    pub schema: Option<Option<Source>>,
    /// What becomes of events that it does not allow.
    pub schema_mode: Option<SchemaMode>,
    /// The sample; `Some(None)`: none.
    pub sample: Option<Option<String>>,
    /// Who may know of it.
    pub audience: Option<Audience>,
    /// Whether it should no longer be used; `Some(None)`: it is in use.
    pub deprecation: Option<Option<Deprecation>>,
}

/// One of many changes of event types that are made together.
#[derive(Debug, Clone)]
pub enum EventTypeChange {
    /// Makes one.
    Create(NewEventType),
    /// Changes one.
    Update(EventTypeId, EventTypePatch),
}

/// What became of making or changing an event type.
#[derive(Debug, Clone, PartialEq)]
pub enum PutEventType {
    /// It is so now.
    Put(Arc<EventType>),
    /// No such environment.
    NoSuchEnvironment,
    /// No such event type.
    NotFound,
    /// No such category.
    NoSuchCategory,
    /// The environment has an event type of that key.
    KeyTaken,
    /// [`postrider_core::limits::EVENT_TYPES_PER_ENVIRONMENT`] are there.
    LimitReached,
}

/// What became of changing many event types together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeEventTypes {
    /// All are so now.
    Changed,
    /// None is: meanwhile one was made or deleted, or a category deleted, that the changes were made up for.
    Overtaken,
    /// None is: there would be more than [`postrider_core::limits::EVENT_TYPES_PER_ENVIRONMENT`].
    LimitReached,
}

/// What became of setting a trusted issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutTrustedIssuer {
    /// It is so now.
    Put,
    /// No such environment.
    NoSuchEnvironment,
    /// Another environment trusts that issuer with that audience.
    Taken,
    /// The credential that was to set it was revoked meanwhile.
    CallerRevoked,
}

/// What became of setting how long an environment keeps its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutRetention {
    /// It is so now.
    Put,
    /// No such environment.
    NoSuchEnvironment,
    /// The credential that was to set it was revoked meanwhile.
    CallerRevoked,
}

/// What became of setting what tenants see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutPortalSettings {
    /// It is so now.
    Put,
    /// No such environment.
    NoSuchEnvironment,
    /// The credential that was to set it was revoked meanwhile.
    CallerRevoked,
}
