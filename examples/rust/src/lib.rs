//! What the receivers share: lets through only what Postrider signed with this webhook's secret; everything else gets 401.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use standardwebhooks::Webhook;

static SECRET: LazyLock<String> =
    LazyLock::new(|| std::env::var("WEBHOOK_SECRET").expect("set WEBHOOK_SECRET to the webhook's secret"));

/// An event that Postrider signed; a handler that takes one sees no other.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The same on every repeat.
    #[serde(skip)]
    pub webhook_id: String,
    pub event_key: String,
    pub event_context: EventContext,
    /// Absent where the event is about something else.
    pub user: Option<User>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventContext {
    pub tenant_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub created_at: Option<String>,
}

impl<S: Send + Sync> FromRequest<S> for Event {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let headers = request.headers().clone();
        // The signature covers the bytes that were sent, so they are verified before they are parsed.
        let body = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        verify(&headers, &body).map_err(|error| (StatusCode::UNAUTHORIZED, error.to_string()).into_response())?;
        let mut event: Self = serde_json::from_slice(&body)
            .map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response())?;
        event.webhook_id = text(&headers, "webhook-id").to_owned();
        Ok(event)
    }
}

fn verify(headers: &HeaderMap, body: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    #[derive(Deserialize)]
    struct Claims {}

    // A token that is valid for five minutes, as Frontegg sends it: it proves who sends, but not what is sent.
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::decode::<Claims>(text(headers, "x-webhook-secret"), &key, &validation)?;
    // Standard Webhooks: covers the id, the time and the body. After whsec_ a secret is base64; any other one is taken as it is typed.
    let webhook = if SECRET.starts_with("whsec_") {
        Webhook::new(&SECRET)?
    } else {
        Webhook::from_bytes(SECRET.clone().into_bytes())?
    };
    Ok(webhook.verify(body, headers)?)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Anything that went wrong on our side: 500, and Postrider tries again.
pub struct Failure(Box<dyn std::error::Error + Send + Sync>);

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        eprintln!("{}", self.0);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// A variable of the environment, or what stands in for it.
pub fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// Listens on `PORT`, on this machine alone: what faces the internet is a proxy with TLS.
pub async fn serve(app: Router) -> std::io::Result<()> {
    LazyLock::force(&SECRET);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", setting("PORT", "3000"))).await?;
    println!("Listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}
