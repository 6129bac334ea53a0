//! Reading events. The vendor's alone: an event may concern a tenant and yet not be for its eyes.

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::event::{EventKey, SchemaNote, TenantId};
use postrider_core::{EventId, Timestamp};
use postrider_store::{DeliveryFilter, EventFilter, EventRow, PageRequest};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::auth::caller::Vendor;
use crate::error::{ApiError, Code, Issue, Problem};
use crate::extract::{Ids, Params};
use crate::native::deliveries::{Delivery, deliveries_page, last_answer, state_kinds};
use crate::native::wire::{self, Page, SearchPage, Time};
use crate::state::ApiState;

/// An event in a list: all but its body.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "`eventKey` is the word on the wire")]
pub(crate) struct Event {
    /// Its id; `webhook-id` on every attempt.
    id: Uuid,
    /// What happened.
    event_key: String,
    /// The tenant it concerns.
    tenant_id: Option<String>,
    /// The user it concerns.
    user_id: Option<String>,
    /// The application it concerns.
    application_id: Option<String>,
    /// When it happened, as the producer says.
    occurred_at: Option<Time>,
    /// When it was accepted.
    accepted_at: Time,
    /// Webhooks that matched when it was accepted.
    deliveries: u32,
    /// The length of its body.
    body_bytes: usize,
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id.as_uuid(),
            event_key: row.key.as_str().to_owned(),
            tenant_id: row.tenant_id.map(|id| id.as_str().to_owned()),
            user_id: row.user_id.map(|id| id.as_str().to_owned()),
            application_id: row.application_id.map(|id| id.as_str().to_owned()),
            occurred_at: row.occurred_at.map(Into::into),
            accepted_at: row.accepted_at.into(),
            deliveries: row.deliveries,
            body_bytes: row.body_bytes,
        }
    }
}

/// An event with its body.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WholeEvent {
    /// Its id; `webhook-id` on every attempt.
    id: Uuid,
    /// What happened.
    event_key: String,
    /// The tenant it concerns.
    tenant_id: Option<String>,
    /// The user it concerns.
    user_id: Option<String>,
    /// The application it concerns.
    application_id: Option<String>,
    /// When it happened, as the producer says.
    occurred_at: Option<Time>,
    /// When it was accepted.
    accepted_at: Time,
    /// The body that is delivered, byte for byte.
    #[schema(value_type = Object)]
    body: Box<RawValue>,
    /// Webhooks that subscribe to it and whose filters did not let it through: those that could not tell first, at most 100.
    filtered: Vec<Filtered>,
    /// All of them.
    filtered_count: u32,
    /// What the schema of its event type does not allow about it; `null`: nothing, or it was not held against one.
    schema_mismatch: Option<SchemaMismatch>,
}

/// A webhook whose filter did not let an event through.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Filtered {
    /// The webhook.
    webhook_id: Uuid,
    /// Why the filter could not tell; `null`: it said no.
    error: Option<String>,
}

/// How an event differs from what the schema of its event type allows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaMismatch {
    /// Which schema of the event type.
    version: u32,
    /// What is wrong, at most 20. `at` is a JSON pointer into the body.
    errors: Vec<Issue>,
}

impl From<SchemaNote> for SchemaMismatch {
    fn from(note: SchemaNote) -> Self {
        let errors = note.violations.into_iter().map(|violation| Issue::new(violation.at, violation.message));
        Self { version: note.version, errors: errors.collect() }
    }
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// Of that key.
    event_key: Option<String>,
    /// Of that tenant.
    tenant_id: Option<String>,
    /// Accepted at this moment or later, RFC 3339.
    from: Option<String>,
    /// Accepted before this moment, RFC 3339.
    to: Option<String>,
    /// Whether any webhook matched.
    matched: Option<bool>,
    /// With a delivery to that webhook. This, `state` and `statusCode` are meant of one and the same delivery.
    webhook_id: Option<String>,
    /// With a delivery in that state: `pending`, `retrying`, `delivered`, `failed` or `discarded`; several with commas between.
    state: Option<String>,
    /// With a delivery whose last attempt came to that: a status code, a class of them (`2xx` to `5xx`), or `none`.
    status_code: Option<String>,
    /// With that id, or with one that begins so: 4 hexadecimal digits at least.
    id: Option<String>,
    /// With that text in the body, ASCII letters in either case: 2 to 200 characters.
    text: Option<String>,
    /// Rows of the page: 1 to 250, 50 where it is left out.
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl EventQuery {
    /// What one of an event's deliveries is to be like.
    fn delivery(&self) -> Result<Option<DeliveryFilter>, ApiError> {
        let webhook = wire::id("webhookId", self.webhook_id.as_deref())?;
        let states = self.state.as_deref().map(state_kinds).transpose()?.unwrap_or_default();
        let answer = self.status_code.as_deref().map(last_answer).transpose()?;
        let matters = webhook.is_some() || !states.is_empty() || answer.is_some();
        Ok(matters.then(|| DeliveryFilter { webhook, states, answer, ..DeliveryFilter::default() }))
    }
}

/// The moment that a parameter names, an end of a range.
pub(crate) fn moment(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    text.map(Timestamp::parse_bound).transpose().map_err(|error| ApiError::at(Code::InvalidParameter, name, error))
}

/// The range that the parameters `from` and `to` name, either end of which may be open.
pub(crate) fn range(from: Option<&str>, to: Option<&str>) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
    let (from, to) = (moment("from", from)?, moment("to", to)?);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(ApiError::at(Code::InvalidParameter, "from", "must not be after `to`"));
    }
    Ok((from, to))
}

/// The event key that a parameter names.
pub(crate) fn event_key(text: Option<&str>) -> Result<Option<EventKey>, ApiError> {
    let key = text.map(EventKey::parse).transpose();
    key.map_err(|error| ApiError::at(Code::InvalidParameter, "eventKey", error))
}

/// The tenant that a parameter names.
pub(crate) fn tenant(text: Option<&str>) -> Result<Option<TenantId>, ApiError> {
    let tenant = text.map(TenantId::parse).transpose();
    tenant.map_err(|error| ApiError::at(Code::InvalidParameter, "tenantId", error))
}

/// List events
///
/// Newest first, those that matched no webhook included. All filters combine. A search that finds little looks at a part of the list
/// and says how far it came: go on with `nextCursor`.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(EventQuery), responses(
    (status = 200, description = "A page of events.", body = SearchPage<Event>),
    (status = 400, description = "A parameter cannot be read, or the range ends before it begins.", body = Problem),
    (status = 429, description = "With `text`: too many costly calls of the caller are under way.", body = Problem)))]
pub(crate) async fn list_events(
    State(state): State<ApiState>,
    vendor: Vendor,
    Params(query): Params<EventQuery>,
) -> Result<Answer<SearchPage<Event>>, ApiError> {
    let (from, to) = range(query.from.as_deref(), query.to.as_deref())?;
    let filter = EventFilter {
        event_key: event_key(query.event_key.as_deref())?,
        tenant: tenant(query.tenant_id.as_deref())?,
        from,
        to,
        matched: query.matched,
        ids: wire::ids(query.id.as_deref())?.map(|(first, last)| (EventId::from_uuid(first), EventId::from_uuid(last))),
        delivery: query.delivery()?,
        text: wire::text(query.text)?,
    };
    let page = PageRequest { limit: wire::page_rows(query.limit)?, before: wire::cursor(query.cursor.as_deref())? };
    // A text is looked for in bodies, and few can be read at a time.
    let _turn = match filter.text {
        Some(_) => Some(state.dear_turn_of(vendor).await?),
        None => None,
    };
    let page = state.store().events(vendor.environment_id, filter, page).await?;
    Ok(Answer(SearchPage {
        items: page.rows.into_iter().map(Into::into).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
        searched_until: page.next.map(|id| id.made_at().into()),
    }))
}

/// Get an event
///
/// With its body, and with what is noted of it: webhooks that it did not reach because of their filters, and what its schema does not
/// allow.
#[utoipa::path(get, path = "/api/v1/events/{eventId}", tag = "events",
    params(("eventId" = Uuid, Path, description = "The event.")), responses(
    (status = 200, description = "The event.", body = WholeEvent),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn get_event(
    State(state): State<ApiState>,
    vendor: Vendor,
    Ids(id): Ids<EventId>,
) -> Result<Answer<WholeEvent>, ApiError> {
    let event = state.store().event(vendor.environment_id, id).await?.ok_or_else(|| ApiError::not_found("event"))?;
    let notes = state.store().event_notes(vendor.environment_id, id).await?.unwrap_or_default();
    let filtered = notes.filtered.into_iter();
    Ok(Answer(WholeEvent {
        id: event.id.as_uuid(),
        event_key: event.key.as_str().to_owned(),
        tenant_id: event.tenant_id.map(|id| id.as_str().to_owned()),
        user_id: event.user_id.map(|id| id.as_str().to_owned()),
        application_id: event.application_id.map(|id| id.as_str().to_owned()),
        occurred_at: event.occurred_at.map(Into::into),
        accepted_at: event.accepted_at.into(),
        body: raw(&event.body)?,
        filtered: filtered.map(|f| Filtered { webhook_id: f.webhook_id.as_uuid(), error: f.error }).collect(),
        filtered_count: notes.filtered_count,
        schema_mismatch: notes.schema.map(Into::into),
    }))
}

/// A stored body as JSON.
pub(crate) fn raw(body: &[u8]) -> Result<Box<RawValue>, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::caused(Code::Internal, "a stored body is not JSON", error))
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Rows of the page: 1 to 250, 50 where it is left out.
    pub(crate) limit: Option<usize>,
    /// The `nextCursor` of the page before.
    pub(crate) cursor: Option<String>,
}

/// List the deliveries of an event
///
/// Resends included, newest first.
#[utoipa::path(get, path = "/api/v1/events/{eventId}/deliveries", tag = "events",
    params(("eventId" = Uuid, Path, description = "The event."), PageQuery), responses(
    (status = 200, description = "A page of deliveries.", body = Page<Delivery>),
    (status = 404, description = "There is no event of that id within reach.", body = Problem)))]
pub(crate) async fn list_deliveries_of_event(
    State(state): State<ApiState>,
    vendor: Vendor,
    Ids(id): Ids<EventId>,
    Params(query): Params<PageQuery>,
) -> Result<Answer<Page<Delivery>>, ApiError> {
    let page = PageRequest { limit: wire::page_rows(query.limit)?, before: wire::cursor(query.cursor.as_deref())? };
    if state.store().event(vendor.environment_id, id).await?.is_none() {
        return Err(ApiError::not_found("event"));
    }
    let filter = DeliveryFilter { event: Some(id), ..DeliveryFilter::default() };
    deliveries_page(&state, vendor.environment_id, filter, page).await.map(Answer)
}
