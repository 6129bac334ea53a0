//! The addresses that requests to webhooks come from, for receivers' firewalls.

use axum::Json as Answer;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::caller::Member;
use crate::state::ApiState;

/// Where requests come from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceAddresses {
    /// The addresses. Empty: the operator has fixed none, and they can change.
    addresses: Vec<String>,
}

/// List source addresses
///
/// The addresses that requests to webhooks come from. Receivers behind a firewall let them in.
#[utoipa::path(get, path = "/api/v1/source-addresses", tag = "webhooks", responses(
    (status = 200, description = "The addresses.", body = SourceAddresses)))]
pub(crate) async fn list_source_addresses(State(state): State<ApiState>, _: Member) -> Answer<SourceAddresses> {
    let configured = &state.options().source_addresses;
    let addresses = if configured.is_empty() {
        state.engine().egress().source_addresses().iter().map(ToString::to_string).collect()
    } else {
        configured.clone()
    };
    Answer(SourceAddresses { addresses })
}
