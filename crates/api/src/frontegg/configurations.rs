//! The configurations of channels that there are none of here, empty, so that a page that loads them works.

use axum::Json as Answer;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::caller::Member;

/// The configuration of Slack: no subscriptions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggSlack)]
pub(crate) struct Slack {
    #[schema(value_type = Vec<Object>)]
    slack_subscriptions: [(); 0],
}

/// No configurations.
type Nothing = Vec<serde_json::Value>;

/// Get the configuration of Slack
///
/// There is none.
#[utoipa::path(get, path = "/integrations/resources/configurations/v1/slack", operation_id = "frontegg_slack",
    tag = "frontegg", responses((status = 200, description = "An empty configuration.", body = Slack)))]
pub(crate) async fn slack(_: Member) -> Answer<Slack> {
    Answer(Slack { slack_subscriptions: [] })
}

/// List the configurations of e-mail
///
/// There are none.
#[utoipa::path(get, path = "/integrations/resources/configurations/v1/emails", operation_id = "frontegg_emails",
    tag = "frontegg", responses((status = 200, description = "An empty list.", body = Vec<Object>)))]
pub(crate) async fn emails(_: Member) -> Answer<Nothing> {
    Answer(Nothing::new())
}

/// List the configurations of SMS
///
/// There are none.
#[utoipa::path(get, path = "/integrations/resources/configurations/v2/sms", operation_id = "frontegg_sms",
    tag = "frontegg", responses((status = 200, description = "An empty list.", body = Vec<Object>)))]
pub(crate) async fn sms(_: Member) -> Answer<Nothing> {
    Answer(Nothing::new())
}
