//! What is compiled of shapes and accesses, and kept.
//!
//! Owns what a request's templates make of an event, as plain work on the thread that calls. Which thread that is, and how long it may take,
//! is [`crate::shaping`]'s. Tokens are kept apart from what is compiled: they cost a request each, and one webhook has one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use postrider_core::WebhookId;
use postrider_core::limits::{COMPILED_BYTES, HEADER_VALUE_BYTES};
use postrider_core::shape::{
    Access, Authentication, CustomHeader, HeaderVisibility, OAuth2, RequestMethod, Shape, ShapeRevision, Syntax,
};
use postrider_egress::ClientIdentity;
use postrider_shape::{Allowance, Subject, Template, TemplateError, TemplateErrorKind};

use crate::kept::Kept;
use crate::tokens::TokenSource;

mod wrong;

/// What something compiled takes beside its templates.
const SHAPE_BYTES: usize = 1_024;

/// Whether the templates of something do more than others should wait for. Found out when they do it first.
#[derive(Debug, Default)]
pub(crate) struct Weight {
    is_heavy: AtomicBool,
    /// Of one webhook one rendering is made apart at a time, so that none takes all threads.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

impl Weight {
    pub(crate) fn is_heavy(&self) -> bool {
        self.is_heavy.load(Ordering::Relaxed)
    }

    pub(crate) fn set_heavy(&self) {
        self.is_heavy.store(true, Ordering::Relaxed);
    }
}

fn bytes_of(template: &Result<Template, TemplateError>) -> usize {
    template.as_ref().map_or(0, Template::bytes)
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

impl RenderError {
    /// Whether there was more to do than was allowed.
    pub(crate) fn is_work(&self) -> bool {
        self.error.kind == TemplateErrorKind::Work
    }
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

fn content_type(shape: &Shape) -> HeaderValue {
    let payload = shape.payload.as_ref();
    let content_type = payload.and_then(|payload| HeaderValue::from_str(payload.content_type.as_str()).ok());
    content_type.unwrap_or(HeaderValue::from_static("application/json"))
}

/// The method of a shape's requests, and what their body is where there is one. Nothing is compiled for it.
pub(crate) fn method_and_type(shape: &Shape) -> (RequestMethod, Option<HeaderValue>) {
    (shape.method, shape.method.has_body().then(|| content_type(shape)))
}

/// A shape that can be applied.
pub(crate) struct CompiledShape {
    method: RequestMethod,
    /// An old revision may be of a language that has changed since; then each of its deliveries says so.
    payload: Option<Result<Template, TemplateError>>,
    content_type: HeaderValue,
    pub(crate) weight: Weight,
}

impl CompiledShape {
    pub(crate) fn new(shape: &Shape) -> Self {
        let payload = shape.payload.as_ref();
        Self {
            method: shape.method,
            payload: payload.map(|payload| Template::compile(&payload.template, payload.content_type.syntax())),
            content_type: content_type(shape),
            weight: Weight::default(),
        }
    }

    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        SHAPE_BYTES + self.payload.as_ref().map_or(0, bytes_of)
    }

    /// What it makes of an event, whose body is `plain`.
    fn content(&self, allowance: &mut Allowance, subject: &Subject, plain: &Bytes) -> Result<Content, RenderError> {
        let method = self.method;
        if !method.has_body() {
            return Ok(Content { method, content_type: None, body: Bytes::new() });
        }
        let body = match &self.payload {
            None => plain.clone(),
            Some(template) => template
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|template| template.render_within(allowance, subject))
                .map_err(|error| RenderError { part: RenderedPart::Payload, error })?,
        };
        Ok(Content { method, content_type: Some(self.content_type.clone()), body })
    }
}

/// An access that can be shown.
pub(crate) struct CompiledAccess {
    pub(crate) source: Arc<Access>,
    headers: Vec<CompiledHeader>,
    pub(crate) authentication: Shown,
    pub(crate) identity: Option<Result<ClientIdentity, String>>,
    pub(crate) weight: Weight,
}

struct CompiledHeader {
    label: Arc<str>,
    name: HeaderName,
    visibility: HeaderVisibility,
    value: Result<Template, TemplateError>,
}

/// How a request authenticates.
pub(crate) enum Shown {
    Nothing,
    Always(HeaderValue),
    Token(Arc<TokenSource>),
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
    /// `tokens`: where tokens come from already that are fetched as it says.
    pub(crate) fn new(source: Arc<Access>, tokens: Option<Arc<TokenSource>>) -> Self {
        let authentication = match &source.authentication {
            None => Shown::Nothing,
            Some(Authentication::Basic { username, password }) => {
                let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
                Shown::Always(hidden(&format!("Basic {pair}")))
            }
            Some(Authentication::Bearer { token }) => Shown::Always(hidden(&format!("Bearer {}", token.expose()))),
            Some(Authentication::OAuth2(settings)) => {
                let tokens = tokens.filter(|tokens| tokens.is_of(settings));
                Shown::Token(tokens.unwrap_or_else(|| Arc::new(TokenSource::new(settings.clone()))))
            }
        };
        let identity = source.certificate.as_ref().map(|certificate| {
            ClientIdentity::from_pem(&certificate.chain, certificate.key.expose()).map_err(|error| error.to_string())
        });
        Self {
            headers: source.headers.iter().filter_map(CompiledHeader::new).collect(),
            authentication,
            identity,
            source,
            weight: Weight::default(),
        }
    }

    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        SHAPE_BYTES + self.headers.iter().map(|header| bytes_of(&header.value)).sum::<usize>()
    }

    /// The headers for an event, without the one that authenticates.
    fn headers(&self, allowance: &mut Allowance, subject: &Subject) -> Result<Vec<SentHeader>, RenderError> {
        self.headers.iter().map(|header| header.sent(allowance, subject)).collect()
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

    fn sent(&self, allowance: &mut Allowance, subject: &Subject) -> Result<SentHeader, RenderError> {
        let wrong = |error| RenderError { part: RenderedPart::Header(Arc::clone(&self.label)), error };
        let template = self.value.as_ref().map_err(|error| wrong(error.clone()))?;
        let value = template.render_within(allowance, subject).map_err(wrong)?;
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

/// What a request's templates make of an event.
pub(crate) struct Rendering {
    pub(crate) content: Content,
    pub(crate) headers: Vec<SentHeader>,
}

/// Renders what a request has of its own: `plain` is the event's body.
pub(crate) fn rendered(
    shape: Option<&CompiledShape>,
    access: Option<&CompiledAccess>,
    allowance: &mut Allowance,
    subject: &Subject,
    plain: &Bytes,
) -> Result<Rendering, RenderError> {
    let content = match shape {
        Some(shape) => shape.content(allowance, subject, plain)?,
        None => Content::plain(plain.clone()),
    };
    let headers = match access {
        Some(access) => access.headers(allowance, subject)?,
        None => Vec::new(),
    };
    Ok(Rendering { content, headers })
}

/// What was compiled of those who were sent to last, and the tokens of all.
pub(crate) struct Compiled {
    shapes: Mutex<Kept<ShapeRevision, Arc<CompiledShape>>>,
    accesses: Mutex<Kept<WebhookId, Arc<CompiledAccess>>>,
    tokens: Mutex<HashMap<WebhookId, Arc<TokenSource>>>,
}

impl Default for Compiled {
    fn default() -> Self {
        Self {
            shapes: Mutex::new(Kept::new(COMPILED_BYTES)),
            accesses: Mutex::new(Kept::new(COMPILED_BYTES)),
            tokens: Mutex::default(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Compiled {
    /// Forgets a webhook that is gone.
    pub(crate) fn forget(&self, webhook: WebhookId) {
        locked(&self.accesses).remove(webhook);
        locked(&self.tokens).remove(&webhook);
    }

    /// The shape of a revision, where it is at hand.
    pub(crate) fn shape(&self, revision: ShapeRevision) -> Option<Arc<CompiledShape>> {
        locked(&self.shapes).get(revision)
    }

    /// Compiles the shape of a revision.
    pub(crate) fn compile_shape(&self, revision: ShapeRevision, shape: &Shape) -> Arc<CompiledShape> {
        let compiled = Arc::new(CompiledShape::new(shape));
        locked(&self.shapes).put(revision, Arc::clone(&compiled), compiled.bytes());
        compiled
    }

    /// What a webhook's requests show, as it is at the moment. `exists`: whether there still is such a webhook.
    pub(crate) fn access(
        &self,
        webhook: WebhookId,
        access: &Arc<Access>,
        exists: impl FnOnce() -> bool,
    ) -> Arc<CompiledAccess> {
        let known = locked(&self.accesses).get(webhook);
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.source, access)) {
            return known;
        }
        let tokens = if let Some(Authentication::OAuth2(settings)) = &access.authentication {
            Some(self.tokens(webhook, settings, exists))
        } else {
            locked(&self.tokens).remove(&webhook);
            None
        };
        let compiled = Arc::new(CompiledAccess::new(Arc::clone(access), tokens));
        locked(&self.accesses).put(webhook, Arc::clone(&compiled), compiled.bytes());
        compiled
    }

    /// Where a webhook's tokens come from. Whoever asks meanwhile gets the same, so that one token is fetched and not several.
    fn tokens(&self, webhook: WebhookId, settings: &OAuth2, exists: impl FnOnce() -> bool) -> Arc<TokenSource> {
        let mut tokens = locked(&self.tokens);
        if let Some(known) = tokens.get(&webhook).filter(|known| known.is_of(settings)) {
            return Arc::clone(known);
        }
        let source = Arc::new(TokenSource::new(settings.clone()));
        // Asked under the lock that `forget` takes, once there is no such webhook: what is kept then is forgotten in any case.
        if exists() {
            tokens.insert(webhook, Arc::clone(&source));
        } else {
            tokens.remove(&webhook);
        }
        source
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use postrider_core::shape::{ClientAuthentication, Hidden};
    use postrider_core::webhook::EndpointUrl;

    use super::*;

    #[test]
    fn those_who_ask_together_get_their_tokens_from_one_source() {
        let access = Arc::new(Access {
            authentication: Some(Authentication::OAuth2(OAuth2 {
                token_url: EndpointUrl::parse("https://login.example/token").expect("a URL"),
                client_id: "client".into(),
                client_secret: Hidden::new("s3cret"),
                scope: None,
                audience: None,
                client_authentication: ClientAuthentication::Basic,
            })),
            ..Access::default()
        });
        let compiled = Compiled::default();
        for round in 0..50 {
            let webhook = WebhookId::from_uuid(uuid::Uuid::from_u128(round));
            let together = Barrier::new(4);
            let ask = || {
                together.wait();
                compiled.access(webhook, &access, || true)
            };
            let sources: Vec<_> = std::thread::scope(|scope| {
                let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
                asking.into_iter().map(|thread| thread.join().expect("an access")).collect()
            });
            let source = |compiled: &CompiledAccess| match &compiled.authentication {
                Shown::Token(source) => Arc::clone(source),
                _ => panic!("it shows a token"),
            };
            let first = source(&sources[0]);
            assert!(sources.iter().all(|compiled| Arc::ptr_eq(&source(compiled), &first)), "in round {round}");
        }
    }
}
