//! What bulk resend and replay have in common: count, start, and follow to the end.

use std::time::Duration;

use http::Method;
use postrider_core::{Clock as _, JobId};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

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
        form.print(&counted, || format!("{at_least}{} would be made", deliveries(count)))?;
        return Ok(());
    }
    if form == Form::Text {
        let are = if count == 1 { "is" } else { "are" };
        note(styled(FAINT, format_args!("{at_least}{} {are} to be made", deliveries(count))));
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
    let mut interrupts = signal(SignalKind::interrupt())
        .map_err(|error| Failure::said(format!("signals cannot be caught: {error}; the job {} goes on", tame(&id))))?;
    // Whoever is cut off from here on knows what goes on without him.
    match form {
        Form::Text => note(styled(FAINT, format_args!("job {}", tame(&id)))),
        Form::Json => note(json!({ "job": id })),
    }
    let ended = tokio::select! {
        ended = follow(client, started, &id, form) => ended?,
        _ = interrupts.recv() => {
            let id = tame(&id);
            return Err(Failure::Interrupted(format!(
                "the job {id} goes on; end it with `postrider jobs cancel {id}`, or look with `postrider jobs show {id}`"
            )));
        }
    };
    let count = |name: &str| ended[name].as_u64().unwrap_or(0);
    // Whoever waits for the end wants all of it sent.
    let is_done = ended["state"] == "completed" && count("failed") == 0;
    form.print(&ended, || {
        let state = styled(if is_done { GOOD } else { BAD }, tame(ended["state"].as_str().unwrap_or("ended")));
        let (made, skipped) = (deliveries(count("done")), count("skipped"));
        format!("{state}: {made} made, {skipped} skipped, {}", unsent(count("failed")))
    })?;
    if is_done { Ok(()) } else { Err(Failure::Told(FAILED)) }
}

fn deliveries(count: u64) -> String {
    match count {
        1 => "1 delivery".to_owned(),
        count => format!("{count} deliveries"),
    }
}

/// What a job could not send: a job fails at nothing else than webhooks that take nothing.
fn unsent(count: u64) -> String {
    match count {
        0 => "0 could not be sent".to_owned(),
        1 => "1 could not be sent: its webhook is disabled or deleted".to_owned(),
        count => format!("{count} could not be sent: their webhooks are disabled or deleted"),
    }
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
