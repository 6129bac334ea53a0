//! Categories of event types. `"<name>.*"` subscribes to all of one.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::CategoryId;
use postrider_core::event_type::{Audience, Category as Stored};
use postrider_core::permission::Permission;
use postrider_store::{DeleteCategory, PutCategory};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::{Member, Vendor};
use crate::body::Json;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Ids;
use crate::native::wire::{Page, Time};
use crate::rules;
use crate::state::ApiState;

/// A group of event types.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Category {
    /// Its id.
    id: Uuid,
    /// Its name.
    name: String,
    /// When it was made.
    created_at: Time,
    /// When it was last changed.
    updated_at: Time,
}

impl From<&Stored> for Category {
    fn from(category: &Stored) -> Self {
        Self {
            id: category.id.as_uuid(),
            name: category.name.clone(),
            created_at: category.created_at.into(),
            updated_at: category.updated_at.into(),
        }
    }
}

/// A category's name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CategoryName {
    /// Its name, unique in the environment.
    name: String,
}

/// The categories that the caller may know of, by name. A tenant does not see one in which everything is for the vendor alone.
pub(crate) fn visible_categories(state: &ApiState, member: &Member) -> Vec<Arc<Stored>> {
    let mut categories = state.directory().categories(member.environment_id);
    if member.tenant.is_some() {
        let event_types = state.directory().event_types(member.environment_id);
        categories.retain(|category| {
            let mut within = event_types.iter().filter(|t| t.category_id == category.id).peekable();
            within.peek().is_none() || within.any(|event_type| event_type.audience == Audience::Everybody)
        });
    }
    categories
}

/// List categories
#[utoipa::path(get, path = "/api/v1/categories", tag = "event types", responses(
    (status = 200, description = "The categories.", body = Page<Category>)))]
pub(crate) async fn list_categories(
    State(state): State<ApiState>,
    member: Member,
) -> Result<Answer<Page<Category>>, ApiError> {
    member.require(Permission::ReadEventCategories)?;
    let categories = visible_categories(&state, &member);
    Ok(Answer(Page { items: categories.iter().map(|category| (&**category).into()).collect(), next_cursor: None }))
}

/// Create a category
#[utoipa::path(post, path = "/api/v1/categories", tag = "event types", request_body = CategoryName, responses(
    (status = 201, description = "The category.", body = Category),
    (status = 409, description = "There is one of that name.", body = Problem)))]
pub(crate) async fn create_category(
    State(state): State<ApiState>,
    vendor: Vendor,
    Json(new): Json<CategoryName>,
) -> Result<(StatusCode, Answer<Category>), ApiError> {
    let name = rules::category_name(&state, vendor.environment_id, "/name", new.name)?;
    let category = put(state.store().create_category(vendor.environment_id, name).await?)?;
    Ok((StatusCode::CREATED, Answer((&*category).into())))
}

/// Rename a category
///
/// Subscriptions by the old name match nothing any more, save keys that begin like it.
#[utoipa::path(patch, path = "/api/v1/categories/{categoryId}", tag = "event types",
    params(("categoryId" = Uuid, Path, description = "The category.")), request_body = CategoryName, responses(
    (status = 200, description = "The category as it is now.", body = Category),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 409, description = "There is another of that name.", body = Problem)))]
pub(crate) async fn rename_category(
    State(state): State<ApiState>,
    vendor: Vendor,
    Ids(id): Ids<CategoryId>,
    Json(new): Json<CategoryName>,
) -> Result<Answer<Category>, ApiError> {
    let name = rules::category_name(&state, vendor.environment_id, "/name", new.name)?;
    let category = put(state.store().rename_category(vendor.environment_id, id, name).await?)?;
    Ok(Answer((&*category).into()))
}

/// Delete a category
///
/// Only an empty one: move or delete its event types first.
#[utoipa::path(delete, path = "/api/v1/categories/{categoryId}", tag = "event types",
    params(("categoryId" = Uuid, Path, description = "The category.")), responses(
    (status = 204, description = "It is deleted."),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 409, description = "Event types stand in it.", body = Problem)))]
pub(crate) async fn delete_category(
    State(state): State<ApiState>,
    vendor: Vendor,
    Ids(id): Ids<CategoryId>,
) -> Result<StatusCode, ApiError> {
    match state.store().delete_category(vendor.environment_id, id).await? {
        DeleteCategory::Deleted(_) => Ok(StatusCode::NO_CONTENT),
        DeleteCategory::NotFound => Err(ApiError::not_found("category")),
        DeleteCategory::NotEmpty => {
            Err(ApiError::new(Code::Conflict, "event types stand in the category; move or delete them first"))
        }
    }
}

fn put(outcome: PutCategory) -> Result<Arc<Stored>, ApiError> {
    match outcome {
        PutCategory::Put(category) => Ok(category),
        PutCategory::NoSuchEnvironment => Err(ApiError::not_found("environment")),
        PutCategory::NotFound => Err(ApiError::not_found("category")),
        PutCategory::NameTaken => Err(ApiError::at(Code::Conflict, "/name", "another category has that name")),
    }
}
