//! The API of Frontegg's webhooks, as its clients call it.
//!
//! Owns its paths, its records and its tolerance: unknown members are ignored, whole records may be echoed back, every path is
//! served at the root and under `/frontegg`, with and without a slash at its end.

use axum::Router;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::state::ApiState;

pub(crate) mod categories;
pub(crate) mod configurations;
pub(crate) mod event_definitions;
pub(crate) mod logs;
pub(crate) mod metadata;
pub(crate) mod passed_on;
pub(crate) mod public_routes;
pub(crate) mod scope;
pub(crate) mod test;
pub(crate) mod triggers_v1;
pub(crate) mod triggers_v2;
pub(crate) mod triggers_v3;
pub(crate) mod webhook;

/// What every path stands under as well.
pub(crate) const PREFIX: &str = "/frontegg";

/// Every call of the Frontegg API, each with its documentation.
pub(crate) fn routes() -> (Router<ApiState>, utoipa::openapi::OpenApi) {
    let calls = vec![
        routes!(crate::auth::vendor::log_in),
        routes!(crate::auth::vendor::log_in_at_older_path),
        routes!(webhook::list::list),
        routes!(webhook::create::create),
        routes!(webhook::update::update, webhook::delete::delete),
        routes!(logs::list),
        routes!(logs::retry),
        routes!(test::send),
        routes!(event_definitions::list, event_definitions::create),
        routes!(event_definitions::delete),
        routes!(categories::list),
        routes!(configurations::slack),
        routes!(configurations::emails),
        routes!(configurations::sms),
        routes!(metadata::get),
        routes!(public_routes::get),
        routes!(triggers_v3::trigger),
        routes!(triggers_v3::statuses),
        routes!(triggers_v2::trigger),
        routes!(triggers_v2::statuses),
        routes!(triggers_v1::trigger),
    ];
    let mut document = utoipa::openapi::OpenApi::default();
    let router = calls.into_iter().fold(Router::new(), |router, call| serve(router, &mut document, call));
    (router, document)
}

/// Serves a call in all the forms of its path; the document names the plain one.
fn serve(
    mut router: Router<ApiState>,
    document: &mut utoipa::openapi::OpenApi,
    (schemas, paths, methods): UtoipaMethodRouter<ApiState>,
) -> Router<ApiState> {
    for path in paths.paths.keys() {
        for prefix in ["", PREFIX] {
            for slash in ["", "/"] {
                router = router.route(&format!("{prefix}{path}{slash}"), methods.clone());
            }
        }
    }
    document.paths.paths.extend(paths.paths);
    document.components.get_or_insert_default().schemas.extend(schemas);
    router
}
