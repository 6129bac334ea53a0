//! Event types: what an environment's events are called and mean.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::body::Payload;
use postrider_core::event::EventKey;
use postrider_core::event_type::EventType as Stored;
use postrider_core::permission::Permission;
use postrider_core::{CategoryId, EventTypeId};
use postrider_store::{CategoryRef, EventTypePatch, NewEventType, PutEventType};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::{Member, Vendor};
use crate::body::Json;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Ids;
use crate::native::events::of_payload;
use crate::native::events::read::raw;
use crate::native::wire::{Given, Page, Time, present};
use crate::rules;
use crate::state::ApiState;

/// The category of event types that name none.
pub(crate) const DEFAULT_CATEGORY: &str = "Custom";

/// An event key with what people need to know of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventType {
    /// Its id.
    id: Uuid,
    /// The key; it never changes.
    key: String,
    /// The category it stands in.
    category_id: Uuid,
    /// The category's name.
    category: String,
    /// Its name for people.
    display_name: String,
    /// When such an event is sent.
    description: String,
    /// The JSON Schema of the delivered body.
    #[schema(value_type = Option<Object>)]
    schema: Option<Box<RawValue>>,
    /// A sample of the payload: the members beside `eventKey` and `eventContext`.
    #[schema(value_type = Option<Object>)]
    sample: Option<Box<RawValue>>,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl EventType {
    fn new(event_type: &Stored, categories: &HashMap<CategoryId, String>) -> Result<Self, ApiError> {
        let json = |text: &Option<String>| text.as_ref().map(|text| raw(text.as_bytes())).transpose();
        Ok(Self {
            id: event_type.id.as_uuid(),
            key: event_type.key.as_str().to_owned(),
            category_id: event_type.category_id.as_uuid(),
            category: categories.get(&event_type.category_id).cloned().unwrap_or_default(),
            display_name: event_type.display_name.clone(),
            description: event_type.description.clone(),
            schema: json(&event_type.schema)?,
            sample: json(&event_type.sample)?,
            created_at: event_type.created_at.into(),
            updated_at: event_type.updated_at.into(),
        })
    }
}

fn category_names(state: &ApiState, environment_id: postrider_core::EnvironmentId) -> HashMap<CategoryId, String> {
    state.directory().categories(environment_id).iter().map(|category| (category.id, category.name.clone())).collect()
}

/// An event type to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewEventType)]
pub(crate) struct Form {
    /// The key.
    key: String,
    /// Its name for people.
    display_name: String,
    /// When such an event is sent.
    #[serde(default)]
    description: String,
    /// The category it stands in. Give this or `category`, or neither: then it stands in "Custom".
    #[schema(value_type = Option<Uuid>)]
    category_id: Option<CategoryId>,
    /// The name of the category it stands in, which is made where there is none.
    category: Option<String>,
    /// The JSON Schema of the delivered body.
    #[schema(value_type = Option<Object>)]
    schema: Option<Box<RawValue>>,
    /// A sample of the payload: the members beside `eventKey` and `eventContext`.
    #[schema(value_type = Option<Object>)]
    sample: Option<Box<RawValue>>,
}

/// What is to be different about an event type. What is left out stays; the key never changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = EventTypePatch)]
pub(crate) struct PatchForm {
    /// Its name for people.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    display_name: Option<String>,
    /// When such an event is sent.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    /// The category it stands in.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Uuid, required = false)]
    category_id: Option<CategoryId>,
    /// The name of the category it stands in, which is made where there is none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    category: Option<String>,
    /// The JSON Schema of the delivered body; `null`: none.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    schema: Given<Box<RawValue>>,
    /// A sample of the payload; `null`: none.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    sample: Given<Box<RawValue>>,
}

/// List event types
///
/// All of them, with categories, schemas and samples. The built-in ones are there from the start.
#[utoipa::path(get, path = "/api/v1/event-types", tag = "event types", responses(
    (status = 200, description = "The event types.", body = Page<EventType>)))]
pub(crate) async fn list_event_types(
    State(state): State<ApiState>,
    member: Member,
) -> Result<Answer<Page<EventType>>, ApiError> {
    member.require(Permission::ReadEvents)?;
    let categories = category_names(&state, member.environment_id);
    let event_types = state.directory().event_types(member.environment_id);
    let items = event_types.iter().map(|event_type| EventType::new(event_type, &categories));
    Ok(Answer(Page { items: items.collect::<Result<_, _>>()?, next_cursor: None }))
}

/// Get an event type
#[utoipa::path(get, path = "/api/v1/event-types/{eventTypeId}", tag = "event types",
    params(("eventTypeId" = Uuid, Path, description = "The event type.")), responses(
    (status = 200, description = "The event type.", body = EventType),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn get_event_type(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<EventTypeId>,
) -> Result<Answer<EventType>, ApiError> {
    member.require(Permission::ReadEvents)?;
    let event_types = state.directory().event_types(member.environment_id);
    let event_type = event_types.iter().find(|event_type| event_type.id == id);
    let event_type = event_type.ok_or_else(|| ApiError::not_found("event type"))?;
    Ok(Answer(EventType::new(event_type, &category_names(&state, member.environment_id))?))
}

/// Create an event type
///
/// It is a word for people and for category subscriptions, not a gate: events of any key are taken in.
#[utoipa::path(post, path = "/api/v1/event-types", tag = "event types", request_body = Form, responses(
    (status = 201, description = "The event type.", body = EventType),
    (status = 409, description = "There is one of that key, or as many as there can be.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem)))]
pub(crate) async fn create_event_type(
    State(state): State<ApiState>,
    vendor: Vendor,
    Json(form): Json<Form>,
) -> Result<(StatusCode, Answer<EventType>), ApiError> {
    let category = category(form.category_id, form.category)?;
    let new = NewEventType {
        environment_id: vendor.environment_id,
        key: EventKey::parse(&form.key).map_err(|error| ApiError::value("/key", error))?,
        display_name: rules::name("/displayName", form.display_name)?,
        description: rules::description("/description", form.description)?,
        category: category.unwrap_or_else(|| CategoryRef::Name(DEFAULT_CATEGORY.to_owned())),
        schema: form.schema.map(schema).transpose()?,
        sample: form.sample.map(sample).transpose()?,
    };
    let event_type = put(state.store().create_event_type(new).await?)?;
    let categories = category_names(&state, vendor.environment_id);
    Ok((StatusCode::CREATED, Answer(EventType::new(&event_type, &categories)?)))
}

/// Change an event type
#[utoipa::path(patch, path = "/api/v1/event-types/{eventTypeId}", tag = "event types",
    params(("eventTypeId" = Uuid, Path, description = "The event type.")), request_body = PatchForm, responses(
    (status = 200, description = "The event type as it is now.", body = EventType),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem)))]
pub(crate) async fn update_event_type(
    State(state): State<ApiState>,
    vendor: Vendor,
    Ids(id): Ids<EventTypeId>,
    Json(form): Json<PatchForm>,
) -> Result<Answer<EventType>, ApiError> {
    let patch = EventTypePatch {
        display_name: form.display_name.map(|text| rules::name("/displayName", text)).transpose()?,
        description: form.description.map(|text| rules::description("/description", text)).transpose()?,
        category: category(form.category_id, form.category)?,
        schema: match form.schema {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(json) => Some(Some(schema(json)?)),
        },
        sample: match form.sample {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(json) => Some(Some(sample(json)?)),
        },
    };
    let event_type = put(state.store().update_event_type(vendor.environment_id, id, patch).await?)?;
    Ok(Answer(EventType::new(&event_type, &category_names(&state, vendor.environment_id))?))
}

/// Delete an event type
///
/// Webhooks that subscribe to its key go on getting such events.
#[utoipa::path(delete, path = "/api/v1/event-types/{eventTypeId}", tag = "event types",
    params(("eventTypeId" = Uuid, Path, description = "The event type.")), responses(
    (status = 204, description = "It is deleted."),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn delete_event_type(
    State(state): State<ApiState>,
    vendor: Vendor,
    Ids(id): Ids<EventTypeId>,
) -> Result<StatusCode, ApiError> {
    match state.store().delete_event_type(vendor.environment_id, id).await? {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err(ApiError::not_found("event type")),
    }
}

fn category(id: Option<CategoryId>, name: Option<String>) -> Result<Option<CategoryRef>, ApiError> {
    match (id, name) {
        (Some(_), Some(_)) => Err(ApiError::value("/category", "`categoryId` and `category` exclude each other")),
        (Some(id), None) => Ok(Some(CategoryRef::Id(id))),
        (None, Some(name)) => Ok(Some(CategoryRef::Name(rules::name("/category", name)?))),
        (None, None) => Ok(None),
    }
}

fn schema(json: Box<RawValue>) -> Result<String, ApiError> {
    if !json.get().starts_with('{') {
        return Err(ApiError::value("/schema", "is a JSON object"));
    }
    Ok(String::from(Box::<str>::from(json)))
}

fn sample(json: Box<RawValue>) -> Result<String, ApiError> {
    Payload::parse(json.get()).map_err(|error| of_payload("/sample", &error))?;
    Ok(String::from(Box::<str>::from(json)))
}

/// The event type, where it is so now.
pub(crate) fn put(outcome: PutEventType) -> Result<Arc<Stored>, ApiError> {
    match outcome {
        PutEventType::Put(event_type) => Ok(event_type),
        PutEventType::NoSuchEnvironment => Err(ApiError::not_found("environment")),
        PutEventType::NotFound => Err(ApiError::not_found("event type")),
        PutEventType::NoSuchCategory => Err(ApiError::value("/categoryId", "names no category of this environment")),
        PutEventType::KeyTaken => {
            Err(ApiError::at(Code::Conflict, "/key", "the environment has an event type of that key"))
        }
        PutEventType::LimitReached => {
            Err(ApiError::new(Code::LimitReached, "the environment has as many event types as it can have"))
        }
    }
}
