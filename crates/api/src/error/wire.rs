//! How an error looks in each of the two APIs.

use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiError, Code, Issue};

impl ApiError {
    /// The answer of the native API: RFC 9457.
    pub(crate) fn into_problem(self, request_id: &str) -> Response {
        let code = self.0.code;
        let problem = Problem {
            r#type: format!("urn:postrider:error:{}", code.name()),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            code,
            detail: self.detail().into_owned(),
            request_id: request_id.to_owned(),
            errors: self.0.issues.clone(),
        };
        let mut response = self.answer("application/problem+json", &problem);
        if let Ok(value) = HeaderValue::from_str(request_id) {
            response.headers_mut().insert("request-id", value);
        }
        response
    }

    /// The answer of the Frontegg API. It has no 422: what cannot be meant is malformed there.
    pub(crate) fn into_frontegg(self) -> Response {
        let status = match self.0.code {
            Code::InvalidValue | Code::SchemaMismatch | Code::TemplateInvalid => StatusCode::BAD_REQUEST,
            code => code.status(),
        };
        let errors = match self.0.code {
            Code::SchemaMismatch => self.0.issues.iter().map(Issue::in_words).collect(),
            _ => vec![self.detail().into_owned()],
        };
        let mut response = self.answer("application/json", &FronteggErrors { errors, status_code: status.as_u16() });
        *response.status_mut() = status;
        response
    }
}

impl Issue {
    /// The place and what is wrong there; of a request as a whole, only that.
    fn in_words(&self) -> String {
        if self.at.is_empty() { self.detail.clone() } else { format!("{} {}", self.at, self.detail) }
    }
}

/// An error of the native API, after RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// The code as a URN.
    r#type: String,
    /// What it is in a few words; the same for every occurrence of the code.
    title: String,
    /// The status of the answer.
    status: u16,
    /// What went wrong, in a word that stays the same.
    code: Code,
    /// What went wrong here.
    detail: String,
    /// Finds the request in the server's log.
    request_id: String,
    /// Each thing that is wrong, where it is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Issue>,
}

/// An error of the Frontegg API.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FronteggErrors {
    /// What went wrong, for a person.
    errors: Vec<String>,
    /// The status of the answer.
    status_code: u16,
}
