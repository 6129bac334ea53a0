//! The routes that Frontegg's middlewares let through to browsers without a session of the vendor's: there are none here.
//!
//! A middleware that guards its other routes asks for the list first, without a token, and passes on nothing where it gets none.

use axum::Json as Answer;
use serde::Serialize;
use utoipa::ToSchema;

/// Routes that are open to everybody.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggPublicRoutes)]
pub(crate) struct PublicRoutes {
    #[schema(value_type = Vec<Object>)]
    vendor_client_public_routes: [(); 0],
}

/// List the routes that are open to everybody
///
/// There are none.
#[utoipa::path(get, path = "/configs/routes", operation_id = "frontegg_public_routes", tag = "frontegg", security(()),
    responses((status = 200, description = "An empty list.", body = PublicRoutes)))]
pub(crate) async fn get() -> Answer<PublicRoutes> {
    Answer(PublicRoutes { vendor_client_public_routes: [] })
}
