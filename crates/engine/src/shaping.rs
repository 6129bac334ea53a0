//! Requests of webhooks that send something else than the event as it is, or show something to be let in.
//!
//! Owns what is compiled of shapes and accesses, and the rule which of the two is read when: the shape by the revision that the delivery
//! keeps, the access as the webhook has it at the moment. Webhooks that have neither never come here.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method};
use postrider_core::attempt::OurFault;
use postrider_core::event::Event;
use postrider_core::limits::{HEADER_VALUE_BYTES, TEMPLATES_KEPT};
use postrider_core::shape::{
    Access, Authentication, CustomHeader, HeaderVisibility, RequestMethod, Shape, ShapeRevision, Syntax,
};
use postrider_core::webhook::Webhook;
use postrider_core::{EnvironmentId, EventId, WebhookId};
use postrider_egress::{ClientIdentity, OutboundRequest, SendError};
use postrider_shape::{Subject, Template, TemplateError};
use postrider_store::StoreError;

use crate::attempt::pool;
use crate::dispatch::Core;
use crate::scheduler::Ready;
use crate::tokens::{Asking, TokenSource};

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum Unmade {
    /// A template cannot be rendered for this event.
    Template(RenderError),
    /// Something that it needs could not be had.
    Send(SendError),
}

/// What cannot be rendered, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part}: {error}")]
pub struct RenderError {
    /// Which part.
    pub part: RenderedPart,
    /// What is wrong.
    pub error: TemplateError,
}

/// The parts of a request that are rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenderedPart {
    /// The payload.
    Payload,
    /// The header of that name.
    Header(Arc<str>),
}

impl std::fmt::Display for RenderedPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Payload => f.write_str("payload"),
            Self::Header(name) => write!(f, "header `{name}`"),
        }
    }
}

/// A request's method and body, as a shape makes them of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The method.
    pub method: RequestMethod,
    /// What the body is; none where there is no body.
    pub content_type: Option<HeaderValue>,
    /// The body.
    pub body: Bytes,
}

impl Content {
    /// A POST of an event's body.
    pub fn plain(body: Bytes) -> Self {
        let content_type = Some(HeaderValue::from_static("application/json"));
        Self { method: RequestMethod::Post, content_type, body }
    }
}

/// A shape that can be applied.
pub(crate) struct CompiledShape {
    method: RequestMethod,
    /// An old revision may be of a language that has changed since; then each of its deliveries says so.
    payload: Option<Result<Template, TemplateError>>,
    content_type: HeaderValue,
}

impl CompiledShape {
    pub(crate) fn new(shape: &Shape) -> Self {
        let payload = shape.payload.as_ref();
        let content_type = payload.and_then(|payload| HeaderValue::from_str(payload.content_type.as_str()).ok());
        Self {
            method: shape.method,
            payload: payload.map(|payload| Template::compile(&payload.template, payload.content_type.syntax())),
            content_type: content_type.unwrap_or(HeaderValue::from_static("application/json")),
        }
    }

    /// What it makes of an event, whose body is `plain`.
    pub(crate) fn content(&self, subject: &Subject, plain: &Bytes) -> Result<Content, RenderError> {
        let method = self.method;
        if !method.has_body() {
            return Ok(Content { method, content_type: None, body: Bytes::new() });
        }
        let body = match &self.payload {
            None => plain.clone(),
            Some(template) => template
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|template| template.render(subject))
                .map_err(|error| RenderError { part: RenderedPart::Payload, error })?,
        };
        Ok(Content { method, content_type: Some(self.content_type.clone()), body })
    }
}

/// An access that can be shown.
pub(crate) struct CompiledAccess {
    source: Arc<Access>,
    headers: Vec<CompiledHeader>,
    authentication: Shown,
    identity: Option<Result<ClientIdentity, String>>,
}

struct CompiledHeader {
    label: Arc<str>,
    name: HeaderName,
    visibility: HeaderVisibility,
    value: Result<Template, TemplateError>,
}

enum Shown {
    Nothing,
    Always(HeaderValue),
    Token(Box<TokenSource>),
}

/// A header as it is sent.
#[derive(Debug, Clone)]
pub struct SentHeader {
    /// Its name.
    pub name: HeaderName,
    /// Its value.
    pub value: HeaderValue,
    /// Whether people see the value.
    pub visibility: HeaderVisibility,
}

impl CompiledAccess {
    pub(crate) fn new(source: Arc<Access>) -> Self {
        let authentication = match &source.authentication {
            None => Shown::Nothing,
            Some(Authentication::Basic { username, password }) => {
                let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
                Shown::Always(hidden(&format!("Basic {pair}")))
            }
            Some(Authentication::Bearer { token }) => Shown::Always(hidden(&format!("Bearer {}", token.expose()))),
            Some(Authentication::OAuth2(settings)) => Shown::Token(Box::new(TokenSource::new(settings.clone()))),
        };
        let identity = source.certificate.as_ref().map(|certificate| {
            ClientIdentity::from_pem(&certificate.chain, certificate.key.expose()).map_err(|error| error.to_string())
        });
        Self {
            headers: source.headers.iter().filter_map(CompiledHeader::new).collect(),
            authentication,
            identity,
            source,
        }
    }

    /// The headers for an event, without the one that authenticates.
    pub(crate) fn headers(&self, subject: &Subject) -> Result<Vec<SentHeader>, RenderError> {
        self.headers.iter().map(|header| header.sent(subject)).collect()
    }

    /// Whether a header authenticates.
    pub(crate) fn authenticates(&self) -> bool {
        !matches!(self.authentication, Shown::Nothing)
    }
}

impl CompiledHeader {
    fn new(header: &CustomHeader) -> Option<Self> {
        Some(Self {
            label: Arc::clone(&header.name),
            name: HeaderName::from_bytes(header.name.as_bytes()).ok()?,
            visibility: header.visibility,
            value: Template::compile(header.value.expose(), Syntax::Text),
        })
    }

    fn sent(&self, subject: &Subject) -> Result<SentHeader, RenderError> {
        let wrong = |error| RenderError { part: RenderedPart::Header(Arc::clone(&self.label)), error };
        let template = self.value.as_ref().map_err(|error| wrong(error.clone()))?;
        let value = template.render(subject).map_err(wrong)?;
        let value = value.trim_ascii();
        if value.len() > HEADER_VALUE_BYTES {
            return Err(wrong(TemplateError::new(format!("the value has more than {HEADER_VALUE_BYTES} bytes"))));
        }
        let mut value = HeaderValue::from_bytes(value)
            .map_err(|_| wrong(TemplateError::new("the value has a line break or another control character in it")))?;
        value.set_sensitive(self.visibility == HeaderVisibility::Sensitive);
        Ok(SentHeader { name: self.name.clone(), value, visibility: self.visibility })
    }
}

/// A header's value that no log shows. Its parts were checked when they were saved.
fn hidden(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// What differs from a plain request.
pub(crate) struct Shaping {
    pub(crate) content: Content,
    headers: Vec<SentHeader>,
    authorization: Option<HeaderValue>,
    identity: Option<ClientIdentity>,
    access: Option<Arc<CompiledAccess>>,
}

impl Shaping {
    /// Applies it to a request that is plain but for its body.
    pub(crate) fn apply(&mut self, request: &mut OutboundRequest) {
        request.method = method(self.content.method);
        match self.content.content_type.take() {
            Some(content_type) => drop(request.headers.insert(CONTENT_TYPE, content_type)),
            None => drop(request.headers.remove(CONTENT_TYPE)),
        }
        for header in self.headers.drain(..) {
            request.headers.insert(header.name, header.value);
        }
        if let Some(authorization) = self.authorization.take() {
            request.headers.insert(AUTHORIZATION, authorization);
        }
        request.identity = self.identity.take();
    }

    /// Takes note of the answer's status: a token that was refused is not used again.
    pub(crate) async fn answered(&self, status: u16) {
        if status == 401
            && let Some(access) = &self.access
            && let Shown::Token(source) = &access.authentication
        {
            source.forget().await;
        }
    }
}

pub(crate) fn method(method: RequestMethod) -> Method {
    match method {
        RequestMethod::Post => Method::POST,
        RequestMethod::Put => Method::PUT,
        RequestMethod::Patch => Method::PATCH,
        RequestMethod::Delete => Method::DELETE,
        RequestMethod::Get => Method::GET,
    }
}

/// What was compiled, of those who were sent to last.
#[derive(Default)]
pub(crate) struct Shapes {
    shapes: Mutex<HashMap<ShapeRevision, Arc<CompiledShape>>>,
    accesses: Mutex<HashMap<WebhookId, Arc<CompiledAccess>>>,
}

/// Keeps a value, and drops another where there are too many.
fn keep<K: Eq + Hash + Clone, V>(map: &Mutex<HashMap<K, V>>, key: K, value: V) {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    if map.len() >= TEMPLATES_KEPT && !map.contains_key(&key) {
        // The first that the table happens to have: no order is worth its upkeep here.
        let any = map.keys().next().cloned();
        any.and_then(|any| map.remove(&any));
    }
    map.insert(key, value);
}

impl Shapes {
    pub(crate) fn forget(&self, webhook: WebhookId) {
        self.accesses.lock().unwrap_or_else(PoisonError::into_inner).remove(&webhook);
    }

    /// What a webhook's requests show, as it is at the moment.
    fn access(&self, webhook: WebhookId, access: &Arc<Access>) -> Arc<CompiledAccess> {
        let known = self.accesses.lock().unwrap_or_else(PoisonError::into_inner).get(&webhook).cloned();
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.source, access)) {
            return known;
        }
        let compiled = Arc::new(CompiledAccess::new(Arc::clone(access)));
        keep(&self.accesses, webhook, Arc::clone(&compiled));
        compiled
    }
}

impl Core {
    /// The shape of a revision, compiled; none where it is gone.
    async fn shape(
        &self,
        revision: ShapeRevision,
        webhook: Option<&Webhook>,
    ) -> Result<Option<Arc<CompiledShape>>, StoreError> {
        let known = self.shapes.shapes.lock().unwrap_or_else(PoisonError::into_inner).get(&revision).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let current = webhook.and_then(|webhook| webhook.shape.as_ref()).filter(|pinned| pinned.revision == revision);
        let shape = match current {
            Some(pinned) => Arc::clone(&pinned.shape),
            None => match self.store.shape(revision).await? {
                Some(shape) => Arc::new(shape),
                None => return Ok(None),
            },
        };
        let compiled = Arc::new(CompiledShape::new(&shape));
        keep(&self.shapes.shapes, revision, Arc::clone(&compiled));
        Ok(Some(compiled))
    }

    /// What a delivery's request is, where its webhook has anything of its own.
    pub(crate) async fn shaping(&self, delivery: &Ready, webhook: &Webhook) -> Result<Shaping, Unmade> {
        let event = &delivery.event;
        let subject = Subject::of(event);
        let shape = match delivery.shape {
            None => None,
            Some(revision) => {
                let shape = self.shape(revision, Some(webhook)).await.map_err(|error| ours(error.to_string()))?;
                Some(shape.ok_or_else(|| ours(format!("the shape {} is not stored any more", revision.get())))?)
            }
        };
        let content = content(shape.as_deref(), &subject, &event.body).map_err(Unmade::Template)?;
        let access = webhook.access.as_ref().map(|access| self.shapes.access(webhook.id, access));
        let pool = pool(webhook.environment_id, &webhook.scope);
        let asking = Asking { deadline: webhook.sending.deadline.get(), pool };
        self.shown(access, &subject, content, asking).await
    }

    /// Adds what is shown to be let in.
    pub(crate) async fn shown(
        &self,
        access: Option<Arc<CompiledAccess>>,
        subject: &Subject,
        content: Content,
        asking: Asking,
    ) -> Result<Shaping, Unmade> {
        let Some(access) = access else {
            return Ok(Shaping { content, headers: Vec::new(), authorization: None, identity: None, access: None });
        };
        let headers = access.headers(subject).map_err(Unmade::Template)?;
        let identity = match &access.identity {
            None => None,
            Some(Ok(identity)) => Some(identity.clone()),
            Some(Err(message)) => {
                let message = format!("the client certificate cannot be used: {message}");
                return Err(Unmade::Send(SendError::Endpoint {
                    kind: postrider_core::attempt::FailureKind::Tls,
                    message,
                }));
            }
        };
        let authorization = match &access.authentication {
            Shown::Nothing => None,
            Shown::Always(value) => Some(value.clone()),
            Shown::Token(source) => {
                let token = source.token(&*self.transport, &*self.clock, asking, identity.as_ref()).await;
                Some(token.map_err(Unmade::Send)?)
            }
        };
        Ok(Shaping { content, headers, authorization, identity, access: Some(access) })
    }

    /// What an attempt of a delivery sent: rendered anew, which gives the same. None where event or shape are gone.
    pub(crate) async fn sent(
        &self,
        environment: EnvironmentId,
        revision: ShapeRevision,
        event: EventId,
    ) -> Result<Option<Content>, StoreError> {
        let Some(shape) = self.shape(revision, None).await? else { return Ok(None) };
        let Some(event) = self.store.event(environment, event).await? else { return Ok(None) };
        Ok(shape.content(&Subject::of(&event), &event.body).ok())
    }
}

fn ours(message: String) -> Unmade {
    Unmade::Send(SendError::Ours { fault: OurFault::Store, message })
}

/// What is sent of an event: what its shape makes of it, or its body as it is.
pub(crate) fn content(shape: Option<&CompiledShape>, subject: &Subject, plain: &Bytes) -> Result<Content, RenderError> {
    match shape {
        Some(shape) => shape.content(subject, plain),
        None => Ok(Content::plain(plain.clone())),
    }
}

/// A request to be shown, or tried out, before anything is sent by its settings.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// What it sends.
    pub shape: Shape,
    /// What it shows to be let in.
    pub access: Arc<Access>,
}

/// What a request would be.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Method and body.
    pub content: Content,
    /// The headers of its own.
    pub headers: Vec<SentHeader>,
    /// Whether it authenticates; the value is hidden, or not known before it is sent.
    pub authenticates: bool,
}

impl Draft {
    /// What it sends and shows for that event.
    pub(crate) async fn shaping(&self, core: &Core, event: &Event, asking: Asking) -> Result<Shaping, Unmade> {
        let subject = Subject::of(event);
        let content = CompiledShape::new(&self.shape).content(&subject, &event.body).map_err(Unmade::Template)?;
        let access = (!self.access.is_empty()).then(|| Arc::new(CompiledAccess::new(Arc::clone(&self.access))));
        core.shown(access, &subject, content, asking).await
    }

    /// What the request for that event would be.
    pub fn preview(&self, event: &Event) -> Result<Preview, RenderError> {
        let subject = Subject::of(event);
        let content = CompiledShape::new(&self.shape).content(&subject, &event.body)?;
        let access = CompiledAccess::new(Arc::clone(&self.access));
        let headers = access.headers(&subject)?;
        Ok(Preview { content, headers, authenticates: access.authenticates() })
    }
}
