//! Reading paths and queries, with errors in the shape of the API.

use std::error::Error as _;

use axum::extract::{FromRequestParts, Query};
use axum::extract::{Path, RawPathParams};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// The ids of a path, in order. A text that is no id names nothing: it is 404 like an id that is not there.
#[derive(Debug)]
pub(crate) struct Ids<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Ids<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        // Ids are read in their one form; serde would take others that UUIDs are written in.
        if let Ok(texts) = RawPathParams::from_request_parts(parts, state).await
            && texts.iter().any(|(_, text)| text.len() != 36)
        {
            return Err(ApiError::not_found("id"));
        }
        Path::from_request_parts(parts, state).await.map(|Path(ids)| Self(ids)).map_err(|_| ApiError::not_found("id"))
    }
}

/// The query as `T`. Where `T` refuses unknown members, an unknown parameter is an error.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<ApiState> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri).map(|Query(query)| Self(query)).map_err(|rejection| {
            let why = rejection.source().map_or_else(|| rejection.body_text(), ToString::to_string);
            match why.split_once(": ") {
                Some((name, detail)) => ApiError::at(Code::InvalidParameter, name, detail),
                None => ApiError::new(Code::InvalidParameter, why),
            }
        })
    }
}
