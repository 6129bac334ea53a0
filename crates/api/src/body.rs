//! Reading a request's body, and the JSON in it.
//!
//! Owns the limits: a body is cut off while it is read, never after; one that drips is given up; what all bodies on their way
//! in hold together is bounded, from their first byte on; and of a tenant, or an address that needs no token, only so many are read at a
//! time, so that slow ones keep out nobody else. Does not own what the JSON means.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use postrider_core::limits::{
    BODIES_PER_ADDRESS, BODIES_PER_TENANT, BODIES_WAITING, OPEN_REQUEST_READ_TIMEOUT, OPEN_REQUESTS_BUDGET,
    REQUEST_BYTES, REQUEST_READ_TIMEOUT, REQUESTS_BUDGET,
};
use postrider_engine::{Engine, Share};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use serde_path_to_error::Segment;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::sign_in::{CalledFrom, Guesser};
use crate::error::{ApiError, Code};
use crate::lines::{Lines, Turn};
use crate::state::{ApiState, Whose};

/// The memory for bodies of calls that bring no events, in bytes, all requests together; and who reads.
#[derive(Debug)]
pub(crate) struct Requests {
    memory: Arc<Semaphore>,
    /// The same for calls that anybody can make: who has a token is not kept waiting by who has none.
    open: Arc<Semaphore>,
    of_tenants: Arc<Lines<Whose>>,
    of_addresses: Arc<Lines<Guesser>>,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            memory: Arc::new(Semaphore::new(REQUESTS_BUDGET)),
            open: Arc::new(Semaphore::new(OPEN_REQUESTS_BUDGET)),
            of_tenants: Lines::new(BODIES_PER_TENANT, BODIES_WAITING),
            of_addresses: Lines::new(BODIES_PER_ADDRESS, BODIES_WAITING),
        }
    }
}

/// Whose memory a body takes.
#[derive(Clone, Copy)]
enum Budget<'a> {
    /// That of all calls but those that bring events. Who finds none is told so at once.
    Requests(&'a Arc<Semaphore>),
    /// That of the events that it brings. Producers wait for it a little.
    Events(&'a Engine),
}

/// What a body has taken of it; given back when it is dropped.
#[derive(Debug)]
enum Taken {
    Requests(OwnedSemaphorePermit),
    Events(Share),
}

impl Budget<'_> {
    /// Takes memory for one more part of a body, beside what was taken for those before it.
    async fn take(self, bytes: usize, taken: &mut Option<Taken>) -> Result<(), ApiError> {
        let more = match self {
            Self::Requests(budget) => {
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                let more = Arc::clone(budget).try_acquire_many_owned(bytes).map_err(|_| {
                    ApiError::new(Code::Overloaded, "too many requests are being read; try again shortly")
                })?;
                Taken::Requests(more)
            }
            // What an event takes besides is taken with the first part: a body may come in a great many of them.
            Self::Events(engine) if taken.is_some() => Taken::Events(engine.more_room_for(bytes).await?),
            Self::Events(engine) => Taken::Events(engine.room_for(bytes).await?),
        };
        match taken {
            Some(taken) => taken.merge(more),
            None => *taken = Some(more),
        }
        Ok(())
    }
}

impl Taken {
    fn merge(&mut self, more: Self) {
        match (self, more) {
            (Self::Requests(taken), Self::Requests(more)) => taken.merge(more),
            (Self::Events(taken), Self::Events(more)) => taken.merge(&more),
            _ => unreachable!("a body takes all its memory of one budget"),
        }
    }
}

/// A body that was read; its memory is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) bytes: Bytes,
    taken: Option<Taken>,
}

impl Read {
    /// Drops the bytes, and leaves their room to the events that came of them.
    pub(crate) fn into_room(self) -> Option<Share> {
        match self.taken {
            Some(Taken::Events(share)) => Some(share),
            Some(Taken::Requests(_)) | None => None,
        }
    }

    /// The body as text. A byte order mark at its start is passed over.
    pub(crate) fn text(&self) -> Result<&str, ApiError> {
        let bytes = self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.bytes);
        std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            ApiError::new(
                Code::InvalidJson,
                format!("the body is not UTF-8: byte {} (line {line}) begins no character", error.valid_up_to()),
            )
        })
    }
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(state: &ApiState, head: &Parts, body: Body, limit: usize) -> Result<Read, ApiError> {
    let _turn = turn_of_tenant(state, head).await?;
    let budget = Budget::Requests(&state.requests().memory);
    read_within(budget, &head.headers, body, limit, REQUEST_READ_TIMEOUT).await
}

/// The same for a body that brings events.
pub(crate) async fn read_events(state: &ApiState, head: &Parts, body: Body, limit: usize) -> Result<Read, ApiError> {
    let _turn = turn_of_tenant(state, head).await?;
    read_within(Budget::Events(state.engine()), &head.headers, body, limit, REQUEST_READ_TIMEOUT).await
}

/// A turn to read, where the caller is a tenant's user.
async fn turn_of_tenant(state: &ApiState, head: &Parts) -> Result<Option<Turn<Whose>>, ApiError> {
    match head.extensions.get::<Whose>() {
        Some(whose) => state.requests().of_tenants.turn(whose).await.map(Some),
        None => Ok(None),
    }
}

async fn read_within(
    budget: Budget<'_>,
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    patience: Duration,
) -> Result<Read, ApiError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(ApiError::new(
            Code::EncodingUnsupported,
            "bodies are read as they are: send it without Content-Encoding",
        ));
    }
    match tokio::time::timeout(patience, collect(budget, body, limit)).await {
        Ok(read) => read,
        Err(_) => Err(ApiError::new(
            Code::RequestTimeout,
            format!("the body did not arrive within {} seconds", patience.as_secs()),
        )),
    }
}

async fn collect(budget: Budget<'_>, mut body: Body, limit: usize) -> Result<Read, ApiError> {
    // Most bodies are one frame, which is taken as it is.
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut length = 0;
    let mut taken: Option<Taken> = None;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| ApiError::new(Code::InvalidRequest, "the body broke off or is not framed well"))?;
        let Ok(bytes) = frame.into_data() else { continue };
        if length + bytes.len() > limit {
            return Err(too_large(limit));
        }
        budget.take(bytes.len(), &mut taken).await?;
        length += bytes.len();
        match &first {
            None => first = Some(bytes),
            Some(head) => {
                if rest.is_empty() {
                    rest.extend_from_slice(head);
                }
                rest.extend_from_slice(&bytes);
            }
        }
    }
    let bytes = if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() };
    Ok(Read { bytes, taken })
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(Code::BodyTooLarge, format!("the body is larger than {limit} bytes"))
}

/// Reads a JSON object of a known form from a text.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ApiError> {
    // A derived form would also be read from an array of its members' values.
    if !text.trim_start().starts_with('{') {
        return Err(no_object(text));
    }
    // The place of an error is looked for when there is one, so that what is right is read at full speed.
    serde_json::from_str(text).map_err(|_| error_in::<T>(text))
}

fn no_object(text: &str) -> ApiError {
    if text.trim_start().is_empty() {
        return ApiError::new(Code::InvalidJson, "the body is empty; a JSON object is expected");
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => ApiError::new(Code::InvalidRequest, "a JSON object is expected"),
        Err(error) => of_json(&error),
    }
}

/// What is wrong with a text that cannot be read as `T`.
fn error_in<'a, T: Deserialize<'a>>(text: &'a str) -> ApiError {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) if is_of_form(error.inner(), text) => {
            let at: String = error.path().iter().filter_map(step).collect();
            let whole = error.inner().to_string();
            // Where the path says it, line and column would only be noise.
            let detail = whole.split_once(" at line ").map_or(whole.as_str(), |(detail, _)| detail);
            match missing_member(detail) {
                Some(name) => ApiError::at(Code::InvalidRequest, format!("{at}{}", pointer_to(name)), "is missing"),
                None if error.path().iter().next().is_none() => ApiError::new(Code::InvalidRequest, whole.clone()),
                None => ApiError::at(Code::InvalidRequest, at, expected(detail)),
            }
        }
        Err(error) => of_json(error.inner()),
        // Read to its end it was right, so the error lies behind it.
        Ok(_) => match deserializer.end() {
            Err(error) => of_json(&error),
            Ok(()) => ApiError::new(Code::InvalidRequest, "the body cannot be read"),
        },
    }
}

/// Whether the text is JSON, and only of another form. The parser itself calls a `null` for one of several words a fault of the text.
fn is_of_form(error: &serde_json::Error, text: &str) -> bool {
    error.classify() == Category::Data || serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A step of a JSON pointer.
fn step(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(pointer_to(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// The step to a member.
fn pointer_to(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The member that is missing, where that is what is wrong: the path ends with what lacks it.
fn missing_member(detail: &str) -> Option<&str> {
    detail.strip_prefix("missing field `")?.strip_suffix('`')
}

/// What is expected, where the parser does not say so: of what is no string in the place of one of several words.
fn expected(detail: &str) -> &str {
    match detail {
        "expected value" => "a string is expected, one of the words that it can be",
        detail => detail,
    }
}

/// What is wrong with a JSON text, with its position.
pub(crate) fn of_json(error: &serde_json::Error) -> ApiError {
    let code = match error.classify() {
        Category::Data => Code::InvalidRequest,
        Category::Syntax | Category::Eof | Category::Io => Code::InvalidJson,
    };
    ApiError::new(code, error.to_string())
}

/// A body of JSON in the form of `T`.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let read = read(state, &parts, body, REQUEST_BYTES).await?;
        parse(read.text()?).map(Self)
    }
}

/// The same for a call that anybody can make: one that gives a token, or opens a session.
#[derive(Debug)]
pub(crate) struct OpenJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for OpenJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Ok(from) = CalledFrom::from_request_parts(&mut parts, state).await;
        let requests = state.requests();
        let _turn = match from.guesser() {
            Some(guesser) => Some(requests.of_addresses.turn(&guesser).await?),
            None => None,
        };
        let budget = Budget::Requests(&requests.open);
        let read = read_within(budget, &parts.headers, body, REQUEST_BYTES, OPEN_REQUEST_READ_TIMEOUT).await?;
        parse(read.text()?).map(Self)
    }
}

/// The same for a call whose every member can be left out: then so can the body.
#[derive(Debug)]
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<ApiState> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let read = read(state, &parts, body, REQUEST_BYTES).await?;
        let text = read.text()?;
        if text.trim().is_empty() { Ok(Self(T::default())) } else { parse(text).map(Self) }
    }
}

/// A body that does not matter, and is read to its end, so that the connection can be used again. Clients send one with every
/// `POST`, be it empty or `{}`.
#[derive(Debug)]
pub(crate) struct Ignored;

impl FromRequest<ApiState> for Ignored {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        read(state, &parts, body, REQUEST_BYTES).await.map(|_| Self)
    }
}
