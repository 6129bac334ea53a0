//! Reading paths and queries, with errors in the shape of the API.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Query, Request, State};
use axum::extract::{Path, RawPathParams};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{Method, Uri};
use serde::de::DeserializeOwned;
use url::form_urlencoded;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn, Paths};

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
                Some((name, detail)) => ApiError::at(Code::InvalidParameter, name, expected(detail)),
                None => ApiError::new(Code::InvalidParameter, why),
            }
        })
    }
}

/// What is expected, where the parser of numbers and truth values does not say so.
fn expected(detail: &str) -> &str {
    match detail {
        "invalid digit found in string" | "cannot parse integer from empty string" => "is a whole number, in digits",
        "number too large to fit in target type" => "is too large a number",
        "provided string was not `true` or `false`" => "is `true` or `false`",
        detail => detail,
    }
}

/// The calls that take no parameters in a query, as their documentation has it: the methods of each path.
#[derive(Debug, Clone)]
pub(crate) struct WithoutParams(Arc<HashMap<String, Vec<Method>>>);

impl WithoutParams {
    pub(crate) fn of(paths: &Paths) -> Self {
        let calls = paths.paths.iter().map(|(path, item)| {
            let operations = [
                (Method::GET, &item.get),
                (Method::PUT, &item.put),
                (Method::POST, &item.post),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            let methods = operations.into_iter().filter_map(|(method, operation)| {
                let takes_none = operation.as_ref().is_some_and(|operation| !takes_params(operation));
                takes_none.then_some(method)
            });
            (path.clone(), methods.collect::<Vec<_>>())
        });
        Self(Arc::new(calls.collect()))
    }

    fn contain(&self, request: &Request) -> bool {
        let path = request.extensions().get::<MatchedPath>().map_or_else(|| request.uri().path(), MatchedPath::as_str);
        // What answers `GET` answers `HEAD`.
        let method = request.method();
        let is_meant = |known: &Method| known == method || (known == Method::GET && method == Method::HEAD);
        self.0.get(path).is_some_and(|methods| methods.iter().any(is_meant))
    }
}

fn takes_params(operation: &Operation) -> bool {
    operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
        RefOr::Ref(_) => true,
    })
}

/// Surrounds the calls: refuses parameters where a call takes none, as [`Params`] refuses those that its call does not know. What was meant
/// by one is not done, and a call that is made all the same may be worse than none: `DELETE` with `?dryRun=true` deletes.
pub(crate) async fn refuse_params(
    State(calls): State<WithoutParams>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if request.uri().query().is_some() && calls.contain(&request) {
        no_params(request.uri())?;
    }
    Ok(next.run(request).await)
}

/// Refuses a query that has parameters.
pub(crate) fn no_params(uri: &Uri) -> Result<(), ApiError> {
    let Some(query) = uri.query() else { return Ok(()) };
    match form_urlencoded::parse(query.as_bytes()).next() {
        Some((name, _)) => Err(ApiError::at(Code::InvalidParameter, name, "this call takes no parameters")),
        None => Ok(()),
    }
}
