//! What is answered when a request is not: one error type, a closed set of codes, two shapes on the wire.
//!
//! Owns the codes, their statuses and how an error looks in each API. Does not own when one occurs: that is said where a call is
//! served. A handler's error carries no shape; [`crate::edge`] gives it the one of the API that was asked.
//!
//! Invariants: every answer with a status of 400 or more was an [`ApiError`]; a 5XX says nothing of its cause to the caller, and
//! is logged once with all of it, or, of those that come by the thousand, one a minute; a 4XX is logged at `debug`, with nothing that the
//! caller sent but method and path.

mod refusals;
mod wire;

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use postrider_core::limits::SIGN_IN_REGAINED;
use postrider_shape::TemplateError;
use serde::{Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

pub(crate) use self::refusals::Refusals;
use self::refusals::Telling;
pub(crate) use self::wire::{FronteggErrors, Problem};

/// Seconds after which a caller is asked to come back when there was no room or the store could not be written.
const RETRY_AFTER_SECONDS: u32 = 1;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $case:ident => $name:literal, $status:ident, $title:literal;)*) => {
        /// What went wrong, in a word that stays the same. One section of `docs/errors.md` explains each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $case,)*
        }

        impl Code {
            /// Every code, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$case),*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$case => $name),* }
            }

            /// The status it is answered with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$case => StatusCode::$status),* }
            }

            /// What it is in a few words; the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$case => $title),* }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or no UTF-8.
    InvalidJson => "invalid_json", BAD_REQUEST, "The body is not JSON";
    /// The body is JSON of another form: a member is missing, unknown or of another type.
    InvalidRequest => "invalid_request", BAD_REQUEST, "The request cannot be read";
    /// A query parameter or a header is missing, unknown or unreadable.
    InvalidParameter => "invalid_parameter", BAD_REQUEST, "A parameter cannot be read";
    /// A payload has a member with a name of the envelope.
    ReservedName => "reserved_name", BAD_REQUEST, "The name is reserved";
    /// A URL that this server does not send to.
    UrlRefused => "url_refused", BAD_REQUEST, "The URL is refused";
    /// The request carries no token.
    TokenMissing => "token_missing", UNAUTHORIZED, "A token is needed";
    /// The token is none of this server's, was changed, or its issuer is not trusted.
    TokenInvalid => "token_invalid", UNAUTHORIZED, "The token is not valid";
    /// The token's time is over.
    TokenExpired => "token_expired", UNAUTHORIZED, "The token has expired";
    /// The credential that the token was made with was revoked.
    TokenRevoked => "token_revoked", UNAUTHORIZED, "The token was revoked";
    /// The session of a browser has ended.
    SessionEnded => "session_ended", UNAUTHORIZED, "The session has ended";
    /// A portal link was opened before, its time is over, or it never was.
    LinkInvalid => "link_invalid", UNAUTHORIZED, "The link cannot be opened any more";
    /// Client id or secret are wrong.
    CredentialsInvalid => "credentials_invalid", UNAUTHORIZED, "Client id or secret are wrong";
    /// The caller's kind or permissions do not allow it.
    Forbidden => "forbidden", FORBIDDEN, "Not allowed";
    /// The credential's scope does not open the call.
    InsufficientScope => "insufficient_scope", FORBIDDEN, "The credential opens less";
    /// A call with a cookie may have been made by another site's page.
    CsrfRefused => "csrf_refused", FORBIDDEN, "Not a call of this server's page";
    /// The vendor does not show webhooks to tenants.
    PortalHidden => "portal_hidden", FORBIDDEN, "Webhooks are not switched on for tenants";
    /// The request names a tenant or environment that is not the token's.
    ScopeForeign => "scope_foreign", FORBIDDEN, "Another tenant or environment";
    /// A call of the Frontegg API names neither tenant nor environment.
    ScopeMissing => "scope_missing", FORBIDDEN, "Tenant or environment is missing";
    /// Nothing of that id is within the caller's reach.
    NotFound => "not_found", NOT_FOUND, "Not found";
    /// No such path.
    RouteNotFound => "route_not_found", NOT_FOUND, "No such path";
    /// The path exists, the method does not.
    MethodNotAllowed => "method_not_allowed", METHOD_NOT_ALLOWED, "Method not allowed";
    /// The body did not arrive in time.
    RequestTimeout => "request_timeout", REQUEST_TIMEOUT, "The body did not arrive in time";
    /// Something of that name, key or id exists already, or something depends on what is to be deleted.
    Conflict => "conflict", CONFLICT, "In conflict with what there is";
    /// The environment has as many of these as it can have.
    LimitReached => "limit_reached", CONFLICT, "There are too many";
    /// A credential that is to be revoked is the one that the call was made with.
    CredentialInUse => "credential_in_use", CONFLICT, "The credential is in use";
    /// Portal links need a public URL with https.
    PublicUrlNeeded => "public_url_needed", CONFLICT, "A public URL with https is needed";
    /// A resend to a webhook that is disabled or deleted.
    WebhookInactive => "webhook_inactive", CONFLICT, "The webhook is not active";
    /// The delivery has ended already.
    DeliveryEnded => "delivery_ended", CONFLICT, "The delivery has ended";
    /// A resend of a delivery that waits for its first turn.
    DeliveryWaits => "delivery_waits", CONFLICT, "The delivery waits for its turn";
    /// A job that has ended.
    JobEnded => "job_ended", CONFLICT, "The job has ended";
    /// The body is larger than the limit.
    BodyTooLarge => "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The body is compressed.
    EncodingUnsupported => "encoding_unsupported", UNSUPPORTED_MEDIA_TYPE, "The body is encoded";
    /// It can be read, but a value is outside what it can be.
    InvalidValue => "invalid_value", UNPROCESSABLE_ENTITY, "A value cannot be meant";
    /// A template cannot be read, or cannot be rendered for the event that it was tried with.
    TemplateInvalid => "template_invalid", UNPROCESSABLE_ENTITY, "The template cannot be used";
    /// The schema of the event's type does not allow it.
    SchemaMismatch => "schema_mismatch", UNPROCESSABLE_ENTITY, "The event is not what its schema allows";
    /// The events of a batch have too many deliveries together.
    TooManyDeliveries => "too_many_deliveries", UNPROCESSABLE_ENTITY, "Too many deliveries at once";
    /// The idempotency key was used with another body.
    IdempotencyKeyReused => "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The idempotency key was used before";
    /// Too many wrong secrets were given.
    TooManyAttempts => "too_many_attempts", TOO_MANY_REQUESTS, "Too many attempts";
    /// The caller has as many of these under way as it can have.
    TooManyAtOnce => "too_many_at_once", TOO_MANY_REQUESTS, "Too many at once";
    /// A fault of this server.
    Internal => "internal", INTERNAL_SERVER_ERROR, "Something went wrong here";
    /// The store cannot be read or written, or the server is stopping.
    Unavailable => "unavailable", SERVICE_UNAVAILABLE, "Not available at the moment";
    /// There is no room at the moment.
    Overloaded => "overloaded", SERVICE_UNAVAILABLE, "No room at the moment";
    /// The trusted issuer's keys cannot be fetched.
    IssuerUnreachable => "issuer_unreachable", SERVICE_UNAVAILABLE, "The issuer's keys cannot be fetched";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.name())))
            .description(Some("What went wrong, in a word that stays the same."))
            .into()
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        "ErrorCode".into()
    }
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Issue {
    /// The member, as a JSON pointer into the body (`/3/eventKey`), or the parameter's name.
    pub(crate) at: String,
    /// What is wrong with it.
    pub(crate) detail: String,
    /// The line of a template, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// The column of a template, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
}

impl Issue {
    /// Something that is wrong with the member.
    pub(crate) fn new(at: String, detail: String) -> Self {
        Self { at, detail, line: None, column: None }
    }
}

/// A request that is not answered as asked. Small, as it travels in every `Result`.
#[derive(Debug, Clone)]
pub struct ApiError(Arc<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    code: Code,
    detail: Cow<'static, str>,
    issues: Vec<Issue>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl ApiError {
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Parts { code, detail: detail.into(), issues: Vec::new(), cause: None }))
    }

    /// A value that cannot be meant, at that place in the body.
    pub(crate) fn value(at: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self::at(Code::InvalidValue, at, detail)
    }

    /// An error about one place of the request.
    pub(crate) fn at(code: Code, at: impl Into<String>, detail: impl fmt::Display) -> Self {
        let (at, detail) = (at.into(), format!("{detail}"));
        let name = at.trim_start_matches('/');
        let text = if name.is_empty() { detail.clone() } else { format!("{name}: {detail}") };
        Self(Arc::new(Parts { code, detail: text.into(), issues: vec![Issue::new(at, detail)], cause: None }))
    }

    /// A template at that place of the body cannot be used.
    pub(crate) fn template(at: impl Into<String>, error: &TemplateError) -> Self {
        let mut problem = Self::at(Code::TemplateInvalid, at, error);
        for issue in &mut Arc::make_mut(&mut problem.0).issues {
            issue.detail.clone_from(&error.message);
            (issue.line, issue.column) = (error.line(), error.column());
        }
        problem
    }

    /// An error about several places of the request. `what` is said before the first of them.
    pub(crate) fn several(code: Code, what: &str, places: impl IntoIterator<Item = (String, String)>) -> Self {
        let issues: Vec<Issue> = places.into_iter().map(|(at, detail)| Issue::new(at, detail)).collect();
        let mut text = what.to_owned();
        if let Some(first) = issues.first() {
            let name = first.at.trim_start_matches('/');
            let _ = match name {
                "" => write!(text, ": {}", first.detail),
                name => write!(text, ": {name}: {}", first.detail),
            };
        }
        if issues.len() > 1 {
            let _ = write!(text, " (and {} more)", issues.len() - 1);
        }
        Self(Arc::new(Parts { code, detail: text.into(), issues, cause: None }))
    }

    /// Each place that is wrong and what is wrong there.
    pub(crate) fn places(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let whole = self.0.issues.is_empty().then(|| (String::new(), self.0.detail.to_string()));
        self.0.issues.iter().map(|issue| (issue.at.clone(), issue.detail.clone())).chain(whole)
    }

    /// The same error with its places named otherwise, as another API has other words for them.
    pub(crate) fn with_places(mut self, rename: impl Fn(&str) -> String) -> Self {
        for issue in &mut Arc::make_mut(&mut self.0).issues {
            issue.at = rename(&issue.at);
        }
        self
    }

    /// A fault of this server, or of what it stands on.
    pub(crate) fn caused(code: Code, detail: &'static str, cause: impl Error + Send + Sync + 'static) -> Self {
        let cause: Option<Arc<dyn Error + Send + Sync>> = Some(Arc::new(cause));
        Self(Arc::new(Parts { code, detail: detail.into(), issues: Vec::new(), cause }))
    }

    /// Nothing of that kind and id is within reach. The same text whether it never was or is another's.
    pub(crate) fn not_found(kind: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {kind}"))
    }

    /// The caller's permissions do not allow it.
    pub(crate) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    /// The same error, said of an element of an array: pointers begin with its index.
    pub(crate) fn of_element(mut self, index: usize) -> Self {
        let parts = Arc::make_mut(&mut self.0);
        parts.detail = format!("event {index}: {}", parts.detail).into();
        for issue in &mut parts.issues {
            issue.at = format!("/{index}{}", issue.at);
        }
        if parts.issues.is_empty() {
            parts.issues.push(Issue::new(format!("/{index}"), parts.detail.to_string()));
        }
        self
    }

    /// What went wrong.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The error for an answer that something below the handlers made.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::new(Code::RouteNotFound, "there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(Code::MethodNotAllowed, "this path does not take this method; see the header Allow")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(Code::BodyTooLarge, "the body is too large"),
            status if status.is_client_error() => Self::new(Code::InvalidRequest, "the request cannot be read"),
            _ => Self::new(Code::Internal, "an answer without a reason"),
        }
    }

    /// Writes the fault down, once. `status`: what was answered. Of a caller's mistake only where it was made is written, and for who asks
    /// for it: what it was about may be a secret.
    pub(crate) fn log(
        &self,
        request_id: &str,
        (method, path): (&Method, &str),
        status: StatusCode,
        refusals: &Refusals,
    ) {
        let parts = &*self.0;
        if !parts.code.status().is_server_error() {
            tracing::debug!(
                request.id = request_id,
                request.method = %method,
                request.path = path,
                response.status = status.as_u16(),
                error.code = parts.code.name(),
                "a call was refused"
            );
            return;
        }
        let mut chain = String::new();
        let mut cause: Option<&dyn Error> = parts.cause.as_ref().map(|cause| cause.as_ref() as &dyn Error);
        while let Some(error) = cause {
            chain.push_str(": ");
            chain.push_str(&error.to_string());
            cause = error.source();
        }
        let (code, detail) = (parts.code.name(), &*parts.detail);
        if parts.code == Code::Internal {
            tracing::error!(request.id = request_id, request.path = path, error.code = code, "{detail}{chain}");
        } else if let Telling::Due { untold } = refusals.note(parts.code, detail, Instant::now()) {
            let more = match untold {
                0 => String::new(),
                _ => format!("; {untold} more were refused since this was told last"),
            };
            tracing::warn!(request.id = request_id, request.path = path, error.code = code, "{detail}{chain}{more}");
        } else {
            tracing::debug!(request.id = request_id, request.path = path, error.code = code, "{detail}{chain}");
        }
    }

    /// What the caller reads: of a fault of ours, nothing but that there was one.
    pub(crate) fn detail(&self) -> Cow<'_, str> {
        match self.0.code {
            Code::Internal => "something went wrong here; the server's log says more under this request id".into(),
            _ => (&*self.0.detail).into(),
        }
    }

    fn answer(&self, media_type: &'static str, body: &impl Serialize) -> Response {
        let code = self.0.code;
        let body = serde_json::to_vec(body).expect("strings and numbers can be written as JSON");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = code.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        match code.status() {
            StatusCode::FORBIDDEN if code == Code::InsufficientScope => {
                let challenge = HeaderValue::from_static("Bearer error=\"insufficient_scope\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let seconds = match code {
                    Code::TooManyAttempts => SIGN_IN_REGAINED.as_secs(),
                    _ => RETRY_AFTER_SECONDS.into(),
                };
                headers.insert(header::RETRY_AFTER, seconds.into());
            }
            // What is left of the body is not read, so the connection cannot be used again.
            StatusCode::REQUEST_TIMEOUT => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

/// Leaves the shape open: the edge finds the error among the extensions and writes it as the API that was asked does.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.0.code.status();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_places_is_told() {
        let said = |at: &str| {
            let places = [(at.to_owned(), "is wrong".to_owned()), ("/b".to_owned(), "too".to_owned())];
            ApiError::several(Code::SchemaMismatch, "it is not allowed", places).detail().into_owned()
        };
        assert_eq!(said(""), "it is not allowed: is wrong (and 1 more)");
        assert_eq!(said("/tenantId"), "it is not allowed: tenantId: is wrong (and 1 more)");
    }

    #[test]
    fn every_code_has_its_section_in_the_documentation() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md"))
            .expect("docs/errors.md is there");
        let sections: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let codes: Vec<_> =
            Code::ALL.iter().map(|code| format!("`{}` ({})", code.name(), code.status().as_u16())).collect();
        assert_eq!(sections, codes);
    }
}
