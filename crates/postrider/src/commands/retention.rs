//! `postrider retention`: how long an environment keeps its events.

use http::Method;
use serde_json::{Value, json};

use crate::cli::Retention;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Form;

const PATH: &str = "/api/v1/retention";
/// What follows from a shorter time.
const LOST: &str =
    "What is older is deleted within minutes and cannot be brought back; what still waits stays until it has ended.";

pub(crate) async fn run(given: Retention, form: Form) -> Result<(), Failure> {
    let client = Client::connect_for_environment(given.target.find()?).await?;
    let before = client.call(Method::GET, PATH, None).await?;
    if given.days.is_none() && !given.default {
        form.print(&before, || told(&before))?;
        return Ok(());
    }
    // Without a number it is the server's own.
    let after = client.call(Method::PUT, PATH, Some(json!({ "days": given.days }))).await?;
    let is_shorter = effective(&after) < effective(&before);
    form.print(&after, || if is_shorter { format!("{}\n{LOST}", told(&after)) } else { told(&after) })?;
    Ok(())
}

fn effective(retention: &Value) -> u64 {
    retention["effectiveDays"].as_u64().unwrap_or_default()
}

fn days(value: &Value) -> String {
    match value.as_u64() {
        Some(1) => "1 day".to_owned(),
        days => format!("{} days", days.unwrap_or_default()),
    }
}

fn told(retention: &Value) -> String {
    let kept = format!("Events, deliveries and attempts are kept for {}", days(&retention["effectiveDays"]));
    match &retention["days"] {
        Value::Null => format!("{kept}, as the server's configuration says."),
        _ => format!("{kept}. The server's configuration says {}.", days(&retention["defaultDays"])),
    }
}
