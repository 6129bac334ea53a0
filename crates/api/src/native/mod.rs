//! The native API at `/api/v1`: JSON in camelCase, unknown members refused, cursor pages, RFC 9457 errors.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::ApiState;

pub(crate) mod attempts;
pub(crate) mod categories;
pub(crate) mod credentials;
pub(crate) mod deliveries;
pub(crate) mod delivery_stream;
pub(crate) mod environments;
pub(crate) mod event_types;
pub(crate) mod events;
pub(crate) mod filter_tests;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod openapi;
pub(crate) mod portal_links;
pub(crate) mod portal_session;
pub(crate) mod portal_sessions;
pub(crate) mod portal_settings;
pub(crate) mod presets;
pub(crate) mod previews;
pub(crate) mod retention;
pub(crate) mod sent_requests;
pub(crate) mod session;
pub(crate) mod skips;
pub(crate) mod source_addresses;
pub(crate) mod statistics;
pub(crate) mod theme;
pub(crate) mod trusted_issuer;
pub(crate) mod webhook_tests;
pub(crate) mod webhooks;
pub(crate) mod wire;
pub(crate) mod words;

/// Every call of the native API, each with its documentation.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(events::accept::accept_event, events::read::list_events))
        .routes(routes!(events::batch::accept_events))
        .routes(routes!(events::stream::stream_events))
        .routes(routes!(events::read::get_event))
        .routes(routes!(events::read::list_deliveries_of_event))
        .routes(routes!(webhooks::list::list_webhooks, webhooks::create::create_webhook))
        .routes(routes!(webhooks::get::get_webhook, webhooks::update::update_webhook, webhooks::delete::delete_webhook))
        .routes(routes!(webhooks::rotate::rotate_secret))
        .routes(routes!(webhooks::rotate::end_secret_overlap))
        .routes(routes!(webhooks::rotate::rotate_key))
        .routes(routes!(webhooks::public_keys::list_public_keys))
        .routes(routes!(webhook_tests::test_webhook))
        .routes(routes!(webhook_tests::test_draft))
        .routes(routes!(filter_tests::test_filter))
        .routes(routes!(previews::preview_webhook))
        .routes(routes!(previews::preview_draft))
        .routes(routes!(presets::list_presets))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(delivery_stream::stream_deliveries))
        .routes(routes!(deliveries::get_delivery))
        .routes(routes!(deliveries::resend_delivery))
        .routes(routes!(skips::skip_delivery))
        .routes(routes!(attempts::list_attempts))
        .routes(routes!(jobs::list::list_jobs, jobs::start::start_job))
        .routes(routes!(jobs::preview::preview_job))
        .routes(routes!(jobs::list::get_job, jobs::rate::change_job))
        .routes(routes!(jobs::control::pause_job))
        .routes(routes!(jobs::control::resume_job))
        .routes(routes!(jobs::control::cancel_job))
        .routes(routes!(statistics::series::get_statistics))
        .routes(routes!(statistics::summary::get_summary))
        .routes(routes!(statistics::webhooks::get_statistics_of_webhooks))
        .routes(routes!(event_types::list_event_types, event_types::create_event_type))
        .routes(routes!(event_types::import::import_event_types))
        .routes(routes!(event_types::export::export_event_types))
        .routes(routes!(event_types::schemas::list_schemas))
        .routes(routes!(event_types::get_event_type, event_types::update_event_type, event_types::delete_event_type))
        .routes(routes!(categories::list_categories, categories::create_category))
        .routes(routes!(categories::rename_category, categories::delete_category))
        .routes(routes!(portal_settings::get_portal_settings, portal_settings::put_portal_settings))
        .routes(routes!(session::get_session, session::sign_in, session::sign_out))
        .routes(routes!(portal_links::create_portal_link))
        .routes(routes!(portal_session::get_portal_session, portal_session::open_portal, portal_session::close_portal))
        .routes(routes!(portal_session::renew_portal_token))
        .routes(routes!(portal_sessions::list_portal_sessions, portal_sessions::end_portal_sessions))
        .routes(routes!(portal_sessions::end_portal_session))
        .routes(routes!(
            trusted_issuer::get_trusted_issuer,
            trusted_issuer::put_trusted_issuer,
            trusted_issuer::delete_trusted_issuer
        ))
        .routes(routes!(retention::get_retention, retention::put_retention))
        .routes(routes!(source_addresses::list_source_addresses))
        .routes(routes!(environments::list_environments, environments::create_environment))
        .routes(routes!(environments::get_environment, environments::rename_environment))
        .routes(routes!(credentials::list_credentials, credentials::create_credential))
        .routes(routes!(credentials::revoke_credential))
}
