//! `GET /api/v1/event-types/{eventTypeId}/schemas`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::EventTypeId;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::auth::caller::Vendor;
use crate::error::{ApiError, Problem};
use crate::extract::Ids;
use crate::native::events::read::raw;
use crate::native::wire::{Page, Time};
use crate::state::ApiState;

/// A schema of an event type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaVersion {
    /// Counted from 1.
    version: u32,
    /// The schema.
    #[schema(value_type = Object)]
    schema: Box<RawValue>,
    /// Whether it is the present one.
    is_current: bool,
    /// When another took its place.
    replaced_at: Option<Time>,
}

/// List the schemas of an event type
///
/// The present one and those before it, newest first: the last 50 are kept. To go back to one, set it again.
#[utoipa::path(get, path = "/api/v1/event-types/{eventTypeId}/schemas", tag = "event types",
    params(("eventTypeId" = Uuid, Path, description = "The event type.")), responses(
    (status = 200, description = "The schemas.", body = Page<SchemaVersion>),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn list_schemas(
    State(state): State<ApiState>,
    vendor: Vendor,
    Ids(id): Ids<EventTypeId>,
) -> Result<Answer<Page<SchemaVersion>>, ApiError> {
    let event_types = state.directory().event_types(vendor.environment_id);
    let event_type = event_types.iter().find(|event_type| event_type.id == id);
    let event_type = event_type.ok_or_else(|| ApiError::not_found("event type"))?;
    let mut items = Vec::new();
    if let Some(schema) = &event_type.schema {
        items.push(SchemaVersion {
            version: event_type.schema_version,
            schema: raw(schema.as_str().as_bytes())?,
            is_current: true,
            replaced_at: None,
        });
    }
    for former in state.store().former_schemas(vendor.environment_id, id).await? {
        items.push(SchemaVersion {
            version: former.version,
            schema: raw(former.schema.as_bytes())?,
            is_current: false,
            replaced_at: Some(former.replaced_at.into()),
        });
    }
    Ok(Answer(Page { items, next_cursor: None }))
}
