//! What the parts of a webhook, and other things that people configure, must be like. The same for both APIs.

use postrider_core::event::EventKey;
use postrider_core::limits::{CATEGORY_NAME_CHARS, DESCRIPTION_CHARS, NAME_CHARS, SUBSCRIPTIONS};
use postrider_core::portal::is_loopback;
use postrider_core::signature::Secret;
use postrider_core::source::Source;
use postrider_core::webhook::{EndpointUrl, Scope};
use postrider_core::{EnvironmentId, EventTypeId};
use postrider_shape::filter::Filter;

use crate::auth::caller::Member;
use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// A URL that this server would send to, as far as can be told without looking its name up.
pub(crate) fn url(state: &ApiState, at: &str, text: &str) -> Result<EndpointUrl, ApiError> {
    let url = EndpointUrl::parse(text).map_err(|error| ApiError::value(at, error))?;
    match state.engine().egress().policy().check_url(url.url()) {
        Ok(()) => Ok(url),
        Err(refusal) => Err(ApiError::at(Code::UrlRefused, at, refusal)),
    }
}

/// A URL that secrets are sent to, or keys believed from, which nobody between may read or change: https, or plain http on this machine.
pub(crate) fn url_of_secrets(state: &ApiState, at: &str, text: &str) -> Result<EndpointUrl, ApiError> {
    let url = url(state, at, text)?;
    if url.url().scheme() != "https" && !is_loopback(url.url()) {
        let detail =
            "begins with https://, as whoever is between could read or change what passes (http on this machine alone)";
        return Err(ApiError::value(at, detail));
    }
    Ok(url)
}

/// Subscriptions of a webhook of that scope, as they are given: whoever compares what it wrote with what it reads finds the same. One
/// that is there twice means what it means once. `standing`: what the webhook subscribes to already, which is not judged again, as its event
/// type may have been deleted or hidden from tenants since: it reaches nothing then, and keeps nobody from changing the others.
pub(crate) fn event_keys(
    state: &ApiState,
    environment_id: EnvironmentId,
    scope: &Scope,
    at: &str,
    keys: Vec<String>,
    standing: &[String],
) -> Result<Vec<String>, ApiError> {
    if keys.len() > SUBSCRIPTIONS {
        return Err(ApiError::value(at, format!("has at most {SUBSCRIPTIONS} entries")));
    }
    for (index, key) in keys.iter().enumerate().filter(|(_, key)| !standing.contains(key)) {
        state
            .directory()
            .check_subscription(environment_id, scope, key)
            .map_err(|error| ApiError::value(format!("{at}/{index}"), error))?;
    }
    Ok(keys)
}

/// The key of an event type that is made. An event may have any key; this is one that a webhook can subscribe to by itself.
pub(crate) fn event_type_key(at: &str, text: &str) -> Result<EventKey, ApiError> {
    let key = EventKey::parse(text).map_err(|error| ApiError::value(at, error))?;
    let why = if text.contains('*') {
        "must not contain `*`, which stands for many keys where a webhook subscribes; spell the key without it"
    } else if text.parse::<EventTypeId>().is_ok() {
        "must not be a UUID: by one, webhooks subscribe to the event type or category of that id; add a word to it"
    } else {
        return Ok(key);
    };
    Err(ApiError::value(at, why))
}

/// The name of a category, such that a webhook can subscribe to `<name>.*`. One that a category of the environment has is taken as it is,
/// since earlier versions let others be made.
pub(crate) fn category_name(
    state: &ApiState,
    environment_id: EnvironmentId,
    at: &str,
    text: String,
) -> Result<String, ApiError> {
    let why = if text.trim().is_empty() {
        "must not be empty".to_owned()
    } else if text.contains('*') {
        "must not contain `*`, as webhooks subscribe to `<name>.*`; spell the name without it".to_owned()
    } else if text.chars().take(CATEGORY_NAME_CHARS + 1).count() > CATEGORY_NAME_CHARS {
        format!("has at most {CATEGORY_NAME_CHARS} characters, as webhooks subscribe to `<name>.*`; shorten it")
    } else if let Err(error) = EventKey::parse(&text) {
        error.to_string()
    } else {
        return Ok(text);
    };
    let is_there = state.directory().categories(environment_id).iter().any(|category| category.name == text);
    if is_there { Ok(text) } else { Err(ApiError::value(at, why)) }
}

/// A webhook's secret; the empty text means none. A tenant's user must take more characters than the vendor.
pub(crate) fn secret(member: &Member, at: &str, text: &str) -> Result<Option<Secret>, ApiError> {
    let secret = if member.tenant.is_some() { Secret::from_tenant(text) } else { Secret::from_vendor(text) };
    secret.map_err(|error| ApiError::value(at, error))
}

/// A webhook's secret in a call where the empty text, which seems to be one, is refused: `instead` says what to send.
pub(crate) fn given_secret(member: &Member, at: &str, text: &str, instead: &str) -> Result<Secret, ApiError> {
    secret(member, at, text)?.ok_or_else(|| ApiError::value(at, format!("must not be empty; {instead}")))
}

/// A filter that somebody writes, and that can be decided.
pub(crate) fn filter(at: &str, text: &str) -> Result<Source, ApiError> {
    let source = Source::new(text);
    Filter::check(&source).map_err(|error| ApiError::value(at, error))?;
    Ok(source)
}

/// A name for people that may be empty.
pub(crate) fn optional_name(at: &str, text: String) -> Result<String, ApiError> {
    if text.chars().take(NAME_CHARS + 1).count() > NAME_CHARS {
        return Err(ApiError::value(at, format!("has at most {NAME_CHARS} characters")));
    }
    Ok(text)
}

/// A name for people.
pub(crate) fn name(at: &str, text: String) -> Result<String, ApiError> {
    if text.trim().is_empty() {
        return Err(ApiError::value(at, "must not be empty"));
    }
    optional_name(at, text)
}

/// A description.
pub(crate) fn description(at: &str, text: String) -> Result<String, ApiError> {
    if text.chars().take(DESCRIPTION_CHARS + 1).count() > DESCRIPTION_CHARS {
        return Err(ApiError::value(at, format!("has at most {DESCRIPTION_CHARS} characters")));
    }
    Ok(text)
}
