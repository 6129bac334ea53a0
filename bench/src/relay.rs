//! The bare relay that the server is measured against: accepts an event over the same HTTP libraries, forwards its bytes, waits for
//! the receivers and answers. It stores nothing, signs nothing, matches nothing and repeats nothing.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
    serve::ListenerExt,
};
use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderValue, Request, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Serialize;
use uuid::Uuid;

use crate::error::{Error, Result};

struct Relay {
    client: Client<HttpConnector, Full<Bytes>>,
    receivers: Vec<Uri>,
    events: AtomicU64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    event_id: Uuid,
    deliveries: usize,
}

/// Serves at `listen` until the process is ended, and forwards each event to all `receivers`.
pub(crate) async fn serve(listen: SocketAddr, receivers: Vec<Uri>) -> Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let router = Router::new()
        .route("/readyz", get(|| async { StatusCode::OK }))
        .route("/api/v1/events", post(relay))
        .with_state(Arc::new(Relay { client, receivers, events: AtomicU64::new(0) }));
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(Error::io("listen for the relay"))?;
    // A connection on which Nagle's algorithm stays on is slower, not wrong.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await.map_err(Error::io("serve the relay"))
}

async fn relay(
    State(relay): State<Arc<Relay>>,
    body: Bytes,
) -> std::result::Result<(StatusCode, Json<Accepted>), StatusCode> {
    let number = relay.events.fetch_add(1, Ordering::Relaxed);
    let event_id = Uuid::from_u128(0x7000_8000_0000_0000_0000 | u128::from(number));
    let name = HeaderValue::try_from(event_id.to_string()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let forward = |receiver: &Uri| relay.forward(receiver.clone(), name.clone(), body.clone());
    let is_forwarded = match relay.receivers.as_slice() {
        [receiver] => forward(receiver).await,
        receivers => join_all(receivers.iter().map(forward)).await.into_iter().all(|is_forwarded| is_forwarded),
    };
    if !is_forwarded {
        return Err(StatusCode::BAD_GATEWAY);
    }
    Ok((StatusCode::ACCEPTED, Json(Accepted { event_id, deliveries: relay.receivers.len() })))
}

impl Relay {
    /// Whether the receiver answered 2XX.
    async fn forward(&self, receiver: Uri, name: HeaderValue, body: Bytes) -> bool {
        let mut request =
            Request::post(receiver).body(Full::new(body)).expect("a method and a parsed URI are a request");
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().insert("webhook-id", name);
        match self.client.request(request).await {
            // The body is read to its end, so that the connection can be used again.
            Ok(response) => response.status().is_success() && response.into_body().collect().await.is_ok(),
            Err(_) => false,
        }
    }
}
