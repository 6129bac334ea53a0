//! Whether the process lives, and whether it should be sent work. For load balancers and supervisors; no token is needed.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header;
use postrider_store::AcceptBatch;

use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// `GET /healthz`: the process answers. It says nothing of the store: a restart would not help a full disk.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the store's writer commits. A batch without events goes the way of every other and is written, so a writer that is
/// stuck, stopping or without room on the disk is found out.
pub(crate) async fn readyz(State(state): State<ApiState>) -> Result<&'static str, ApiError> {
    state.store().accept(AcceptBatch::default()).await?;
    Ok("ok\n")
}

/// `GET /metrics`: what the binary's exporter renders.
pub(crate) async fn metrics(State(state): State<ApiState>) -> Result<Response, ApiError> {
    let render = state.options().metrics.as_ref();
    let render = render.ok_or_else(|| ApiError::new(Code::RouteNotFound, "metrics are switched off"))?;
    let media_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((media_type, render()).into_response())
}
