//! Requests of webhooks that send something else than the event as it is, or show something to be let in.
//!
//! Owns the rule which of the two is read when: the shape by the revision that the delivery keeps, the access as the webhook has it at the
//! moment; and on which thread they are rendered. Webhooks that have neither never come here.
//!
//! Invariant: a template that does a lot keeps nobody waiting but the deliveries of its own webhook, and threads that are there for that.

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use postrider_core::attempt::{FailureKind, OurFault};
use postrider_core::event::Event;
use postrider_core::limits::{RENDERING_TIME, TEMPLATE_BYTES_AT_ONCE};
use postrider_core::shape::{Access, RequestMethod, Shape, ShapeRevision};
use postrider_core::webhook::Webhook;
use postrider_core::{EnvironmentId, EventId};
use postrider_egress::{ClientIdentity, OutboundRequest, SendError};
use postrider_shape::{Allowance, GivenUp, Subject};
use postrider_store::StoreError;
use tokio::task::JoinError;

use crate::compiled::{
    CompiledAccess, CompiledShape, Content, RenderError, Rendering, SentHeader, Shown, Weight, rendered,
};
use crate::dispatch::Core;
use crate::drafts::{AtOnce, CompiledDraft};
use crate::scheduler::Ready;
use crate::tokens::Asking;

/// Why there is no request.
#[derive(Debug)]
pub(crate) enum Unmade {
    /// A template cannot be rendered for this event.
    Template(RenderError),
    /// Something that it needs could not be had.
    Send(SendError),
}

/// What a request sends, and what it is to show.
pub(crate) struct Shaped {
    pub(crate) rendering: Rendering,
    access: Option<Arc<CompiledAccess>>,
}

/// What differs from a plain request.
pub(crate) struct Shaping {
    pub(crate) content: Content,
    headers: Vec<SentHeader>,
    authorization: Option<HeaderValue>,
    identity: Option<ClientIdentity>,
    /// The token that is shown, and where it is from.
    token: Option<(HeaderValue, Arc<CompiledAccess>)>,
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
    pub(crate) fn answered(&self, status: u16) {
        if status == 401
            && let Some((token, access)) = &self.token
            && let Shown::Token(source) = &access.authentication
        {
            source.forget(token);
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

impl Core {
    /// The shape of a revision, compiled; none where it is gone.
    pub(crate) async fn shape(
        &self,
        revision: ShapeRevision,
        webhook: Option<&Webhook>,
    ) -> Result<Option<Arc<CompiledShape>>, StoreError> {
        if let Some(known) = self.compiled.shape(revision) {
            return Ok(Some(known));
        }
        let current = webhook.and_then(|webhook| webhook.shape.as_ref()).filter(|pinned| pinned.revision == revision);
        let shape = match current {
            Some(pinned) => Arc::clone(&pinned.shape),
            None => match self.store.shape(revision).await? {
                Some(shape) => Arc::new(shape),
                None => return Ok(None),
            },
        };
        Ok(Some(self.compiled.compile_shape(revision, &shape)))
    }

    /// What a delivery's request is made of, where its webhook has anything of its own. Takes the time that rendering takes, which is no
    /// receiver's.
    pub(crate) async fn shaped(&self, delivery: &Ready, webhook: &Webhook) -> Result<Shaped, Unmade> {
        let shape = match delivery.shape {
            None => None,
            Some(revision) => {
                let shape = self.shape(revision, Some(webhook)).await.map_err(|error| ours(error.to_string()))?;
                Some(shape.ok_or_else(|| ours(format!("the shape {} is not stored any more", revision.get())))?)
            }
        };
        let exists = || self.store.directory().webhook(webhook.id).is_some();
        let access = webhook.access.as_ref().map(|access| self.compiled.access(webhook.id, access, exists));
        self.render(shape, access, &delivery.event).await
    }

    /// Renders on this thread what is quickly done, and everything else on a thread of its own, of which there are few.
    pub(crate) async fn render(
        &self,
        shape: Option<Arc<CompiledShape>>,
        access: Option<Arc<CompiledAccess>>,
        event: &Event,
    ) -> Result<Shaped, Unmade> {
        let subject = Subject::of(event);
        let plain = event.body.clone();
        let weights = || {
            let (shape, access) = (shape.as_ref(), access.as_ref());
            shape.map(|shape| &shape.weight).into_iter().chain(access.map(|access| &access.weight))
        };
        // What is found within a large event is read again on each level.
        let is_large = plain.len() > TEMPLATE_BYTES_AT_ONCE && weights().next().is_some();
        if !is_large && !weights().any(Weight::is_heavy) {
            let mut allowance = Allowance::at_once(plain.len());
            match rendered(shape.as_deref(), access.as_deref(), &mut allowance, &subject, &plain) {
                Err(error) if error.is_work() => weights().for_each(Weight::set_heavy),
                done => return done.map(|rendering| Shaped { rendering, access }).map_err(Unmade::Template),
            }
        }
        // One of them is there, or nothing would be heavy. Who waits here, waits for its own webhook.
        let _turn = match weights().next() {
            Some(weight) => Some(weight.turn.lock().await),
            None => None,
        };
        let place =
            Arc::clone(&self.apart).acquire_owned().await.map_err(|_| ours("the server is stopping".to_owned()))?;
        let mut allowance = Allowance::whole();
        let given_up = allowance.given_up();
        let work = {
            let (shape, access) = (shape.clone(), access.clone());
            tokio::task::spawn_blocking(move || {
                let done = rendered(shape.as_deref(), access.as_deref(), &mut allowance, &subject, &plain);
                drop(place);
                done
            })
        };
        let done = in_time(RENDERING_TIME, work, &given_up).await?;
        done.map(|rendering| Shaped { rendering, access: access.clone() }).map_err(Unmade::Template)
    }

    /// What the request of a draft would be for that event.
    pub(crate) async fn preview(&self, draft: &Draft, event: &Event) -> Result<Preview, PreviewError> {
        let Shaped { rendering: Rendering { content, headers }, access } = draft.shaped(self, event).await?;
        let authenticates = access.is_some_and(|access| access.authenticates());
        Ok(Preview { content, headers, authenticates })
    }

    /// Adds what is shown to be let in.
    pub(crate) async fn shown(&self, shaped: Shaped, asking: Asking) -> Result<Shaping, SendError> {
        let Shaped { rendering: Rendering { content, headers }, access } = shaped;
        let mut shaping = Shaping { content, headers, authorization: None, identity: None, token: None };
        let Some(access) = access else { return Ok(shaping) };
        shaping.identity = match &access.identity {
            None => None,
            Some(Ok(identity)) => Some(identity.clone()),
            Some(Err(message)) => {
                let message = format!("the client certificate cannot be used: {message}");
                return Err(SendError::Endpoint { kind: FailureKind::Tls, message });
            }
        };
        shaping.authorization = match &access.authentication {
            Shown::Nothing => None,
            Shown::Always(value) => Some(value.clone()),
            Shown::Token(source) => {
                let identity = shaping.identity.as_ref();
                let token = source.token(&*self.transport, &*self.clock, asking, identity).await?;
                shaping.token = Some((token.clone(), Arc::clone(&access)));
                Some(token)
            }
        };
        Ok(shaping)
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
        Ok(self.render(Some(shape), None, &event).await.ok().map(|shaped| shaped.rendering.content))
    }
}

/// Waits for a rendering that is made apart. How long it takes is said by its fuel; where the clock is first, that is this machine's fault
/// and not the template's, and it is tried again.
async fn in_time<T>(
    time: Duration,
    work: impl Future<Output = Result<T, JoinError>>,
    given_up: &GivenUp,
) -> Result<T, Unmade> {
    match tokio::time::timeout(time, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(ours(format!("rendering ended without a result: {error}"))),
        Err(_) => {
            given_up.give_up();
            let message = format!("rendering took longer than {} seconds: this machine is too busy", time.as_secs());
            Err(Unmade::Send(SendError::Ours { fault: OurFault::OutOfResources, message }))
        }
    }
}

pub(crate) fn ours(message: String) -> Unmade {
    Unmade::Send(SendError::Ours { fault: OurFault::Store, message })
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

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// What is to be shown cannot be rendered.
    #[error(transparent)]
    Unrenderable(RenderError),
    /// It could not be rendered at the moment, through no fault of the settings; in words.
    #[error("{0}")]
    NotNow(String),
}

impl From<Unmade> for PreviewError {
    fn from(unmade: Unmade) -> Self {
        match unmade {
            Unmade::Template(error) => Self::Unrenderable(error),
            Unmade::Send(SendError::Ours { message, .. } | SendError::Endpoint { message, .. }) => {
                Self::NotNow(message)
            }
        }
    }
}

impl Draft {
    /// What it sends for that event, and the headers of its own.
    pub(crate) async fn shaped(&self, core: &Core, event: &Event) -> Result<Shaped, Unmade> {
        let CompiledDraft { shape, access } = core.compile(self, &mut AtOnce::default()).await?;
        core.render(Some(shape), access, event).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rendering_that_the_clock_ends_is_tried_again() {
        let given_up = GivenUp::default();
        let made = in_time(Duration::ZERO, std::future::pending::<Result<(), JoinError>>(), &given_up).await;
        let Err(Unmade::Send(SendError::Ours { fault, message })) = made else {
            panic!("a fault of our own, for which no delivery ends");
        };
        assert_eq!(fault, OurFault::OutOfResources);
        assert!(message.contains("too busy"), "{message}");
        assert!(in_time(RENDERING_TIME, std::future::ready(Ok(())), &given_up).await.is_ok());
    }
}
