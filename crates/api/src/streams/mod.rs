//! Streams: server-sent events for as long as whoever asked for them may read them.
//!
//! Owns how a stream begins, lives and ends. What it tells is its [`Source`]'s. Being let in once is not enough for a connection that may
//! stay for days: the caller is looked at again, exactly as on a new call, before anything is told and at least every
//! [`STREAM_CHECKED`]. Looking is no use of a session: an open page does not keep it from ending. While it cannot be found out who the
//! caller is, as the keys of its issuer cannot be fetched, the stream is silent, and ends after [`STREAM_UNCHECKED`].
//!
//! Invariant: nothing is told to a caller whose token, session, credential, permission or portal has ended, be it that it waits to be read
//! already; the last message says so.

mod places;
mod standing;

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::sse::{Event as Message, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::StatusCode;
use postrider_core::limits::{STREAM_CHECKED, STREAM_HEARTBEAT, STREAM_UNCHECKED};
use serde::Serialize;
use tokio::time::Instant;

use self::places::Place;
pub(crate) use self::places::Places;
pub(crate) use self::standing::{OnlyLooking, Standing};
use crate::error::ApiError;
use crate::state::ApiState;

/// What a stream tells.
pub(crate) trait Source: Send + 'static {
    /// The kind of caller that it serves.
    type Caller: FromRequestParts<ApiState, Rejection = ApiError> + Send + Sync;

    /// Refuses a caller that may not be told.
    fn admit(&self, caller: &Self::Caller) -> Result<(), ApiError>;

    /// Waits until there is something to tell; false: there never will be. It may be given up and called again.
    fn news(&mut self) -> impl Future<Output = bool> + Send;

    /// What there is to tell a caller that was looked at just now.
    fn tell(&mut self, caller: &Self::Caller) -> impl Future<Output = Vec<Message>> + Send;
}

/// `event: ended`, last of all: why nothing more is told.
#[derive(Debug, Serialize)]
struct Ended<'a> {
    /// The code of the error that a new call would get.
    reason: &'static str,
    /// Its status.
    status: u16,
    /// What went wrong, in words.
    detail: &'a str,
}

/// Opens a stream, where there is a place for it. `first` is told before anything else.
pub(crate) async fn open<S: Source>(
    state: &ApiState,
    standing: Standing,
    first: Message,
    source: S,
) -> Result<Response, ApiError> {
    let place = state.places().take(standing.opener(state).await?)?;
    let now = Instant::now();
    let open = Open {
        state: state.clone(),
        standing,
        source,
        messages: VecDeque::from([first]),
        look_at: now + STREAM_CHECKED,
        beat_at: now + STREAM_HEARTBEAT,
        has_news: false,
        unchecked_since: None,
        has_ended: false,
        _place: place,
    };
    let messages = stream::unfold(open, |mut open| async move {
        let message = open.next().await?;
        Some((Ok::<_, Infallible>(message), open))
    });
    Ok(Sse::new(messages).into_response())
}

struct Open<S> {
    state: ApiState,
    standing: Standing,
    source: S,
    /// Those that wait to be read.
    messages: VecDeque<Message>,
    /// When the caller is looked at next.
    look_at: Instant,
    /// When a sign of life is due.
    beat_at: Instant,
    /// Whether the source has something to tell.
    has_news: bool,
    /// Since when it cannot be found out who the caller is, where it cannot.
    unchecked_since: Option<Instant>,
    has_ended: bool,
    _place: Place,
}

impl<S: Source> Open<S> {
    /// The next message; none when the caller's right has ended, or the server stops.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if self.has_ended {
                return self.messages.pop_front();
            }
            if Instant::now() < self.look_at {
                if self.unchecked_since.is_none()
                    && let Some(message) = self.messages.pop_front()
                {
                    self.beat_at = Instant::now() + STREAM_HEARTBEAT;
                    return Some(message);
                }
                if !self.wait().await {
                    return None;
                }
            }
            self.look().await;
            if !self.has_ended && Instant::now() >= self.beat_at {
                self.beat_at = Instant::now() + STREAM_HEARTBEAT;
                return Some(Message::default().comment(""));
            }
        }
    }

    /// Waits until the caller is to be looked at; false: there will be nothing more to tell.
    async fn wait(&mut self) -> bool {
        if self.has_news {
            // They wait for a caller that cannot be looked at.
            tokio::time::sleep_until(self.look_at).await;
            return true;
        }
        tokio::select! {
            goes_on = self.source.news() => {
                self.has_news = goes_on;
                goes_on
            }
            () = tokio::time::sleep_until(self.look_at) => true,
        }
    }

    /// Looks at the caller again, and asks the source for what there is to tell.
    async fn look(&mut self) {
        let caller = self.caller().await;
        self.look_at = Instant::now() + STREAM_CHECKED;
        match caller {
            Ok(caller) => {
                self.unchecked_since = None;
                if std::mem::take(&mut self.has_news) {
                    self.messages.extend(self.source.tell(&caller).await);
                }
            }
            Err(error) if self.may_pass(&error) => {}
            Err(error) => {
                self.has_ended = true;
                let (reason, status) = (error.code().name(), error.code().status().as_u16());
                let ended = message("ended", &Ended { reason, status, detail: &error.detail() });
                self.messages = VecDeque::from([ended]);
            }
        }
    }

    /// Whether the error says nothing of the caller's right, and has not lasted too long.
    fn may_pass(&mut self, error: &ApiError) -> bool {
        error.code().status() == StatusCode::SERVICE_UNAVAILABLE
            && self.unchecked_since.get_or_insert_with(Instant::now).elapsed() < STREAM_UNCHECKED
    }

    async fn caller(&mut self) -> Result<S::Caller, ApiError> {
        let caller = self.standing.caller(&self.state).await?;
        self.source.admit(&caller)?;
        Ok(caller)
    }
}

/// A message of that name.
pub(crate) fn message(name: &str, data: &impl Serialize) -> Message {
    let data = serde_json::to_string(data).expect("strings and numbers can be written as JSON");
    Message::default().event(name).data(data)
}
