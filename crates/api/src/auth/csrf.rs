//! Whether a call that is authenticated by a cookie was made by a page of ours.
//!
//! A browser sends cookies along whoever asks it to. Three things must agree, each of which alone keeps other people's pages out: a
//! header that a page of another origin cannot set without asking first, which nobody here answers; what the browser says of who asks
//! (`Sec-Fetch-Site`); the page's origin. Calls that only read are held to the second, so that other people's pages do not even learn
//! how long an answer takes.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use url::Url;

use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// The header that pages of ours send with every call that changes something.
const MARK: &str = "x-postrider-csrf";

/// Refuses calls that a page of another origin may have made.
pub(crate) fn check(parts: &Parts, state: &ApiState) -> Result<(), ApiError> {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    if !matches!(text("sec-fetch-site"), None | Some("same-origin" | "none")) {
        return Err(refused("the browser says that a page of another site makes this call"));
    }
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    if text(MARK) != Some("1") {
        return Err(refused("a call with a cookie that changes something takes the header `x-postrider-csrf: 1`"));
    }
    match parts.headers.get(header::ORIGIN) {
        None => Ok(()),
        Some(origin) if is_own(origin.to_str().unwrap_or_default(), &parts.headers, state) => Ok(()),
        Some(_) => Err(refused(
            "the page's origin is not this server's; behind a reverse proxy, set POSTRIDER_PUBLIC_URL to the address in the browser",
        )),
    }
}

fn refused(detail: &'static str) -> ApiError {
    ApiError::new(Code::CsrfRefused, detail)
}

/// Whether an origin is the one that this server is reached at: as the request says, or as is configured.
fn is_own(origin: &str, headers: &HeaderMap, state: &ApiState) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let asked = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    if let (Some(asked), Some(host)) = (asked, host)
        && asked.eq_ignore_ascii_case(host)
    {
        return true;
    }
    let public = state.options().public_url.as_deref().and_then(|url| Url::parse(url).ok());
    public.is_some_and(|url| url.origin().ascii_serialization() == origin)
}

/// A call that a page of ours, or a program, makes. For calls that sign in or out, where there is no cookie yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FromOwnPage;

impl FromRequestParts<ApiState> for FromOwnPage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        check(parts, state).map(|()| Self)
    }
}
