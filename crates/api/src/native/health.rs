//! Whether the process lives, and whether it should be sent work. For load balancers and supervisors; no token is needed.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header;
use postrider_core::limits::READINESS_KEPT;
use postrider_store::AcceptBatch;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// `GET /healthz`: the process answers. It says nothing of the store: a restart would not help a full disk.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the store's writer commits, as was found last.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Result<(), ApiError>)>>);

impl Readiness {
    /// What was found of late, or is found now. One looks at a time; whoever asks meanwhile waits for what it finds.
    async fn found(&self, state: &ApiState) -> Result<(), ApiError> {
        let mut last = self.0.lock().await;
        if let Some((at, found)) = &*last
            && at.elapsed() < READINESS_KEPT
        {
            return found.clone();
        }
        let found = state.store().accept(AcceptBatch::default()).await.map(drop).map_err(ApiError::from);
        *last = Some((Instant::now(), found.clone()));
        found
    }
}

/// `GET /readyz`: the store's writer commits. A batch without events goes the way of every other and is written, so a writer that is
/// stuck, stopping or without room on the disk is found out, within a second.
pub(crate) async fn readyz(State(state): State<ApiState>) -> Result<&'static str, ApiError> {
    state.readiness().found(&state).await?;
    Ok("ok\n")
}

/// `GET /metrics`: what the binary's exporter renders.
pub(crate) async fn metrics(State(state): State<ApiState>) -> Result<Response, ApiError> {
    let render = state.options().metrics.as_ref();
    let render = render.ok_or_else(|| ApiError::new(Code::RouteNotFound, "metrics are switched off"))?;
    let media_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((media_type, render()).into_response())
}
