//! The OpenAPI document, made from the code of the calls.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, SecurityRequirement};

use crate::state::ApiState;

const DESCRIPTION: &str = "Postrider's native API at `/api/v1`, and the API of Frontegg's webhooks, which it speaks as well: at \
    the root and under `/frontegg`, with and without a slash at the end.\n\nCalls take a token of an environment as \
    `Authorization: Bearer`, from `POST /auth/vendor`; where it is said, an operator's token. The token of a credential of the scope \
    `events` reports events alone, and that of one of the scope `read` looks and changes nothing: other calls answer with 403 \
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

/// `GET /api/v1/openapi.json`: the document, with the address of this server. No token is needed.
pub(crate) async fn document(State(state): State<ApiState>) -> Response {
    let mut document = crate::openapi();
    if let Some(url) = &state.options().public_url {
        document.servers = Some(vec![ServerBuilder::new().url(url).build()]);
    }
    let body = serde_json::to_vec(&document).expect("the document has string keys only");
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
