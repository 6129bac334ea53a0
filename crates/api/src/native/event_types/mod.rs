//! Event types: what an environment's events are called and mean.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::body::{EventContext, Payload, compose};
use postrider_core::catalogue::{SAMPLE_TENANT, SAMPLE_USER};
use postrider_core::event::EventKey;
use postrider_core::event_type::{Audience, Deprecation, EventType as Stored, SchemaMode};
use postrider_core::permission::Permission;
use postrider_core::source::Source;
use postrider_core::{CategoryId, EnvironmentId, EventTypeId, Timestamp};
use postrider_shape::schema::{Schema, SchemaError};
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

mod asyncapi;
pub(crate) mod export;
pub(crate) mod import;
mod openapi;
pub(crate) mod schemas;

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
    /// Which of its schemas that is, counted from 1; 0: it never had one.
    schema_version: u32,
    /// What becomes of events that the schema does not allow: `off`, they are not held against it; `warn`, they are accepted and what
    /// is wrong is noted; `reject`, they are refused.
    schema_mode: SchemaModeName,
    /// A sample of the payload: the members beside `eventKey` and `eventContext`.
    #[schema(value_type = Option<Object>)]
    sample: Option<Box<RawValue>>,
    /// Whether tenants see it, and their webhooks can get its events.
    is_visible_to_tenants: bool,
    /// Since when it should no longer be used; `null`: it is in use. Its events are accepted and delivered as before.
    deprecated_at: Option<Time>,
    /// The key of the event type that takes its place.
    replaced_by: Option<String>,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl EventType {
    fn new(event_type: &Stored, categories: &HashMap<CategoryId, String>) -> Result<Self, ApiError> {
        let replaced_by = event_type.deprecation.as_ref().and_then(|deprecation| deprecation.replaced_by.as_ref());
        Ok(Self {
            id: event_type.id.as_uuid(),
            key: event_type.key.as_str().to_owned(),
            category_id: event_type.category_id.as_uuid(),
            category: categories.get(&event_type.category_id).cloned().unwrap_or_default(),
            display_name: event_type.display_name.clone(),
            description: event_type.description.clone(),
            schema: event_type.schema.as_ref().map(|schema| raw(schema.as_str().as_bytes())).transpose()?,
            schema_version: event_type.schema_version,
            schema_mode: event_type.schema_mode.into(),
            sample: event_type.sample.as_ref().map(|sample| raw(sample.as_bytes())).transpose()?,
            is_visible_to_tenants: event_type.audience == Audience::Everybody,
            deprecated_at: event_type.deprecation.as_ref().map(|deprecation| deprecation.at.into()),
            replaced_by: replaced_by.map(|key| key.as_str().to_owned()),
            created_at: event_type.created_at.into(),
            updated_at: event_type.updated_at.into(),
        })
    }
}

/// [`SchemaMode`] on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SchemaMode)]
pub(crate) enum SchemaModeName {
    /// Events are not held against the schema.
    Off,
    /// They are accepted, and what is wrong with them is noted.
    Warn,
    /// They are refused.
    Reject,
}

impl From<SchemaMode> for SchemaModeName {
    fn from(mode: SchemaMode) -> Self {
        match mode {
            SchemaMode::Off => Self::Off,
            SchemaMode::Warn => Self::Warn,
            SchemaMode::Reject => Self::Reject,
        }
    }
}

impl From<SchemaModeName> for SchemaMode {
    fn from(mode: SchemaModeName) -> Self {
        match mode {
            SchemaModeName::Off => Self::Off,
            SchemaModeName::Warn => Self::Warn,
            SchemaModeName::Reject => Self::Reject,
        }
    }
}

/// The event types that the caller may know of, by key.
pub(crate) fn visible(state: &ApiState, member: &Member) -> Vec<Arc<Stored>> {
    let mut event_types = state.directory().event_types(member.environment_id);
    if member.tenant.is_some() {
        event_types.retain(|event_type| event_type.audience == Audience::Everybody);
    }
    event_types
}

fn category_names(state: &ApiState, environment_id: EnvironmentId) -> HashMap<CategoryId, String> {
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
    /// What becomes of events that the schema does not allow; `off` where it is left out.
    schema_mode: Option<SchemaModeName>,
    /// A sample of the payload: the members beside `eventKey` and `eventContext`. The schema has to allow it.
    #[schema(value_type = Option<Object>)]
    sample: Option<Box<RawValue>>,
    /// Whether tenants see it, and their webhooks can get its events; true where it is left out.
    is_visible_to_tenants: Option<bool>,
    /// Since when it should no longer be used.
    deprecated_at: Option<Time>,
    /// The key of the event type that takes its place. Without `deprecatedAt` it is deprecated now.
    replaced_by: Option<String>,
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
    /// What becomes of events that the schema does not allow.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = SchemaModeName, required = false)]
    schema_mode: Option<SchemaModeName>,
    /// A sample of the payload; `null`: none. The schema has to allow it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    sample: Given<Box<RawValue>>,
    /// Whether tenants see it, and their webhooks can get its events.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    is_visible_to_tenants: Option<bool>,
    /// Since when it should no longer be used; `null`: it is in use.
    #[serde(default)]
    #[schema(value_type = Option<Time>)]
    deprecated_at: Given<Time>,
    /// The key of the event type that takes its place; `null`: none does. Without `deprecatedAt` it is deprecated now.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    replaced_by: Given<String>,
}

/// List event types
///
/// All of them, with categories, schemas and samples. The built-in ones are there from the start. A tenant's user gets those that
/// tenants may see.
#[utoipa::path(get, path = "/api/v1/event-types", tag = "event types", responses(
    (status = 200, description = "The event types.", body = Page<EventType>)))]
pub(crate) async fn list_event_types(
    State(state): State<ApiState>,
    member: Member,
) -> Result<Answer<Page<EventType>>, ApiError> {
    member.require(Permission::ReadEvents)?;
    let categories = category_names(&state, member.environment_id);
    let event_types = visible(&state, &member);
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
    let event_types = visible(&state, &member);
    let event_type = event_types.iter().find(|event_type| event_type.id == id);
    let event_type = event_type.ok_or_else(|| ApiError::not_found("event type"))?;
    Ok(Answer(EventType::new(event_type, &category_names(&state, member.environment_id))?))
}

/// Create an event type
///
/// It is a word for people and for category subscriptions: events of keys without an event type are taken in, too. With a schema and
/// the mode `warn` or `reject` events are held against it.
#[utoipa::path(post, path = "/api/v1/event-types", tag = "event types", request_body = Form, responses(
    (status = 201, description = "The event type.", body = EventType),
    (status = 409, description = "There is one of that key, or as many as there can be.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem)))]
pub(crate) async fn create_event_type(
    State(state): State<ApiState>,
    vendor: Vendor,
    Json(form): Json<Form>,
) -> Result<(StatusCode, Answer<EventType>), ApiError> {
    let category = category(&state, vendor.environment_id, form.category_id, form.category)?;
    let new = NewEventType {
        environment_id: vendor.environment_id,
        key: rules::event_type_key("/key", &form.key)?,
        display_name: rules::name("/displayName", form.display_name)?,
        description: rules::description("/description", form.description)?,
        category: category.unwrap_or_else(|| CategoryRef::Name(DEFAULT_CATEGORY.to_owned())),
        schema: form.schema.map(schema).transpose()?,
        schema_mode: form.schema_mode.map_or_else(SchemaMode::default, Into::into),
        sample: form.sample.map(sample).transpose()?,
        audience: form.is_visible_to_tenants.map_or_else(Audience::default, audience),
        deprecation: deprecation(None, given(form.deprecated_at), given(form.replaced_by), state.now())?.value(),
    };
    check_mode(new.schema.as_ref(), new.schema_mode)?;
    check_sample(vendor.environment_id, &new.key, new.schema.as_ref(), new.sample.as_deref())?;
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
    let event_types = state.directory().event_types(vendor.environment_id);
    let before = event_types.iter().find(|event_type| event_type.id == id);
    let before = before.ok_or_else(|| ApiError::not_found("event type"))?;
    let patch = EventTypePatch {
        display_name: form.display_name.map(|text| rules::name("/displayName", text)).transpose()?,
        description: form.description.map(|text| rules::description("/description", text)).transpose()?,
        category: category(&state, vendor.environment_id, form.category_id, form.category)?,
        schema: match form.schema {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(json) => Some(Some(schema(json)?)),
        },
        schema_mode: form.schema_mode.map(Into::into),
        sample: match form.sample {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(json) => Some(Some(sample(json)?)),
        },
        audience: form.is_visible_to_tenants.map(audience),
        deprecation: match deprecation(before.deprecation.as_ref(), form.deprecated_at, form.replaced_by, state.now())?
        {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(deprecation) => Some(Some(deprecation)),
        },
    };
    let schema = patch.schema.as_ref().unwrap_or(&before.schema).as_ref();
    check_mode(schema, patch.schema_mode.unwrap_or(before.schema_mode))?;
    // What was right is not judged again, so that an old event type can be renamed.
    if patch.schema.is_some() || patch.sample.is_some() {
        let sample = patch.sample.as_ref().unwrap_or(&before.sample).as_deref();
        check_sample(vendor.environment_id, &before.key, schema, sample)?;
    }
    let event_type = put(state.store().update_event_type(vendor.environment_id, id, patch).await?)?;
    Ok(Answer(EventType::new(&event_type, &category_names(&state, vendor.environment_id))?))
}

/// Delete an event type
///
/// Webhooks that subscribe to its key go on getting such events. One that was not visible to tenants stays hidden from them: its key is
/// open to tenants only once there is an event type of that key again that is.
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

fn category(
    state: &ApiState,
    environment_id: EnvironmentId,
    id: Option<CategoryId>,
    name: Option<String>,
) -> Result<Option<CategoryRef>, ApiError> {
    match (id, name) {
        (Some(_), Some(_)) => Err(ApiError::value("/category", "`categoryId` and `category` exclude each other")),
        (Some(id), None) => Ok(Some(CategoryRef::Id(id))),
        (None, Some(name)) => {
            Ok(Some(CategoryRef::Name(rules::category_name(state, environment_id, "/category", name)?)))
        }
        (None, None) => Ok(None),
    }
}

fn given<T>(value: Option<T>) -> Given<T> {
    value.map_or(Given::Absent, Given::Value)
}

fn audience(is_visible_to_tenants: bool) -> Audience {
    if is_visible_to_tenants { Audience::Everybody } else { Audience::Vendor }
}

/// The deprecation as a request gives it, over the one there is.
fn deprecation(
    before: Option<&Deprecation>,
    deprecated_at: Given<Time>,
    replaced_by: Given<String>,
    now: Timestamp,
) -> Result<Given<Deprecation>, ApiError> {
    let replaced_by = match replaced_by {
        Given::Absent => None,
        Given::Null => Some(None),
        Given::Value(key) => Some(Some(EventKey::parse(&key).map_err(|error| ApiError::value("/replacedBy", error))?)),
    };
    let at = match (deprecated_at, &replaced_by) {
        (Given::Null, Some(Some(_))) => {
            return Err(ApiError::value("/replacedBy", "is of an event type that is deprecated"));
        }
        (Given::Null, _) => return Ok(Given::Null),
        (Given::Absent, None) => return Ok(Given::Absent),
        (Given::Absent, Some(None)) if before.is_none() => return Ok(Given::Absent),
        (Given::Absent, Some(_)) => before.map_or(now, |before| before.at),
        (Given::Value(at), _) => at.0,
    };
    let replaced_by = replaced_by.unwrap_or_else(|| before.and_then(|before| before.replaced_by.clone()));
    Ok(Given::Value(Deprecation { at, replaced_by }))
}

/// A schema that events can be held against.
fn schema(json: Box<RawValue>) -> Result<Source, ApiError> {
    let source = Source::new(Box::<str>::from(json));
    Schema::of(&source).map_err(|error| of_schema("/schema", &error))?;
    Ok(source)
}

/// Why a schema is refused that stands at that place.
fn of_schema(at: &str, error: &SchemaError) -> ApiError {
    let place = match error {
        SchemaError::Remote { at, .. }
        | SchemaError::Dangling { at, .. }
        | SchemaError::Unsupported { at, .. }
        | SchemaError::Endless { at, .. }
        | SchemaError::Refused { at, .. } => at.trim_end_matches('/'),
        _ => "",
    };
    ApiError::value(format!("{at}{place}"), error)
}

fn check_mode(schema: Option<&Source>, mode: SchemaMode) -> Result<(), ApiError> {
    if schema.is_none() && mode != SchemaMode::Off {
        return Err(ApiError::value("/schemaMode", "is `off` for an event type without a schema"));
    }
    Ok(())
}

/// The body that a sample makes, with the tenant and the user of all samples.
pub(crate) fn sample_body(environment_id: EnvironmentId, key: &EventKey, sample: &Payload<'_>) -> bytes::Bytes {
    // As composing names the provisioner for events of SCIM.
    let user_id = (!key.as_str().starts_with("frontegg.scim.")).then_some(SAMPLE_USER);
    let context =
        EventContext { vendor_id: environment_id, tenant_id: Some(SAMPLE_TENANT), user_id, application_id: None };
    compose(key.as_str(), &context, sample)
}

/// Refuses a sample that the schema does not allow.
fn check_sample(
    environment_id: EnvironmentId,
    key: &EventKey,
    schema: Option<&Source>,
    sample: Option<&str>,
) -> Result<(), ApiError> {
    let (Some(schema), Some(sample)) = (schema, sample) else { return Ok(()) };
    let schema = Schema::of(schema).map_err(|error| of_schema("/schema", &error))?;
    let sample = Payload::parse(sample).map_err(|error| of_payload("/sample", &error))?;
    let mut violations = schema.violations(&sample_body(environment_id, key, &sample));
    // Whom samples are about is no part of them.
    violations.retain(|violation| !violation.at.starts_with("/eventContext"));
    if violations.is_empty() {
        return Ok(());
    }
    let issues = violations.into_iter().map(|violation| (format!("/sample{}", violation.at), violation.message));
    Err(ApiError::several(Code::InvalidValue, "the schema does not allow the sample", issues))
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
