//! The few calls of the native API that prepare a measurement. Not used while one runs.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    error::{Error, Result},
    event,
    signature::WEBHOOK_SECRET,
};

/// The client id of the environment that the server is started with.
pub(crate) const CLIENT_ID: &str = "0b8e1c5a-52f7-4a53-9d5e-6f1f2a3b4c5d";
/// Its secret.
pub(crate) const CLIENT_SECRET: &str = "benchmark-secret-6f1f2a3b4c5d0b8e1c5a52f74a53";

fn webhook(tenant: &str, url: &str) -> Value {
    json!({
        "displayName": "benchmark",
        "url": url,
        "eventKeys": [event::EVENT_KEY],
        "secret": WEBHOOK_SECRET,
        "tenantId": tenant,
    })
}

type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// A vendor's session with the server.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: HttpClient,
    server: SocketAddr,
    token: String,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

#[derive(Deserialize)]
struct Webhook {
    id: String,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// `running`, or why it does not.
    pub(crate) state: String,
    /// Deliveries that it has made.
    pub(crate) done: u64,
}

#[derive(Deserialize)]
struct Series {
    total: Total,
}

#[derive(Deserialize)]
struct Total {
    delivered: u64,
    failed: u64,
    discarded: u64,
}

/// A page of a list, of which only the ids matter here.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) items: Vec<Listed>,
}

/// A row of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Listed {
    pub(crate) id: String,
}

#[derive(Deserialize)]
struct Batch {
    events: Vec<Accepted>,
}

#[derive(Deserialize)]
struct Accepted {
    deliveries: u64,
}

/// What the server said to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchAnswer {
    Accepted {
        deliveries: u64,
    },
    /// 503: the server asks to come back later.
    Busy,
}

impl Api {
    /// Signs in with the bootstrap credential.
    pub(crate) async fn sign_in(server: SocketAddr) -> Result<Self> {
        let mut api = Self { client: client(), server, token: String::new() };
        let credential = json!({ "clientId": CLIENT_ID, "secret": CLIENT_SECRET });
        let answer: Token = api.call("/auth/vendor", credential.to_string().into()).await?;
        api.token = answer.token;
        Ok(api)
    }

    /// The token for the generator's own requests.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Subscribes `url` to the events of `tenant`. Returns the webhook's id.
    pub(crate) async fn create_webhook(&self, tenant: &str, url: &str) -> Result<String> {
        self.create(webhook(tenant, url)).await
    }

    /// Subscribes `url` to the tenant's benchmark events, all of which its filter lets through, with a payload of its own. Returns the
    /// webhook's id.
    pub(crate) async fn create_shaped_webhook(&self, tenant: &str, url: &str) -> Result<String> {
        let mut webhook = webhook(tenant, url);
        webhook["filter"] = event::FILTER.into();
        webhook["payload"] = json!({ "template": event::TEMPLATE });
        self.create(webhook).await
    }

    /// Subscribes `url` to the tenant's benchmark events, each of which it is sent once. Returns the webhook's id.
    pub(crate) async fn create_webhook_without_retries(&self, tenant: &str, url: &str) -> Result<String> {
        let mut webhook = webhook(tenant, url);
        webhook["retryPolicy"] = json!({ "delaysInSeconds": [] });
        self.create(webhook).await
    }

    /// Disables a webhook: what matches it from now on is discarded.
    pub(crate) async fn disable(&self, webhook: &str) -> Result<()> {
        let path = format!("/api/v1/webhooks/{webhook}");
        let off = json!({ "isActive": false });
        let _webhook: Value = self.answer(&path, self.request(Method::PATCH, &path, off.to_string().into())?).await?;
        Ok(())
    }

    /// How many deliveries of the tenant's events have ended in the last 24 hours.
    pub(crate) async fn ended(&self, tenant: &str) -> Result<u64> {
        let Series { total: Total { delivered, failed, discarded } } =
            self.get(&format!("/api/v1/statistics?tenantId={tenant}")).await?;
        Ok(delivered + failed + discarded)
    }

    /// What a path of the API answers.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.answer(path, self.request(Method::GET, path, Bytes::new())?).await
    }

    async fn create(&self, webhook: Value) -> Result<String> {
        let webhook: Webhook = self.call("/api/v1/webhooks", webhook.to_string().into()).await?;
        Ok(webhook.id)
    }

    /// Begins to replay everything to a webhook, so many a second.
    pub(crate) async fn replay(&self, webhook: &str, rate: u32) -> Result<Job> {
        let job = json!({
            "kind": "replay",
            "webhookIds": [webhook],
            "from": "2000-01-01T00:00:00Z",
            "ratePerSecond": rate,
        });
        let path = "/api/v1/jobs";
        let mut request = self.request(Method::POST, path, job.to_string().into())?;
        request.headers_mut().insert("idempotency-key", HeaderValue::from_static("replay"));
        self.answer(path, request).await
    }

    /// How far a job has come.
    pub(crate) async fn job(&self, id: &str) -> Result<Job> {
        self.get(&format!("/api/v1/jobs/{id}")).await
    }

    /// How long it takes to get an answer to that, all of it.
    pub(crate) async fn time_to_get(&self, path: &str) -> Result<Duration> {
        let request = self.request(Method::GET, path, Bytes::new())?;
        let start = Instant::now();
        let response = self.client.request(request).await.map_err(|error| failed(path, error))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| failed(path, error))?.to_bytes();
        if !status.is_success() {
            let body = String::from_utf8_lossy(&body).into_owned();
            return Err(Error::Answer { what: format!("GET {path}"), status: status.as_u16(), body });
        }
        Ok(start.elapsed())
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>> {
        Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.server))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Full::new(body))
            .map_err(|error| failed(path, error))
    }

    /// Reports `count` events of `tenant` in one batch.
    pub(crate) async fn report(&self, tenant: &str, count: u64) -> Result<BatchAnswer> {
        let events: Vec<_> = (0..count).map(|number| event::body(tenant, number)).collect();
        let body = format!("[{}]", events.join(","));
        match self.call::<Batch>("/api/v1/events/batch", body.into()).await {
            Ok(batch) => {
                Ok(BatchAnswer::Accepted { deliveries: batch.events.iter().map(|event| event.deliveries).sum() })
            }
            Err(Error::Answer { status: 503, .. }) => Ok(BatchAnswer::Busy),
            Err(error) => Err(error),
        }
    }

    async fn call<T: DeserializeOwned>(&self, path: &str, body: Bytes) -> Result<T> {
        self.answer(path, self.request(Method::POST, path, body)?).await
    }

    async fn answer<T: DeserializeOwned>(&self, path: &str, request: Request<Full<Bytes>>) -> Result<T> {
        let method = request.method().clone();
        let response = self.client.request(request).await.map_err(|error| failed(path, error))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| failed(path, error))?.to_bytes();
        if !status.is_success() {
            let body = String::from_utf8_lossy(&body).into_owned();
            return Err(Error::Answer { what: format!("{method} {path}"), status: status.as_u16(), body });
        }
        serde_json::from_slice(&body).map_err(|error| failed(path, error))
    }
}

/// Whether `server` answers that it is ready.
pub(crate) async fn is_ready(server: SocketAddr) -> bool {
    let uri = format!("http://{server}/readyz").parse().expect("an address makes a URI");
    client().get(uri).await.is_ok_and(|response| response.status().is_success())
}

fn client() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

fn failed(path: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Request { what: format!("a call of {path}"), source: error.into() }
}
