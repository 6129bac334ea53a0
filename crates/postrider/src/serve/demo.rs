//! `serve --demo`: a receiver on loopback that verifies and prints what it gets, its webhook, and sample events to fill it.
//!
//! The demo is a caller like any other: it speaks to the server over the control socket. Its receiver's exact address is all that it
//! lets through the guard. The webhook is deleted when the server stops; one that a killed server left behind is taken over.
//!
//! Samples tell of users that do not exist, and go to every webhook of the environment: where it has others when the demo starts, none
//! are sent.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use http::{HeaderMap, Method, StatusCode};
use postrider_core::signature::{Secret, verify_jwt, verify_standard};
use postrider_core::{Clock as _, EnvironmentId, EventId, limits};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::{Client, Target};
use crate::commands::trigger::Posted;
use crate::failure::Failure;
use crate::output::{BAD, DOUBTFUL, FAINT, Form, GOOD, STRONG, styled, tame};
use crate::system::{SystemClock, SystemEntropy};

/// Time between two sample events: enough to read a line.
const PACE: Duration = Duration::from_secs(3);
/// By these two the demo knows its own webhook again.
const NAME: &str = "Demo receiver";
const DESCRIPTION: &str = "Made by `postrider serve --demo`, deleted when that stops.";
/// The tenants that samples are about, in turn.
const TENANTS: [&str; 2] = ["acme", "globex"];
/// How far a request's timestamp may be off: the receiver shares the server's clock.
const TOLERANCE: Duration = Duration::from_mins(5);

/// The receiver's socket, before anything is received.
#[derive(Debug)]
pub(crate) struct Receiver {
    listener: TcpListener,
    address: SocketAddr,
}

impl Receiver {
    /// Takes a free port on loopback.
    pub(crate) async fn bind() -> Result<Self, Failure> {
        let wrong = |error| Failure::said(format!("the demo's receiver cannot listen: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A running demo.
#[derive(Debug)]
pub(crate) struct Demo {
    client: Client,
    webhook: String,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Demo {
    /// Subscribes the receiver and begins to send samples to that environment.
    pub(crate) async fn start(
        receiver: Receiver,
        data_dir: &Path,
        environment: EnvironmentId,
        form: Form,
    ) -> Result<Self, Failure> {
        let client = Client::connect(Target::socket_in(data_dir, Some(environment))).await?;
        let secret = Secret::generate(&SystemEntropy);
        let url = format!("http://{}/", receiver.address);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let router = Router::new().fallback(receive).with_state(Arc::new(Verifier { secret: secret.clone(), form }));
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(async move {
            if let Err(error) = axum::serve(receiver.listener, router).with_graceful_shutdown(stopped).await {
                tracing::warn!(error = %error, "the demo's receiver ended");
            }
        });
        let webhook = subscribe(&client, &url, &secret).await?;
        let others = others(&client, &webhook).await?;
        introduce(&url, others, form)?;
        if others == 0 {
            let samples = samples(&client).await?;
            tasks.spawn(send_samples(client.clone(), samples, stop.clone()));
        }
        Ok(Self { client, webhook, tasks, stop })
    }

    /// Ends it, and takes its webhook away.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if let Err(failure) =
            self.client.call(Method::DELETE, &format!("/api/v1/webhooks/{}", self.webhook), None).await
        {
            tracing::warn!(error = failure.message(), "the demo's webhook could not be deleted");
        }
    }
}

fn introduce(url: &str, others: usize, form: Form) -> Result<(), Failure> {
    form.print(&json!({"demo": {"receiver": url, "otherWebhooks": others}}), || {
        let samples = match others {
            0 => format!(
                "A sample event is sent every {} seconds, also to webhooks that are made from now on; Ctrl-C stops.",
                PACE.as_secs()
            ),
            others => format!(
                "{}, as {others} other active {} of this environment would get it, too: switch {} off and start again, or give the \
                 demo a --data-dir of its own. Ctrl-C stops.",
                styled(DOUBTFUL, "No sample event is sent"),
                if others == 1 { "webhook" } else { "webhooks" },
                if others == 1 { "it" } else { "them" },
            ),
        };
        format!(
            "\n{}: a receiver on {url} is subscribed to everything and checks what it gets.\n{samples}\n",
            styled(STRONG, "Demo")
        )
    })?;
    Ok(())
}

/// How many webhooks besides the demo's would get samples as well.
async fn others(client: &Client, own: &str) -> Result<usize, Failure> {
    let webhooks = client.list("/api/v1/webhooks").await?;
    Ok(webhooks.iter().filter(|webhook| webhook["id"] != own && webhook["isActive"] == true).count())
}

/// Makes the demo's webhook, or takes over the one that is there; its id.
async fn subscribe(client: &Client, url: &str, secret: &Secret) -> Result<String, Failure> {
    let webhooks = client.list("/api/v1/webhooks").await?;
    let own = webhooks.iter().find(|webhook| webhook["displayName"] == NAME && webhook["description"] == DESCRIPTION);
    let webhook = if let Some(id) = own.and_then(|webhook| webhook["id"].as_str()) {
        let patch = json!({"url": url, "secret": secret.expose(), "isActive": true});
        client.call(Method::PATCH, &format!("/api/v1/webhooks/{id}"), Some(patch)).await?
    } else {
        let new = json!({
            "displayName": NAME,
            "description": DESCRIPTION,
            "url": url,
            "secret": secret.expose(),
            "eventKeys": ["*"],
        });
        client.call(Method::POST, "/api/v1/webhooks", Some(new)).await?
    };
    webhook["id"].as_str().map(str::to_owned).ok_or_else(|| Failure::said("the demo's webhook was made without an id"))
}

/// A sample of each event type that has one.
async fn samples(client: &Client) -> Result<Vec<(String, Box<RawValue>)>, Failure> {
    let event_types = client.list("/api/v1/event-types").await?;
    let samples = event_types.iter().filter_map(|event_type| {
        let sample = Some(&event_type["sample"]).filter(|sample| sample.is_object())?;
        let payload = serde_json::value::to_raw_value(sample).expect("a JSON value can be written as JSON");
        Some((event_type["key"].as_str()?.to_owned(), payload))
    });
    Ok(samples.collect())
}

async fn send_samples(client: Client, samples: Vec<(String, Box<RawValue>)>, stop: CancellationToken) {
    let mut pace = tokio::time::interval(PACE);
    for ((event_key, payload), tenant) in samples.iter().cycle().zip(TENANTS.iter().cycle()) {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = pace.tick() => {}
        }
        let event = Posted { event_key, tenant_id: Some(tenant), user_id: None, application_id: None, payload };
        let sent = client.request(Method::POST, "/api/v1/events").json(&event);
        if let Err(failure) = client.send(sent).await {
            tracing::warn!(error = failure.message(), "a sample event was not accepted");
        }
    }
}

/// What the receiver knows.
struct Verifier {
    secret: Secret,
    form: Form,
}

async fn receive(State(verifier): State<Arc<Verifier>>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    // The composed body has the envelope besides the event as posted.
    let Ok(body) = to_bytes(body, 2 * limits::EVENT_BYTES).await else { return StatusCode::PAYLOAD_TOO_LARGE };
    let verdict = verifier.check(&head.headers, &body);
    if verifier.print(&head.headers, &body, verdict.as_ref().err().map(String::as_str)).is_err() {
        // Nobody reads the output any more; the request is answered all the same.
        tracing::debug!("standard output is closed");
    }
    if verdict.is_ok() { StatusCode::NO_CONTENT } else { StatusCode::UNAUTHORIZED }
}

impl Verifier {
    /// Checks both signatures, as a careful receiver does.
    fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let now = SystemClock.now();
        verify_jwt(header("x-webhook-secret"), &self.secret, now)
            .map_err(|error| format!("x-webhook-secret: {error}"))?;
        verify_standard(
            header("webhook-id"),
            header("webhook-timestamp"),
            header("webhook-signature"),
            body,
            &self.secret,
            now,
            TOLERANCE,
        )
        .map_err(|error| format!("webhook-signature: {error}"))
    }

    fn print(&self, headers: &HeaderMap, body: &[u8], problem: Option<&str>) -> std::io::Result<()> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Envelope {
            event_key: String,
            event_context: Value,
        }
        let id = headers.get("webhook-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (key, tenant) = match serde_json::from_slice::<Envelope>(body) {
            Ok(envelope) => (envelope.event_key, envelope.event_context["tenantId"].as_str().unwrap_or("-").to_owned()),
            Err(_) => ("(no event)".to_owned(), "-".to_owned()),
        };
        // The id tells when the event was accepted, by this machine's clock.
        let took = id.parse::<EventId>().map(|id| SystemClock.now().since(id.made_at()));
        let received = json!({
            "received": {"eventId": id, "eventKey": key, "tenantId": tenant, "verified": problem.is_none(), "problem": problem},
        });
        self.form.print(&received, || {
            let took = took.map(|took| format!("{:.1} ms", took.as_secs_f64() * 1_000.0)).unwrap_or_default();
            let verdict = match problem {
                None => styled(GOOD, "both signatures right"),
                Some(problem) => styled(BAD, problem),
            };
            let (key, tenant) = (tame(&key), tame(&tenant));
            format!(
                "received {key:<40} {tenant:<8} {verdict}  {}",
                styled(FAINT, format_args!("{took} after acceptance, {id}"))
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use postrider_core::signature::SigningKey;

    use super::*;

    #[test]
    fn the_receiver_accepts_what_is_signed_and_nothing_else() {
        let secret = Secret::generate(&SystemEntropy);
        let verifier = Verifier { secret: secret.clone(), form: Form::Text };
        let (now, key) = (SystemClock.now(), SigningKey::new(&secret));
        let id = EventId::new(now, &SystemEntropy);
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: String| headers.insert(name, value.parse().unwrap());
        set("x-webhook-secret", key.jwt(now));
        set("webhook-id", id.to_string());
        set("webhook-timestamp", now.as_seconds().to_string());
        set("webhook-signature", key.standard(id, now, b"{}"));
        assert_eq!(verifier.check(&headers, b"{}"), Ok(()));
        assert!(verifier.check(&headers, b"{ }").unwrap_err().starts_with("webhook-signature"));
        headers.remove("x-webhook-secret");
        assert!(verifier.check(&headers, b"{}").unwrap_err().starts_with("x-webhook-secret"));
    }
}
