//! `postrider replay`: sends the events of a range of time once more.

use serde_json::json;

use super::job;
use crate::cli::Replay;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Form;

pub(crate) async fn run(given: Replay, form: Form) -> Result<(), Failure> {
    let client = Client::connect_for_environment(given.target.find()?).await?;
    let mut request = json!({
        "kind": "replay",
        "webhookIds": given.webhook,
        "include": if given.undelivered { "undelivered" } else { "all" },
    });
    let event = given.event.map(|id| id.to_string());
    let more = [
        ("from", given.from),
        ("to", given.to),
        ("eventId", event),
        ("eventKey", given.event_key),
        ("tenantId", given.tenant),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            request[name] = value.into();
        }
    }
    if let Some(rate) = given.job.rate {
        request["ratePerSecond"] = rate.into();
    }
    job::run(&client, request, &given.job, form).await
}
