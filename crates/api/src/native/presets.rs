//! Presets: settings for receivers that people use, to start a custom webhook from.

use axum::Json as Answer;
use axum::extract::State;
use postrider_shape::preset;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::caller::Member;
use crate::error::ApiError;
use crate::native::webhooks::shape::{HeaderForm, MethodForm, PayloadForm};
use crate::native::wire::Page;
use crate::state::ApiState;

/// Settings for a receiver, to be taken over into a webhook and changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReceiverPreset)]
pub(crate) struct Preset {
    /// Its id; stays the same.
    id: &'static str,
    /// The receiver's name.
    name: &'static str,
    /// What arrives there.
    description: &'static str,
    /// What a URL of that receiver looks like.
    url_example: &'static str,
    /// The method.
    method: MethodForm,
    /// The payload.
    payload: PayloadForm,
    /// The headers; a value of `null` is to be filled in.
    headers: Vec<HeaderForm>,
    /// What there is to know, for whoever sets it up.
    notes: &'static [String],
    /// Where the receiver documents it; none for those that are nobody's.
    documentation: Option<&'static str>,
}

/// List presets
///
/// Templates, headers and notes for receivers that people use. The one of id `basic` is what a custom payload starts with.
#[utoipa::path(get, path = "/api/v1/presets", tag = "webhooks", responses(
    (status = 200, description = "The presets.", body = Page<Preset>)))]
pub(crate) async fn list_presets(State(_): State<ApiState>, _: Member) -> Result<Answer<Page<Preset>>, ApiError> {
    let items = preset::all().iter().map(|preset| Preset {
        id: &preset.id,
        name: &preset.name,
        description: &preset.description,
        url_example: &preset.url_example,
        method: preset.method.into(),
        payload: PayloadForm {
            template: preset.template.clone(),
            content_type: preset.content_type.as_str().to_owned(),
        },
        headers: preset
            .headers
            .iter()
            .map(|header| HeaderForm {
                name: header.name.clone(),
                value: header.value.clone(),
                is_sensitive: header.is_sensitive,
            })
            .collect(),
        notes: &preset.notes,
        documentation: preset.documentation.as_deref(),
    });
    Ok(Answer(Page { items: items.collect(), next_cursor: None }))
}
