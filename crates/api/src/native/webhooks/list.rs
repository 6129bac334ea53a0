//! `GET /api/v1/webhooks`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::WebhookId;
use postrider_core::permission::Permission;
use postrider_core::webhook::Scope;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::auth::caller::Member;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Params;
use crate::native::events::read::tenant;
use crate::native::webhooks::Webhook;
use crate::native::wire::{self, Page};
use crate::state::ApiState;

/// Which webhooks.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WebhookQuery {
    /// Of that tenant.
    tenant_id: Option<String>,
    /// `environment`: those of no tenant.
    #[param(inline)]
    scope: Option<ScopeName>,
    /// Rows of the page: 1 to 250, 50 where it is left out.
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ScopeName {
    /// The environment's own webhooks.
    Environment,
}

/// List webhooks
///
/// Newest first: all that are within the caller's reach, or those of one tenant, or those of the environment.
/// Secrets are left out; a webhook's own page has them.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", params(WebhookQuery), responses(
    (status = 200, description = "A page of webhooks.", body = Page<Webhook>),
    (status = 400, description = "A parameter cannot be read.", body = Problem)))]
pub(crate) async fn list_webhooks(
    State(state): State<ApiState>,
    member: Member,
    Params(query): Params<WebhookQuery>,
) -> Result<Answer<Page<Webhook>>, ApiError> {
    member.require(Permission::ReadWebhooks)?;
    let asked = match (tenant(query.tenant_id.as_deref())?, query.scope) {
        (Some(_), Some(ScopeName::Environment)) => {
            return Err(ApiError::new(Code::InvalidParameter, "`tenantId` and `scope=environment` exclude each other"));
        }
        (Some(tenant), None) => Some(Scope::Tenant(tenant)),
        (None, Some(ScopeName::Environment)) => Some(Scope::Environment),
        (None, None) => member.tenant.clone().map(Scope::Tenant),
    };
    if asked.as_ref().is_some_and(|scope| !member.reaches(scope)) {
        return Err(ApiError::new(Code::ScopeForeign, "the token is another tenant's"));
    }
    let rows = wire::page_rows(query.limit)?;
    let before: Option<WebhookId> = wire::cursor(query.cursor.as_deref())?;
    let webhooks = state.directory().webhooks(member.environment_id, asked.as_ref());
    let mut rest = webhooks.iter().rev().filter(|webhook| before.is_none_or(|before| webhook.id < before));
    let page: Vec<_> = rest.by_ref().take(rows).collect();
    let next_cursor = rest.next().and(page.last()).map(|webhook| webhook.id.to_string());
    let items = page.into_iter().map(|webhook| Webhook::listed(&state, &member, webhook)).collect();
    Ok(Answer(Page { items, next_cursor }))
}
