//! Event definitions: what Frontegg calls event types.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::event_type::{Audience, Category, EventType, SchemaMode};
use postrider_core::permission::Permission;
use postrider_core::{CategoryId, EnvironmentId, EventTypeId};
use postrider_store::{CategoryRef, NewEventType};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::auth::caller::{Member, Vendor};
use crate::body::Json;
use crate::error::{ApiError, Code, FronteggErrors};
use crate::extract::{Ids, Params};
use crate::native::event_types::{DEFAULT_CATEGORY, put, visible};
use crate::native::wire::Time;
use crate::rules;
use crate::state::ApiState;

/// An event type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggEvent)]
pub(crate) struct Record {
    id: Uuid,
    key: String,
    display_name: String,
    description: String,
    category_id: Uuid,
    vendor_id: Uuid,
    created_at: Time,
    updated_at: Time,
    category: Option<CategoryRecord>,
}

/// The category of an event type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggEventCategory)]
pub(crate) struct CategoryRecord {
    id: Uuid,
    vendor_id: Uuid,
    name: String,
    created_at: Time,
    updated_at: Time,
}

impl From<&Category> for CategoryRecord {
    fn from(category: &Category) -> Self {
        Self {
            id: category.id.as_uuid(),
            vendor_id: category.environment_id.as_uuid(),
            name: category.name.clone(),
            created_at: category.created_at.into(),
            updated_at: category.updated_at.into(),
        }
    }
}

impl Record {
    fn new(event_type: &EventType, categories: &HashMap<CategoryId, Arc<Category>>) -> Self {
        Self {
            id: event_type.id.as_uuid(),
            key: event_type.key.as_str().to_owned(),
            display_name: event_type.display_name.clone(),
            description: event_type.description.clone(),
            category_id: event_type.category_id.as_uuid(),
            vendor_id: event_type.environment_id.as_uuid(),
            created_at: event_type.created_at.into(),
            updated_at: event_type.updated_at.into(),
            category: categories.get(&event_type.category_id).map(|category| (&**category).into()),
        }
    }
}

fn categories(state: &ApiState, environment_id: EnvironmentId) -> HashMap<CategoryId, Arc<Category>> {
    let categories = state.directory().categories(environment_id);
    categories.into_iter().map(|category| (category.id, category)).collect()
}

/// Which events. Other parameters are ignored.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Events are told of to webhooks alone: any other channel has none.
    channels: Option<String>,
}

/// List event definitions
#[utoipa::path(get, path = "/event/resources/configurations/v1", operation_id = "frontegg_list_events", tag = "frontegg",
    params(Query), responses(
    (status = 200, description = "The event definitions.", body = Vec<Record>),
    (status = 403, description = "The caller may not.", body = FronteggErrors)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    member: Member,
    Params(query): Params<Query>,
) -> Result<Answer<Vec<Record>>, ApiError> {
    member.require(Permission::ReadEvents)?;
    if query.channels.is_some_and(|channels| channels.split(',').all(|channel| channel.trim() != "webhook")) {
        return Ok(Answer(Vec::new()));
    }
    let categories = categories(&state, member.environment_id);
    let event_types = visible(&state, &member);
    Ok(Answer(event_types.iter().map(|event_type| Record::new(event_type, &categories)).collect()))
}

/// An event definition to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggEventForm)]
pub(crate) struct Form {
    /// The key, a string.
    #[schema(value_type = String)]
    key: Option<serde_json::Value>,
    display_name: Option<String>,
    description: Option<String>,
    category_id: Option<String>,
    /// The name of a category, made if new.
    category: Option<String>,
}

/// Create an event definition
#[utoipa::path(post, path = "/event/resources/configurations/v1", operation_id = "frontegg_create_event", tag = "frontegg",
    request_body = Form, responses(
    (status = 201, description = "The event definition.", body = Record),
    (status = 400, description = "A member is missing or wrong.", body = FronteggErrors),
    (status = 409, description = "There is one of that key.", body = FronteggErrors)))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    vendor: Vendor,
    Json(form): Json<Form>,
) -> Result<(StatusCode, Answer<Record>), ApiError> {
    let must_be_a_string = |name: &str| ApiError::new(Code::InvalidRequest, format!("{name} must be a string"));
    let key = form.key.as_ref().and_then(serde_json::Value::as_str).ok_or_else(|| must_be_a_string("key"))?;
    let display_name = form.display_name.ok_or_else(|| must_be_a_string("displayName"))?;
    let category = match (form.category_id.filter(|id| !id.is_empty()), form.category.filter(|name| !name.is_empty())) {
        (Some(id), _) => CategoryRef::Id(
            id.parse().map_err(|_| ApiError::value("categoryId", "names no category of this environment"))?,
        ),
        (None, name) => {
            let name = name.unwrap_or_else(|| DEFAULT_CATEGORY.to_owned());
            CategoryRef::Name(rules::category_name(&state, vendor.environment_id, "category", name)?)
        }
    };
    let new = NewEventType {
        environment_id: vendor.environment_id,
        key: rules::event_type_key("key", key)?,
        display_name: rules::name("displayName", display_name)?,
        description: rules::description("description", form.description.unwrap_or_default())?,
        category,
        schema: None,
        schema_mode: SchemaMode::Off,
        sample: None,
        audience: Audience::Everybody,
        deprecation: None,
    };
    let event_type = put(state.store().create_event_type(new).await?)?;
    let categories = categories(&state, vendor.environment_id);
    Ok((StatusCode::CREATED, Answer(Record::new(&event_type, &categories))))
}

/// Delete an event definition
#[utoipa::path(delete, path = "/event/resources/configurations/v1/{eventId}", operation_id = "frontegg_delete_event",
    tag = "frontegg", params(("eventId" = Uuid, Path, description = "Its id.")), responses(
    (status = 200, description = "It is deleted; as it was.", body = Record),
    (status = 404, description = "There is none of that id.", body = FronteggErrors)))]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    vendor: Vendor,
    Ids(id): Ids<EventTypeId>,
) -> Result<Answer<Record>, ApiError> {
    let categories = categories(&state, vendor.environment_id);
    let deleted = state.store().delete_event_type(vendor.environment_id, id).await?;
    let event_type = deleted.ok_or_else(|| ApiError::not_found("event definition"))?;
    Ok(Answer(Record::new(&event_type, &categories)))
}
