//! `GET /event/resources/configurations/v1/categories`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::event_type::{Category, EventType};
use postrider_core::permission::Permission;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::Member;
use crate::error::{ApiError, FronteggErrors};
use crate::native::categories::visible_categories;
use crate::native::event_types::visible;
use crate::native::wire::Time;
use crate::state::ApiState;

/// A category and its events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggCategory)]
pub(crate) struct Record {
    id: Uuid,
    name: String,
    vendor_id: Uuid,
    created_at: Time,
    updated_at: Time,
    events: Vec<EventRecord>,
}

/// An event type within its category.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggCategoryEvent)]
pub(crate) struct EventRecord {
    id: Uuid,
    key: String,
    display_name: String,
    description: String,
    /// The category's name.
    category: String,
    category_id: Uuid,
    vendor_id: Uuid,
    created_at: Time,
    updated_at: Time,
}

impl EventRecord {
    fn new(event_type: &EventType, category: &Category) -> Self {
        Self {
            id: event_type.id.as_uuid(),
            key: event_type.key.as_str().to_owned(),
            display_name: event_type.display_name.clone(),
            description: event_type.description.clone(),
            category: category.name.clone(),
            category_id: category.id.as_uuid(),
            vendor_id: event_type.environment_id.as_uuid(),
            created_at: event_type.created_at.into(),
            updated_at: event_type.updated_at.into(),
        }
    }
}

/// List categories
#[utoipa::path(get, path = "/event/resources/configurations/v1/categories", operation_id = "frontegg_list_categories",
    tag = "frontegg", responses(
    (status = 200, description = "The categories, each with its events.", body = Vec<Record>),
    (status = 403, description = "The caller may not.", body = FronteggErrors)))]
pub(crate) async fn list(State(state): State<ApiState>, member: Member) -> Result<Answer<Vec<Record>>, ApiError> {
    member.require(Permission::ReadEventCategories)?;
    let categories = visible_categories(&state, &member);
    let event_types = visible(&state, &member);
    let record = |category: &Category| Record {
        id: category.id.as_uuid(),
        name: category.name.clone(),
        vendor_id: category.environment_id.as_uuid(),
        created_at: category.created_at.into(),
        updated_at: category.updated_at.into(),
        events: event_types
            .iter()
            .filter(|event_type| event_type.category_id == category.id)
            .map(|event_type| EventRecord::new(event_type, category))
            .collect(),
    };
    Ok(Answer(categories.iter().map(|category| record(category)).collect()))
}
