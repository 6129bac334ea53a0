//! `GET /api/v1/event-types/export`

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header;
use postrider_core::permission::Permission;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::auth::caller::Member;
use crate::error::{ApiError, Problem};
use crate::extract::Params;
use crate::native::event_types::{asyncapi, category_names, openapi, visible};
use crate::state::ApiState;

/// Which document.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `openapi` where it is left out.
    #[param(inline)]
    format: Option<Format>,
}

/// A kind of document.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Format {
    /// OpenAPI 3.1: each event type is one of its `webhooks`.
    #[default]
    Openapi,
    /// AsyncAPI 3.0: each event type is a message.
    Asyncapi,
}

/// Export event types
///
/// As a document that other programs make pages and code from. One in OpenAPI can be imported again, and changes nothing then. A
/// tenant's user gets the event types that tenants may see.
#[utoipa::path(get, path = "/api/v1/event-types/export", tag = "event types", params(ExportQuery), responses(
    (status = 200, description = "The document.", content_type = "application/json", body = Object),
    (status = 400, description = "A parameter cannot be read.", body = Problem)))]
pub(crate) async fn export_event_types(
    State(state): State<ApiState>,
    member: Member,
    Params(query): Params<ExportQuery>,
) -> Result<Response, ApiError> {
    member.require(Permission::ReadEvents)?;
    let environment = state.directory().environment(member.environment_id);
    let title =
        environment.map_or_else(|| "Events".to_owned(), |environment| format!("Events of {}", environment.name));
    let event_types = visible(&state, &member);
    let categories = category_names(&state, member.environment_id);
    let document = match query.format.unwrap_or_default() {
        Format::Openapi => openapi::document(&title, &event_types, &categories),
        Format::Asyncapi => asyncapi::document(&title, &event_types, &categories),
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], document).into_response())
}
