//! `POST /api/v1/event-types/import`
//!
//! What a document leaves out stays as it is, event types that it does not name among it; so importing twice is importing once.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Request, State};
use postrider_core::event_type::{Audience, Deprecation, EventType as Stored, SchemaMode};
use postrider_core::limits::IMPORT_BYTES;
use postrider_core::source::Source;
use postrider_core::{CategoryId, EnvironmentId, Timestamp};
use postrider_store::{CategoryRef, ChangeEventTypes, EventTypeChange, EventTypePatch, NewEventType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::auth::caller::Vendor;
use crate::body;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Params;
use crate::native::event_types::openapi::{self, Described, Own};
use crate::native::event_types::{
    DEFAULT_CATEGORY, audience, category_names, check_mode, check_sample, deprecation, given, sample, schema,
};
use crate::native::wire::Given;
use crate::rules;
use crate::state::ApiState;

/// Problems of a document that are told at once.
const PROBLEMS: usize = 50;
/// Bytes of schemas and samples that may come of a document, in which many may refer to one: twice as many as it can have itself.
const IMPORTED_BYTES: usize = 2 * IMPORT_BYTES;

/// Whether to import.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// Only say what would be made and changed.
    dry_run: Option<bool>,
}

/// What an import makes and changes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Import {
    /// Whether nothing was written.
    dry_run: bool,
    /// Keys of event types that are made.
    created: Vec<String>,
    /// Event types that are changed.
    updated: Vec<ImportedChange>,
    /// Keys of event types that are as the document has them.
    unchanged: Vec<String>,
}

/// An event type that an import changes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportedChange {
    /// Its key.
    key: String,
    /// The members that are different.
    changes: Vec<&'static str>,
}

/// Import event types
///
/// From the `webhooks` of an OpenAPI 3.1 document in JSON, at most 8 MiB: one event type for each, made or changed, all or none. The
/// webhook's name is the key; the operation's summary the display name, its description the description, its first tag the category;
/// the JSON schema of the request's body the schema, and its first example the sample. What the document leaves out stays. References
/// within the document are followed; none is ever fetched.
#[utoipa::path(post, path = "/api/v1/event-types/import", tag = "event types", params(ImportQuery),
    request_body(content = Object, content_type = "application/json", description = "The OpenAPI document."), responses(
    (status = 200, description = "What was made and changed.", body = Import),
    (status = 400, description = "The body cannot be read.", body = Problem),
    (status = 409, description = "There would be more event types than there can be, or they were changed meanwhile.",
        body = Problem),
    (status = 413, description = "The document is larger than 8 MiB.", body = Problem),
    (status = 422, description = "The document cannot be imported; `errors` has JSON pointers into it.", body = Problem)))]
pub(crate) async fn import_event_types(
    State(state): State<ApiState>,
    vendor: Vendor,
    Params(query): Params<ImportQuery>,
    request: Request,
) -> Result<Answer<Import>, ApiError> {
    let (head, request_body) = request.into_parts();
    let read = body::read(&state, &head, request_body, IMPORT_BYTES).await?;
    let document: Value = serde_json::from_str(read.text()?).map_err(|error| body::of_json(&error))?;
    let described = openapi::read(&document).map_err(|(at, detail)| ApiError::value(at, detail))?;
    let there = state.directory().event_types(vendor.environment_id);
    let there: HashMap<&str, &Arc<Stored>> =
        there.iter().map(|event_type| (event_type.key.as_str(), event_type)).collect();
    let categories = category_names(&state, vendor.environment_id);
    let mut import =
        Import { dry_run: query.dry_run.unwrap_or(false), created: vec![], updated: vec![], unchanged: vec![] };
    let mut changes = Vec::new();
    let mut problems = Vec::new();
    let mut room = IMPORTED_BYTES;
    for described in described {
        // Compiling a schema takes its time.
        tokio::task::yield_now().await;
        let described = match described {
            Ok(described) => described,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let at = described.at.clone();
        let key = described.key.clone();
        let change = match there.get(key.as_str()) {
            None => created(&state, vendor.environment_id, described).map(Change::Create),
            Some(event_type) => updated(&state, event_type, &categories, described).map(|(patch, names)| {
                if names.is_empty() { Change::None } else { Change::Update(event_type.id, patch, names) }
            }),
        };
        match change {
            Ok(Change::Create(new)) => {
                take_room(&mut room, new.schema.as_ref(), new.sample.as_deref())?;
                import.created.push(key);
                changes.push(EventTypeChange::Create(new));
            }
            Ok(Change::Update(id, patch, names)) => {
                let (schema, sample) = (patch.schema.as_ref(), patch.sample.as_ref());
                take_room(&mut room, schema.and_then(Option::as_ref), sample.and_then(|sample| sample.as_deref()))?;
                import.updated.push(ImportedChange { key, changes: names });
                changes.push(EventTypeChange::Update(id, patch));
            }
            Ok(Change::None) => import.unchanged.push(key),
            Err(error) => problems.extend(error.places().map(|(place, detail)| (format!("{at}{place}"), detail))),
        }
        if problems.len() > PROBLEMS {
            break;
        }
    }
    if !problems.is_empty() {
        problems.truncate(PROBLEMS);
        return Err(ApiError::several(Code::InvalidValue, "the document cannot be imported", problems));
    }
    if !import.dry_run && !changes.is_empty() {
        match state.store().change_event_types(vendor.environment_id, changes).await? {
            ChangeEventTypes::Changed => {}
            ChangeEventTypes::LimitReached => {
                let detail = "the environment would have more event types than it can have";
                return Err(ApiError::new(Code::LimitReached, detail));
            }
            ChangeEventTypes::Overtaken => {
                return Err(ApiError::new(Code::Conflict, "event types were changed meanwhile; import again"));
            }
        }
    }
    Ok(Answer(import))
}

/// Takes what an event type has from the room that there is for all of a document.
fn take_room(room: &mut usize, schema: Option<&Source>, sample: Option<&str>) -> Result<(), ApiError> {
    let bytes = schema.map_or(0, |schema| schema.as_str().len()) + sample.map_or(0, str::len);
    let detail = || {
        let detail =
            format!("with all that they refer to, the schemas and examples have more than {IMPORTED_BYTES} bytes");
        ApiError::value("/webhooks", format!("{detail}; import fewer at once"))
    };
    *room = room.checked_sub(bytes).ok_or_else(detail)?;
    Ok(())
}

enum Change {
    None,
    Create(NewEventType),
    Update(postrider_core::EventTypeId, EventTypePatch, Vec<&'static str>),
}

fn text_of(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a JSON value can be written as JSON")
}

/// The deprecation that a document describes, over the one there is.
fn deprecation_of(
    before: Option<&Deprecation>,
    is_deprecated: Option<bool>,
    own: &Own,
    now: Timestamp,
) -> Result<Given<Deprecation>, ApiError> {
    // Who says since when, or what comes instead, says that it is deprecated.
    let is_told = own.deprecated_at.is_some() || matches!(own.replaced_by, Given::Value(_));
    match is_deprecated.or(is_told.then_some(true)) {
        None => Ok(Given::Absent),
        Some(false) => Ok(Given::Null),
        Some(true) => {
            let at = own.deprecated_at.or_else(|| before.is_none().then_some(now.into()));
            deprecation(before, given(at), own.replaced_by.clone(), now)
        }
    }
}

fn created(state: &ApiState, environment_id: EnvironmentId, described: Described) -> Result<NewEventType, ApiError> {
    let own = &described.own;
    let key = rules::event_type_key("", &described.key)?;
    let category = described.category.unwrap_or_else(|| DEFAULT_CATEGORY.to_owned());
    let new = NewEventType {
        environment_id,
        display_name: rules::name("/summary", described.display_name.unwrap_or_else(|| key.as_str().to_owned()))?,
        description: rules::description("/description", described.description.unwrap_or_default())?,
        category: CategoryRef::Name(rules::category_name(state, environment_id, "/tags/0", category)?),
        schema: described.schema.map(|value| schema(text_of(&value))).transpose()?,
        schema_mode: own.schema_mode.map_or_else(SchemaMode::default, Into::into),
        sample: described.sample.map(|value| sample(text_of(&value))).transpose()?,
        audience: own.is_visible_to_tenants.map_or_else(Audience::default, audience),
        deprecation: deprecation_of(None, described.is_deprecated, own, state.now())?.value(),
        key,
    };
    check_mode(new.schema.as_ref(), new.schema_mode)?;
    check_sample(environment_id, &new.key, new.schema.as_ref(), new.sample.as_deref())?;
    Ok(new)
}

/// What is different, and the names of it.
fn updated(
    state: &ApiState,
    before: &Stored,
    categories: &HashMap<CategoryId, String>,
    described: Described,
) -> Result<(EventTypePatch, Vec<&'static str>), ApiError> {
    let mut names = Vec::new();
    let mut patch = EventTypePatch::default();
    if let Some(name) = described.display_name.filter(|name| *name != before.display_name) {
        patch.display_name = Some(rules::name("/summary", name)?);
        names.push("displayName");
    }
    if let Some(description) = described.description.filter(|description| *description != before.description) {
        patch.description = Some(rules::description("/description", description)?);
        names.push("description");
    }
    if let Some(category) = described.category.filter(|name| categories.get(&before.category_id) != Some(name)) {
        let name = rules::category_name(state, before.environment_id, "/tags/0", category)?;
        patch.category = Some(CategoryRef::Name(name));
        names.push("category");
    }
    if let Some(value) = described.schema
        && before.schema.as_ref().is_none_or(|before| !is_same(before, &value))
    {
        patch.schema = Some(Some(schema(text_of(&value))?));
        names.push("schema");
    }
    if let Some(value) = described.sample {
        let new = sample(text_of(&value))?;
        let known = before.sample.as_deref().and_then(|sample| openapi::meaning(before, sample));
        if known.is_none() || known != openapi::meaning(before, &new) {
            patch.sample = Some(Some(new));
            names.push("sample");
        }
    }
    if let Some(mode) = described.own.schema_mode.map(SchemaMode::from).filter(|mode| *mode != before.schema_mode) {
        patch.schema_mode = Some(mode);
        names.push("schemaMode");
    }
    if let Some(audience) = described.own.is_visible_to_tenants.map(audience).filter(|new| *new != before.audience) {
        patch.audience = Some(audience);
        names.push("isVisibleToTenants");
    }
    let (former, now) = (before.deprecation.as_ref(), state.now());
    let deprecation = match deprecation_of(former, described.is_deprecated, &described.own, now)? {
        Given::Absent => before.deprecation.clone(),
        given => given.value(),
    };
    if deprecation != before.deprecation {
        patch.deprecation = Some(deprecation);
        names.push("deprecatedAt");
    }
    let schema = patch.schema.as_ref().unwrap_or(&before.schema).as_ref();
    check_mode(schema, patch.schema_mode.unwrap_or(before.schema_mode))?;
    if patch.schema.is_some() || patch.sample.is_some() {
        let sample = patch.sample.as_ref().unwrap_or(&before.sample).as_deref();
        check_sample(before.environment_id, &before.key, schema, sample)?;
    }
    Ok((patch, names))
}

fn is_same(before: &Source, schema: &Value) -> bool {
    serde_json::from_str::<Value>(before.as_str()).is_ok_and(|before| before == *schema)
}
