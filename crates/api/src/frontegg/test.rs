//! `POST /webhook/test`: a test of a URL, before or after a webhook is saved with it.

use axum::Json as Answer;
use axum::extract::State;
use bytes::Bytes;
use postrider_core::permission::Permission;
use postrider_core::signature::{Secret, Signing};
use postrider_engine::{Draft, RenderError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::body::Json;
use crate::error::{ApiError, Code, FronteggErrors};
use crate::frontegg::scope::Scoped;
use crate::state::ApiState;
use crate::{rules, sample};

/// What is sent, and where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggTestForm)]
pub(crate) struct Form {
    url: Option<String>,
    secret: Option<String>,
    /// Sent as it is; a sample where it is left out.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
}

/// What the endpoint answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggTestResult)]
pub(crate) struct Tested {
    /// The endpoint's status code, every 2XX but 201 told as 200; 0 where it did not answer.
    status_code: u16,
    /// The endpoint's own status code.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_status_code: Option<u16>,
    /// What it answered: its JSON, or its text as a string.
    #[schema(value_type = serde_json::Value)]
    body: Box<RawValue>,
}

#[derive(Serialize)]
struct Failure<'a> {
    message: &'a str,
}

/// Test a URL
#[utoipa::path(post, path = "/webhook/test", operation_id = "frontegg_test", tag = "frontegg", request_body = Form, responses(
    (status = 200, description = "What came of it, be it success or failure.", body = Tested),
    (status = 400, description = "A member is wrong, or this server does not send to that URL.", body = FronteggErrors),
    (status = 429, description = "As many tests are under way as can be.", body = FronteggErrors)))]
pub(crate) async fn send(
    State(state): State<ApiState>,
    scoped: Scoped,
    Json(form): Json<Form>,
) -> Result<Answer<Tested>, ApiError> {
    scoped.require(Permission::WriteWebhook)?;
    let url = form.url.ok_or_else(|| ApiError::new(Code::InvalidRequest, "url must be a string"))?;
    let url = rules::url(&state, "url", &url)?;
    // A webhook's secret may be the vendor's and shorter than a tenant's user could choose; testing with it is no choice.
    let secret = Secret::from_vendor(form.secret.as_deref().unwrap_or_default());
    let secret = secret.map_err(|error| ApiError::value("secret", error))?;
    let body = match form.payload {
        Some(payload) => Bytes::from(String::from(Box::<str>::from(payload))),
        None => sample::body(scoped.environment_id(), None)
            .ok_or_else(|| ApiError::new(Code::Internal, "the sample event is not in the catalogue"))?,
    };
    // The body as it is, as a plain webhook would get it: of a webhook's own headers and payload this call knows nothing.
    let event = sample::event(&state, scoped.environment_id(), None, sample::SAMPLE, body);
    let signed = (secret, Signing::default());
    let refused = |error: &RenderError| ApiError::template("", &error.error);
    let (_, sent) =
        sample::send(&state, &scoped.member, scoped.scope, url, signed, (event, Draft::default()), refused).await?;
    Ok(Answer(match sent.result {
        Ok(answer) => Tested {
            status_code: match answer.status {
                200 | 202..=299 => 200,
                status => status,
            },
            endpoint_status_code: Some(answer.status),
            body: json_of(&answer.body),
        },
        Err(error) => Tested {
            status_code: 0,
            endpoint_status_code: None,
            body: written(&Failure { message: &error.to_string() }),
        },
    }))
}

/// The endpoint's body as JSON: as it is where it is JSON, else as a string.
fn json_of(body: &[u8]) -> Box<RawValue> {
    serde_json::from_slice(body).unwrap_or_else(|_| written(&String::from_utf8_lossy(body)))
}

fn written(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("strings can be written as JSON")
}
