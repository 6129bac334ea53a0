//! Webhooks as Frontegg's clients know them: the record, and the form that they send.

use std::sync::Arc;

use postrider_core::WebhookId;
use postrider_core::permission::Permission;
use postrider_core::webhook::Webhook as Stored;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::ApiError;
use crate::frontegg::scope::Scoped;
use crate::native::wire::{Given, Time};
use crate::state::ApiState;

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod update;

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggWebhook)]
pub(crate) struct Record {
    #[serde(rename = "_id")]
    id: Uuid,
    display_name: String,
    description: String,
    url: String,
    /// In clear to callers that may write webhooks, `null` to others: to users of tenants without that permission, and to tokens of a
    /// credential of the scope `read`.
    secret: Option<String>,
    event_keys: Vec<String>,
    is_active: bool,
    r#type: &'static str,
    vendor_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    environment_id: Uuid,
    /// Deliveries so far.
    invocations: u64,
    created_at: Time,
    updated_at: Time,
}

impl Record {
    /// The record as that caller may see it.
    fn new(scoped: &Scoped, webhook: &Stored) -> Self {
        let secret = webhook.secret.as_ref().filter(|_| scoped.member.may(Permission::WriteWebhook));
        Self {
            id: webhook.id.as_uuid(),
            display_name: webhook.display_name.clone(),
            description: webhook.description.clone(),
            url: webhook.url.as_str().to_owned(),
            secret: secret.map(|secret| secret.expose().to_owned()),
            event_keys: webhook.event_keys.clone(),
            is_active: webhook.status.is_active(),
            r#type: "CUSTOM",
            vendor_id: webhook.environment_id.as_uuid(),
            tenant_id: webhook.scope.tenant().map(|tenant| tenant.as_str().to_owned()),
            environment_id: webhook.environment_id.as_uuid(),
            invocations: webhook.invocations,
            created_at: webhook.created_at.into(),
            updated_at: webhook.updated_at.into(),
        }
    }
}

/// What clients send of a webhook: all of it or a part. Other members, which whole records have, are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggWebhookForm)]
pub(crate) struct Form {
    display_name: Option<String>,
    description: Option<String>,
    url: Option<String>,
    /// `null` and `""`: requests are not signed.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    secret: Given<String>,
    /// Keys, `"<Category name>.*"`, ids of event types and of categories.
    event_keys: Option<Vec<String>>,
    is_active: Option<bool>,
}

/// The webhook of that id in exactly that scope.
pub(crate) fn in_scope(state: &ApiState, scoped: &Scoped, id: WebhookId) -> Result<Arc<Stored>, ApiError> {
    state
        .directory()
        .webhook_in(scoped.environment_id(), &scoped.scope, id)
        .ok_or_else(|| ApiError::not_found("webhook"))
}
