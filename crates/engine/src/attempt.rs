//! An attempt: the request, what came of it, and its record.
//!
//! Invariants: the body that is signed is the body that is sent; a slot is given back whatever becomes of the attempt; what was given
//! up is not recorded, so the delivery waits as before.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use postrider_core::attempt::{Attempt, AttemptResult, FailureKind, KeptHeaders, Outcome, Timings};
use postrider_core::delivery;
use postrider_core::event::Event;
use postrider_core::limits::{RESPONSE_BODY_KEPT, RESPONSE_HEADERS_KEPT, TEST_PATIENCE};
use postrider_core::retry::parse_retry_after;
use postrider_core::signature::{Secret, Signing};
use postrider_core::webhook::{Scope, Webhook};
use postrider_core::{AttemptId, DeliveryId, EnvironmentId, EventId, Timestamp};
use postrider_egress::{Answer, Exchange, OutboundRequest, PoolScope, Repeat, SendError};
use postrider_store::Settlement;
use tokio::time::Instant;

use crate::compiled::RenderError;
use crate::dispatch::Core;
use crate::scheduler::{Launch, Ready, Signal, Standing};
use crate::shaping::Unmade;
use crate::signing::Signer;
use crate::tokens::Asking;
use crate::{TestError, TestReport, TestRequest};

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const ACCEPTED: HeaderValue = HeaderValue::from_static("application/json, text/plain, */*");
const PRODUCT: HeaderValue = HeaderValue::from_static(concat!("Postrider/", env!("CARGO_PKG_VERSION")));
pub(crate) const TRACE_ID: HeaderName = HeaderName::from_static("frontegg-trace-id");
pub(crate) const SECRET_JWT: HeaderName = HeaderName::from_static("x-webhook-secret");
pub(crate) const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
pub(crate) const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
pub(crate) const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What the values of an attempt's own headers take: two ids, a moment, and a signature by a secret.
const VALUES_BYTES: usize = 36 + 36 + 20 + 47;

/// Gives the slot back, should the attempt end before it has a result.
struct Flight<'a> {
    core: &'a Arc<Core>,
    delivery: DeliveryId,
    landed: bool,
}

impl Flight<'_> {
    fn land(mut self) {
        self.landed = true;
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if !self.landed {
            self.core.act(|scheduler, now| scheduler.released(self.delivery, now));
        }
    }
}

impl Core {
    /// Makes an attempt, from the webhook as it is now to the record.
    pub(crate) async fn attempt(self: Arc<Self>, launch: Launch) {
        let Launch { webhook: webhook_id, delivery, at: started_at } = launch;
        let flight = Flight { core: &self, delivery: delivery.id, landed: false };
        let webhook = match self.store.directory().webhook(webhook_id) {
            Some(webhook) if webhook.status.is_active() => webhook,
            _ => {
                // Switched off at this moment: what waits is the sweep's. By now it may be on again, and the scheduler may have been
                // told so: the directory, which is ahead of such news, is asked once more where none can come in between.
                self.act(|scheduler, now| {
                    let standing = match self.store.directory().webhook(webhook_id) {
                        Some(webhook) if webhook.status.is_active() => Standing::Active,
                        Some(_) => Standing::Off,
                        None => Standing::Gone,
                    };
                    scheduler.webhook_stands(webhook_id, standing, now);
                });
                self.upkeep.notify_one();
                return;
            }
        };

        let id = AttemptId::new(started_at, &*self.entropy);
        let event = &delivery.event;
        if delivery.attempts == 0 {
            self.meters.first_attempt_after.record(started_at.since(event.accepted_at).as_secs_f64());
        }
        let signer = self.signers.of(&webhook, || self.store.directory().webhook(webhook_id).is_some());
        let request = OutboundRequest {
            method: Method::POST,
            url: webhook.url.url().clone(),
            headers: headers(id, event.id, &event.body, signer.as_deref(), started_at),
            body: event.body.clone(),
            deadline: webhook.sending.deadline.get(),
            pool: pool(webhook.environment_id, &webhook.scope),
            keep: RESPONSE_BODY_KEPT,
            // What is sent twice within an attempt would be counted once.
            repeat: if webhook.sending.rate_limit.is_some() { Repeat::IfUnsent } else { Repeat::IfUnanswered },
            identity: None,
        };
        let made = if delivery.shape.is_none() && webhook.access.is_none() {
            self.giving_up.run_until_cancelled(self.transport.send(request)).await.map(Ok)
        } else {
            // Apart, because it is seldom and large.
            let shaped = Box::pin(self.send_shaped(request, &delivery, &webhook, signer.as_deref(), started_at));
            self.giving_up.run_until_cancelled(shaped).await
        };
        let Some(made) = made else { return };

        let now = self.clock.now();
        let (outcome, exchange, problem) = match made {
            Ok(exchange) => (outcome_of(&exchange, now), Some(exchange), None),
            Err(error) => (Outcome::Unrenderable, None, Some(error.to_string())),
        };
        // What the endpoint does that the webhook had before says nothing of the one that it has now.
        let is_former = matches!(outcome, Outcome::Answered { .. } | Outcome::Failed(_))
            && !outcome.is_success()
            && self.has_moved(&webhook);
        let is_gone = matches!(outcome, Outcome::Answered { status: 410, .. });
        let outcome = if is_former && is_gone { Outcome::MovedFrom } else { outcome };
        let signal = if is_former { Signal::Nothing } else { Signal::of(&outcome, &webhook.sending.retry) };
        let fault_of_ours = match exchange.as_ref().map(|exchange| &exchange.result) {
            Some(Err(SendError::Ours { message, .. })) => Some(message.clone()),
            _ => None,
        };
        self.meters.attempted(&outcome);
        if let Some(exchange) = &exchange {
            self.meters.attempt_duration.record(exchange.timings.total.as_secs_f64());
        }
        let (attempts, fault) = (delivery.attempts, delivery.fault);
        let step = delivery::next(attempts, fault, &outcome, &webhook.sending.retry, now, self.entropy.unit());
        let settlement = Settlement {
            delivery: delivery.id,
            environment_id: event.environment_id,
            webhook_id,
            event: event.clone(),
            order_key: delivery.order_key,
            attempt: exchange
                .and_then(|exchange| attempt_of(id, delivery.id, step.attempts, started_at, &webhook, exchange)),
            step,
            problem,
        };
        // First the slot, then the record: the commit may be quicker than this thread.
        let jitter = self.entropy.unit();
        let mut tells = false;
        self.act(|scheduler, now| {
            scheduler.finished(delivery.id, signal, now, jitter);
            tells = fault_of_ours.is_some() && scheduler.tells_fault(webhook_id, now);
        });
        flight.land();
        if let Some(message) = fault_of_ours.filter(|_| tells) {
            tracing::warn!(webhook.id = %webhook_id, "a webhook cannot be sent to, through no fault of its endpoint: {message}");
        }
        self.store.record(settlement);
    }

    /// Whether a webhook has another URL by now than the one that was asked.
    fn has_moved(&self, asked: &Webhook) -> bool {
        self.store.directory().webhook(asked.id).is_some_and(|webhook| webhook.url != asked.url)
    }

    /// Makes an attempt whose request is not the plain one, within the deadline of the plain one. What it takes to render is nobody's
    /// deadline: it comes before.
    async fn send_shaped(
        &self,
        mut request: OutboundRequest,
        delivery: &Ready,
        webhook: &Webhook,
        signer: Option<&Signer>,
        started_at: Timestamp,
    ) -> Result<Exchange, RenderError> {
        let shaped = match self.shaped(delivery, webhook).await {
            Ok(shaped) => shaped,
            Err(Unmade::Template(error)) => return Err(error),
            Err(Unmade::Send(error)) => return Ok(unsent(error, Instant::now())),
        };
        let begun = Instant::now();
        let asking = Asking { deadline: request.deadline, pool: request.pool };
        let mut shaping = match tokio::time::timeout(request.deadline, self.shown(shaped, asking)).await {
            Ok(Ok(shaping)) => shaping,
            Ok(Err(error)) => return Ok(unsent(error, begun)),
            Err(_) => return Ok(unsent(no_token_in_time(), begun)),
        };
        request.body = shaping.content.body.clone();
        if let Some(signatures) =
            signer.and_then(|signer| signer.signatures(delivery.event.id, started_at, &request.body))
        {
            request.headers.insert(WEBHOOK_SIGNATURE, signatures);
        }
        shaping.apply(&mut request);
        request.deadline = request.deadline.saturating_sub(begun.elapsed());
        let mut exchange = self.transport.send(request).await;
        exchange.timings.total = begun.elapsed();
        if let Ok(answer) = &exchange.result {
            shaping.answered(answer.status);
        }
        Ok(exchange)
    }

    pub(crate) async fn test(&self, request: TestRequest) -> Result<TestReport, TestError> {
        let TestRequest { scope, url, secret, signing, event, deadline, draft } = request;
        let turn = tokio::time::timeout(TEST_PATIENCE, self.tests.acquire()).await;
        let _turn = turn.map_err(|_| TestError::Busy)?;
        let shaped = match draft.shaped(self, &event).await {
            Ok(shaped) => Ok(shaped),
            Err(Unmade::Template(error)) => return Err(error.into()),
            Err(Unmade::Send(error)) => Err(error),
        };
        let (begun, now) = (Instant::now(), self.clock.now());
        let signer = Signer::new(secret, signing);
        let pool = pool(event.environment_id, &scope);
        let made = match shaped {
            Ok(shaped) => {
                let shown = self.shown(shaped, Asking { deadline, pool });
                tokio::time::timeout(deadline, shown).await.unwrap_or_else(|_| Err(no_token_in_time()))
            }
            Err(error) => Err(error),
        };
        let exchange = match made {
            Ok(mut shaping) => {
                let body = shaping.content.body.clone();
                let headers = headers(AttemptId::new(now, &*self.entropy), event.id, &body, signer.as_ref(), now);
                let deadline = deadline.saturating_sub(begun.elapsed());
                let url = url.url().clone();
                let mut request = OutboundRequest {
                    method: Method::POST,
                    url,
                    headers,
                    body,
                    deadline,
                    pool,
                    keep: RESPONSE_BODY_KEPT,
                    repeat: Repeat::default(),
                    identity: None,
                };
                shaping.apply(&mut request);
                self.transport.send(request).await
            }
            Err(error) => unsent(error, begun),
        };
        Ok(TestReport { event_id: event.id, exchange })
    }

    pub(crate) fn headers_of(&self, event: &Event, secret: &Secret) -> HeaderMap {
        self.headers_with(event, &event.body, Some(secret.clone()), Signing::default())
    }

    pub(crate) fn headers_with(
        &self,
        event: &Event,
        body: &[u8],
        secret: Option<Secret>,
        signing: Signing,
    ) -> HeaderMap {
        let now = self.clock.now();
        let signer = Signer::new(secret, signing);
        headers(AttemptId::new(now, &*self.entropy), event.id, body, signer.as_ref(), now)
    }
}

pub(crate) fn pool(environment: EnvironmentId, scope: &Scope) -> PoolScope {
    PoolScope::of(environment, scope.tenant().map(postrider_core::event::TenantId::as_str))
}

/// The headers of a delivery: these, and no others besides those of HTTP itself. What is told of them later is [`crate::sent`]'s.
fn headers(attempt: AttemptId, event: EventId, body: &[u8], signer: Option<&Signer>, now: Timestamp) -> HeaderMap {
    // With room for what HTTP itself adds.
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(ACCEPT, ACCEPTED);
    headers.insert(USER_AGENT, PRODUCT);
    if let Some(jwt) = signer.and_then(|signer| signer.jwt(now)) {
        headers.insert(SECRET_JWT, jwt);
    }
    // What is of this attempt alone lies in one piece of memory: each value in one of its own would cost another when it is cloned.
    let mut text = String::with_capacity(VALUES_BYTES);
    let mut ends = [0; 3];
    text.push_str(attempt.as_uuid().hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
    ends[0] = text.len();
    text.push_str(event.as_uuid().hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
    ends[1] = text.len();
    write!(text, "{}", now.as_seconds()).expect("memory can be written to");
    ends[2] = text.len();
    if let Some(signer) = signer {
        signer.sign(event, now, body, &mut text);
    }
    let text = Bytes::from(text);
    let mut begin = 0;
    let ends = ends.into_iter().chain([text.len()]);
    for (name, end) in [TRACE_ID, WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE].into_iter().zip(ends) {
        if begin < end {
            let value = HeaderValue::from_maybe_shared(text.slice(begin..end));
            headers.insert(name, value.expect("ids, numbers and signatures are visible ASCII"));
        }
        begin = end;
    }
    headers
}

/// An exchange that did not come about.
fn unsent(error: SendError, begun: Instant) -> Exchange {
    let timings = Timings { total: begun.elapsed(), ..Timings::default() };
    Exchange { result: Err(error), timings, remote_address: None }
}

fn no_token_in_time() -> SendError {
    let message = "no token was given within the deadline".to_owned();
    SendError::Endpoint { kind: FailureKind::Authentication, message }
}

fn outcome_of(exchange: &Exchange, now: Timestamp) -> Outcome {
    match &exchange.result {
        Ok(answer) => {
            let retry_after = answer.headers.get(http::header::RETRY_AFTER);
            let retry_after = retry_after.and_then(|value| parse_retry_after(value.to_str().ok()?, now));
            Outcome::Answered { status: answer.status, retry_after }
        }
        Err(SendError::Endpoint { kind, .. }) => Outcome::Failed(*kind),
        Err(SendError::Ours { fault, .. }) => Outcome::Ours(*fault),
    }
}

/// The record of an attempt; none for a fault of our own, which is no attempt.
fn attempt_of(
    id: AttemptId,
    delivery_id: DeliveryId,
    number: u32,
    started_at: Timestamp,
    webhook: &Webhook,
    exchange: Exchange,
) -> Option<Attempt> {
    let result = match exchange.result {
        Ok(Answer { status, headers, body, body_end }) => {
            let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
            let headers = KeptHeaders::of(headers, RESPONSE_HEADERS_KEPT);
            AttemptResult::Answered { status, headers, body, body_end }
        }
        Err(SendError::Endpoint { kind, message }) => AttemptResult::Failed { kind, message },
        Err(SendError::Ours { fault, message }) => {
            // Whoever runs the server is told once a minute for all of them.
            tracing::debug!(webhook.id = %webhook.id, fault = fault.name(), message, "could not make an attempt");
            return None;
        }
    };
    Some(Attempt {
        id,
        delivery_id,
        number,
        started_at,
        result,
        url: webhook.url.as_str().to_owned(),
        settings: Some(webhook.settings),
        remote_address: exchange.remote_address,
        timings: exchange.timings,
    })
}
