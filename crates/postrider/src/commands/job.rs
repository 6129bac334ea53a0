//! What bulk resend and replay have in common: count, start, and follow to the end.

use std::time::Duration;

use http::Method;
use postrider_core::{Clock as _, JobId};
use serde_json::Value;

use crate::cli::JobArgs;
use crate::client::Client;
use crate::failure::{FAILED, Failure};
use crate::output::{BAD, FAINT, Form, GOOD, note, styled, tame};
use crate::system::{SystemClock, SystemEntropy};

/// How often a job is looked at.
const GLANCE: Duration = Duration::from_millis(500);

pub(super) async fn run(client: &Client, request: Value, given: &JobArgs, form: Form) -> Result<(), Failure> {
    let counted = client.call(Method::POST, "/api/v1/jobs/preview", Some(request.clone())).await?;
    let count = counted["deliveries"].as_u64().unwrap_or(0);
    let at_least = if counted["complete"] == false { "at least " } else { "" };
    if given.preview {
        form.print(&counted, || format!("{at_least}{count} deliveries would be made"))?;
        return Ok(());
    }
    if form == Form::Text {
        note(styled(FAINT, format_args!("{at_least}{count} deliveries are to be made")));
    }
    let key = given.idempotency_key.clone();
    let key = key.unwrap_or_else(|| JobId::new(SystemClock.now(), &SystemEntropy).to_string());
    let started = client.request(Method::POST, "/api/v1/jobs").header("idempotency-key", key).json(&request);
    let started: Value = client
        .send(started)
        .await?
        .json()
        .await
        .map_err(|error| Failure::said(format!("the server's answer cannot be read: {error}")))?;
    let id = started["id"].as_str().unwrap_or_default().to_owned();
    if given.detach {
        form.print(&started, || format!("{}: job {}", styled(GOOD, "started"), tame(&id)))?;
        return Ok(());
    }
    let ended = follow(client, started, &id, form).await?;
    let count = |name: &str| ended[name].as_u64().unwrap_or(0);
    // Whoever waits for the end wants all of it sent.
    let is_done = ended["state"] == "completed" && count("failed") == 0;
    form.print(&ended, || {
        format!(
            "{}: {} deliveries made, {} skipped, {} could not be sent",
            styled(if is_done { GOOD } else { BAD }, tame(ended["state"].as_str().unwrap_or("ended"))),
            count("done"),
            count("skipped"),
            count("failed")
        )
    })?;
    if is_done { Ok(()) } else { Err(Failure::Told(FAILED)) }
}

/// Shows how a job comes forward until it ends. It goes on without this.
async fn follow(client: &Client, mut job: Value, id: &str, form: Form) -> Result<Value, Failure> {
    let path = format!("/api/v1/jobs/{id}");
    let mut shown = None;
    while job["endedAt"].is_null() {
        let looked_at = job["done"].as_u64().unwrap_or(0) + job["skipped"].as_u64().unwrap_or(0);
        if form == Form::Text && shown != Some(looked_at) {
            let of = job["total"].as_u64().map(|total| format!(" of {total}")).unwrap_or_default();
            note(styled(FAINT, format_args!("{looked_at}{of}")));
            shown = Some(looked_at);
        }
        if job["state"] == "paused" {
            let why = tame(job["pausedBecause"].as_str().unwrap_or_default());
            return Err(Failure::said(format!(
                "the job {id} is paused ({why}); resume it with `postrider jobs resume {id}`"
            )));
        }
        tokio::time::sleep(GLANCE).await;
        job = client.call(Method::GET, &path, None).await?;
    }
    Ok(job)
}
