//! The OpenAPI document, made from the code of the calls.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
    SecurityRequirement,
};

use crate::state::ApiState;

mod exact;

pub(crate) use self::exact::make_exact;

/// What errors of the native API are written in.
const PROBLEM: &str = "application/problem+json";

const DESCRIPTION: &str = "Postrider's native API at `/api/v1`, and the API of Frontegg's webhooks, which it speaks as well: at \
    the root and under `/frontegg`, with and without a slash at the end.\n\nCalls take a token of an environment as \
    `Authorization: Bearer`, from `POST /auth/vendor`; where it is said, an operator's token. The token of a credential of the scope \
    `events` reports events alone, and that of one of the scope `read` looks, and changes and sends nothing: other calls answer with 403 \
    `insufficient_scope`. Errors of the native API are \
    `application/problem+json` with a stable `code`.";

/// The document without paths.
pub(crate) fn frame() -> OpenApi {
    let tag = |name: &str, description: &str| TagBuilder::new().name(name).description(Some(description)).build();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Postrider")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(DESCRIPTION))
                .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
                .build(),
        )
        .components(Some(ComponentsBuilder::new().security_scheme("token", SecurityScheme::Http(bearer)).build()))
        .security(Some([SecurityRequirement::new("token", Vec::<String>::new())]))
        .tags(Some([
            tag("auth", "Tokens."),
            tag("events", "What happened."),
            tag("webhooks", "Who wants to know of it."),
            tag("deliveries", "What became of it."),
            tag("jobs", "Resending many, and replaying what was."),
            tag("statistics", "How many, how fast, how well."),
            tag("event types", "What events are called and mean."),
            tag("portal", "What tenants see."),
            tag("session", "Signing in to the console. For pages of this server."),
            tag("environments", "For operators: environments and their credentials."),
            tag("frontegg", "The API of Frontegg's webhooks, as its clients call it."),
        ]))
        .build()
}

/// Completes the errors of a call of the native API: what every call of its kind can be refused for is told of it, beside what its own
/// documentation tells, and all of it is what the server answers with: the macros take any body for `application/json`.
fn complete_errors(operation: &mut Operation) {
    let is_public = operation.security.as_ref().is_some_and(|ways| ways.contains(&SecurityRequirement::default()));
    let has_body = operation.request_body.is_some();
    let unreadable = if has_body { "The body, or a parameter, cannot be read." } else { "A parameter cannot be read." };
    let mut errors = vec![("400", unreadable)];
    if !is_public {
        errors.push(("401", "There is no token or session, or it does not count any more."));
        errors.push(("403", "The caller's kind, permissions or scope do not allow it."));
    }
    if has_body {
        errors.push(("413", "The body is too large."));
        errors.push(("415", "The body is compressed."));
    }
    // Calls without a token sign in or open a portal: what they are given is right or wrong, and nothing else.
    if has_body && !is_public {
        errors.push(("422", "A value is outside what it can be."));
        errors.push(("429", "Too many such calls of the tenant's users, or costly ones of a vendor, are under way."));
    }
    let responses = &mut operation.responses.responses;
    for (status, description) in errors {
        responses.entry(status.to_owned()).or_insert_with(|| {
            let problem = Content::new(Some(Ref::from_schema_name("Problem")));
            ResponseBuilder::new().description(description).content(PROBLEM, problem).into()
        });
    }
    for (status, response) in responses {
        if status.as_str() >= "400"
            && let RefOr::T(response) = response
        {
            let content = std::mem::take(&mut response.content);
            response.content = content.into_iter().map(|(_, content)| (PROBLEM.to_owned(), content)).collect();
        }
    }
}

/// `GET /api/v1/openapi.json`: the document, with the address of this server. No token is needed.
pub(crate) async fn document(State(state): State<ApiState>) -> Response {
    let mut document = crate::openapi();
    if let Some(url) = &state.options().public_url {
        document.servers = Some(vec![ServerBuilder::new().url(url).build()]);
    }
    let body = serde_json::to_vec(&document).expect("the document has string keys only");
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
