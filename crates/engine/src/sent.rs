//! The requests of past attempts, as they are told later.
//!
//! Owns what follows from an attempt, its delivery and the settings that it was made from. Nothing here is a guess: what none of them says is
//! told as not kept, and an attempt whose settings are not known has no request to tell.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue};
use postrider_core::EventId;
use postrider_core::attempt::Attempt;
use postrider_core::delivery::Delivery;
use postrider_core::event::Event;
use postrider_core::request::{AuthenticationKind, HeaderMark, RequestSettings, SettingsRevision, SignatureKind};
use postrider_core::shape::{Access, CustomHeader, HeaderVisibility, Hidden, RequestMethod};
use postrider_store::StoreError;

use crate::attempt::{ACCEPTED, JSON, SECRET_JWT, TRACE_ID, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP};
use crate::compiled::{SentHeader, method_and_type};
use crate::dispatch::Core;
use crate::drafts::AtOnce;
use crate::shaping::Draft;

/// The request of an attempt, its URL and body apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRequest {
    /// What it was made from.
    pub settings: SettingsRevision,
    /// The method.
    pub method: RequestMethod,
    /// The headers, besides those of HTTP itself.
    pub headers: Vec<ToldHeader>,
    /// How it authenticated.
    pub authentication: Option<AuthenticationKind>,
    /// Whether a client certificate was shown.
    pub has_certificate: bool,
    /// How long the attempt might take.
    pub deadline: Duration,
}

/// A header of a past request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldHeader {
    /// Its name, in small letters.
    pub name: String,
    /// What is told of its value.
    pub value: ToldValue,
    /// Whether it is one of the webhook's own.
    pub is_own: bool,
}

/// What is told of a header's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToldValue {
    /// The value as it was sent.
    Text(String),
    /// It is hidden.
    Hidden,
    /// It is made afresh for each attempt with the secret or key of the webhook, and not kept: a JWT, or signatures of these schemes.
    Signature(Vec<SignatureKind>),
    /// It is not kept.
    NotKept,
}

impl SentRequest {
    /// Hides what the webhook's own headers say, as whoever may not see the webhook is not to learn it from its log.
    pub fn hide_own_headers(&mut self) {
        for header in self.headers.iter_mut().filter(|header| header.is_own) {
            header.value = ToldValue::Hidden;
        }
    }
}

impl ToldHeader {
    fn new(name: &HeaderName, value: ToldValue) -> Self {
        Self { name: name.as_str().to_owned(), value, is_own: false }
    }

    fn text(name: &HeaderName, value: impl Into<String>) -> Self {
        Self::new(name, ToldValue::Text(value.into()))
    }
}

/// Sets a header as a request's are set: in the place of one of that name, else at the end.
fn set(headers: &mut Vec<ToldHeader>, header: ToldHeader) {
    match headers.iter_mut().find(|other| other.name == header.name) {
        Some(other) => *other = header,
        None => headers.push(header),
    }
}

impl Core {
    /// The requests of a delivery's attempts, in their order; none for one whose settings are not kept.
    pub(crate) async fn sent_requests(
        &self,
        delivery: &Delivery,
        attempts: &[Attempt],
    ) -> Result<Vec<Option<SentRequest>>, StoreError> {
        let untold = vec![None; attempts.len()];
        let revisions: BTreeSet<_> = attempts.iter().filter_map(|attempt| attempt.settings).collect();
        if revisions.is_empty() {
            return Ok(untold);
        }
        let (environment, revisions) = (delivery.environment_id, revisions.into_iter().collect());
        let kept = self.store.request_settings(environment, delivery.webhook_id, revisions).await?;
        let (method, content_type) = match delivery.shape {
            None => (RequestMethod::Post, Some(JSON)),
            Some(revision) => match self.store.shape(revision).await? {
                Some(shape) => method_and_type(&shape),
                None => return Ok(untold),
            },
        };
        let own = self.own_headers(delivery, &kept).await?;
        let content_type = content_type.and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let told = |attempt: &Attempt| {
            let revision = attempt.settings?;
            let settings = kept.get(&revision)?;
            let own = own.get(&*settings.headers)?;
            Some(SentRequest {
                settings: revision,
                method,
                headers: headers(attempt, delivery.event_id, content_type.as_deref(), settings, own),
                authentication: settings.authentication,
                has_certificate: settings.has_certificate,
                deadline: settings.deadline.get(),
            })
        };
        Ok(attempts.iter().map(told).collect())
    }

    /// The headers of the webhook's own that settings name, rendered anew, which gives the same; those that are in several once.
    async fn own_headers<'s>(
        &self,
        delivery: &Delivery,
        kept: &'s HashMap<SettingsRevision, RequestSettings>,
    ) -> Result<BTreeMap<&'s [HeaderMark], Vec<ToldHeader>>, StoreError> {
        let distinct: BTreeSet<&'s [HeaderMark]> = kept.values().map(|settings| &*settings.headers).collect();
        let has_templates = distinct.iter().any(|marks| marks.iter().any(|mark| mark.value.is_some()));
        // Whoever may read a log may ask for it often, and no delivery waits for it.
        let _turn = if has_templates { Some(self.telling.of(delivery.webhook_id).await) } else { None };
        let event =
            if has_templates { self.store.event(delivery.environment_id, delivery.event_id).await? } else { None };
        let mut at_once = AtOnce::default();
        let mut own = BTreeMap::new();
        for marks in distinct {
            let rendered = match &event {
                Some(event) => self.rendered_anew(shown(marks), event, &mut at_once).await,
                None => Vec::new(),
            };
            own.insert(marks, told_headers(marks, &rendered));
        }
        Ok(own)
    }

    /// What cannot be rendered any more, by a later version, is not told.
    async fn rendered_anew(&self, headers: Vec<CustomHeader>, event: &Event, at_once: &mut AtOnce) -> Vec<SentHeader> {
        if headers.is_empty() {
            return Vec::new();
        }
        // Others come in between: each rendering may take as long as those who wait for the thread should wait at most.
        tokio::task::yield_now().await;
        let access = Arc::new(Access { headers, ..Access::default() });
        let made = match self.compile(&Draft { access, ..Draft::default() }, at_once).await {
            Ok(compiled) => self.render(None, compiled.access, event).await,
            Err(unmade) => Err(unmade),
        };
        made.map_or_else(|_| Vec::new(), |shaped| shaped.rendering.headers)
    }
}

/// The headers among them whose values are shown.
fn shown(marks: &[HeaderMark]) -> Vec<CustomHeader> {
    let shown = marks.iter().filter_map(|mark| {
        let value = Hidden::new(mark.value.as_deref()?);
        Some(CustomHeader { name: Arc::clone(&mark.name), value, visibility: HeaderVisibility::Shown })
    });
    shown.collect()
}

fn told_headers(marks: &[HeaderMark], rendered: &[SentHeader]) -> Vec<ToldHeader> {
    let told = |mark: &HeaderMark| {
        let name = mark.name.to_ascii_lowercase();
        let value = match (&mark.value, rendered.iter().find(|sent| sent.name.as_str() == name)) {
            (None, _) => ToldValue::Hidden,
            (Some(_), Some(sent)) => ToldValue::Text(visible(&sent.value)),
            (Some(_), None) => ToldValue::NotKept,
        };
        ToldHeader { name, value, is_own: true }
    };
    marks.iter().map(told).collect()
}

fn visible(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// The headers of an attempt's request.
fn headers(
    attempt: &Attempt,
    event: EventId,
    content_type: Option<&str>,
    settings: &RequestSettings,
    own: &[ToldHeader],
) -> Vec<ToldHeader> {
    let signatures: Vec<_> = settings.signatures_at(attempt.started_at).collect();
    let (jwt, signatures): (Vec<_>, Vec<_>) = signatures.into_iter().partition(|kind| *kind == SignatureKind::Jwt);
    let mut headers = Vec::with_capacity(8 + own.len());
    headers.extend(content_type.map(|content_type| ToldHeader::text(&CONTENT_TYPE, content_type)));
    headers.push(ToldHeader::text(&ACCEPT, visible(&ACCEPTED)));
    // It names the version of this program, which may be another by now.
    headers.push(ToldHeader::new(&USER_AGENT, ToldValue::NotKept));
    headers.push(ToldHeader::text(&TRACE_ID, attempt.id.to_string()));
    if !jwt.is_empty() {
        headers.push(ToldHeader::new(&SECRET_JWT, ToldValue::Signature(jwt)));
    }
    headers.push(ToldHeader::text(&WEBHOOK_ID, event.to_string()));
    headers.push(ToldHeader::text(&WEBHOOK_TIMESTAMP, attempt.started_at.as_seconds().to_string()));
    if !signatures.is_empty() {
        headers.push(ToldHeader::new(&WEBHOOK_SIGNATURE, ToldValue::Signature(signatures)));
    }
    for header in own {
        set(&mut headers, header.clone());
    }
    if settings.authentication.is_some() {
        set(&mut headers, ToldHeader::new(&AUTHORIZATION, ToldValue::Hidden));
    }
    headers
}
