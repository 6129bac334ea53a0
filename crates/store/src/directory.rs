//! The directory.

use std::sync::Arc;

use postrider_core::environment::{Credential, Environment, OperatorToken, TrustedIssuer};
use postrider_core::event::{EventKey, TenantId};
use postrider_core::event_type::{Category, EventType};
use postrider_core::matching::SubscriptionError;
use postrider_core::webhook::{Scope, Webhook};
use postrider_core::{CredentialId, EnvironmentId, WebhookId};

/// What the database says of environments, credentials, webhooks and event types, in memory.
#[derive(Debug)]
pub struct Directory {}

#[expect(clippy::unimplemented, unused_variables, reason = "interface first")]
impl Directory {
    /// Every environment, oldest first.
    pub fn environments(&self) -> Vec<Arc<Environment>> {
        unimplemented!()
    }
    /// The environment of that id.
    pub fn environment(&self, id: EnvironmentId) -> Option<Arc<Environment>> {
        unimplemented!()
    }
    /// The credential of that id, revoked ones included.
    pub fn credential(&self, id: CredentialId) -> Option<Arc<Credential>> {
        unimplemented!()
    }
    /// The credentials of an environment, oldest first.
    pub fn credentials(&self, environment: EnvironmentId) -> Vec<Arc<Credential>> {
        unimplemented!()
    }
    /// The webhook of that id, as last changed: its `invocations` may be behind. For the hot path.
    pub fn webhook(&self, id: WebhookId) -> Option<Arc<Webhook>> {
        unimplemented!()
    }
    /// The webhook of that id in exactly that scope, with its invocations so far.
    pub fn webhook_in(&self, environment: EnvironmentId, scope: &Scope, id: WebhookId) -> Option<Arc<Webhook>> {
        unimplemented!()
    }
    /// The webhooks of that scope, or of all, oldest first, with their invocations so far.
    pub fn webhooks(&self, environment: EnvironmentId, scope: Option<&Scope>) -> Vec<Arc<Webhook>> {
        unimplemented!()
    }
    /// The webhooks that an event reaches, disabled ones included. Their `invocations` may be behind.
    pub fn matches(&self, environment: EnvironmentId, key: &EventKey, tenant: Option<&TenantId>) -> Vec<Arc<Webhook>> {
        unimplemented!()
    }
    /// The event types of an environment, by key.
    pub fn event_types(&self, environment: EnvironmentId) -> Vec<Arc<EventType>> {
        unimplemented!()
    }
    /// The categories of an environment, by name.
    pub fn categories(&self, environment: EnvironmentId) -> Vec<Arc<Category>> {
        unimplemented!()
    }
    /// Whether a webhook of that environment may subscribe to this.
    pub fn check_subscription(&self, environment: EnvironmentId, subscription: &str) -> Result<(), SubscriptionError> {
        unimplemented!()
    }
    /// Who is meant by a token's issuer and audience.
    pub fn trusted_issuer(&self, issuer: &str, audience: &str) -> Option<(EnvironmentId, Arc<TrustedIssuer>)> {
        unimplemented!()
    }
    /// The operator's token of that hash, unless it is revoked.
    pub fn operator_token(&self, hash: &[u8; 32]) -> Option<Arc<OperatorToken>> {
        unimplemented!()
    }
    /// Every operator's token, revoked ones included, oldest first.
    pub fn operator_tokens(&self) -> Vec<Arc<OperatorToken>> {
        unimplemented!()
    }
    /// What vendors' tokens are signed with: made at the first start.
    pub fn token_key(&self) -> [u8; 32] {
        unimplemented!()
    }
}
