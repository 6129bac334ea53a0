//! `postrider jobs`: looks at bulk resends and replays, and steers them.

use http::Method;
use postrider_core::JobId;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::cli::{Jobs, OneJob};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Form, table, tame};

pub(crate) async fn run(what: Jobs, form: Form) -> Result<(), Failure> {
    match what {
        Jobs::List { limit, target } => {
            let client = Client::connect_for_environment(target.find()?).await?;
            let found = find(&client, limit).await?;
            form.print(&found, || {
                let rows: Vec<_> = found.iter().map(cells).collect();
                table(["job", "started", "kind", "state", "made", "skipped", "of", "a second", "tenant"], &rows)
            })?;
            Ok(())
        }
        Jobs::Show(job) => act(job, form, |id| (Method::GET, format!("/api/v1/jobs/{id}"), None)).await,
        Jobs::Pause(job) => act(job, form, |id| (Method::POST, format!("/api/v1/jobs/{id}/pause"), None)).await,
        Jobs::Resume(job) => act(job, form, |id| (Method::POST, format!("/api/v1/jobs/{id}/resume"), None)).await,
        Jobs::Cancel(job) => act(job, form, |id| (Method::POST, format!("/api/v1/jobs/{id}/cancel"), None)).await,
        Jobs::Rate { job, count } => {
            let rate = json!({ "ratePerSecond": count });
            act(job, form, |id| (Method::PATCH, format!("/api/v1/jobs/{id}"), Some(rate))).await
        }
    }
}

/// Does something with a job, and prints the job as it is then.
async fn act(
    OneJob { id, target }: OneJob,
    form: Form,
    what: impl FnOnce(JobId) -> (Method, String, Option<Value>),
) -> Result<(), Failure> {
    let client = Client::connect_for_environment(target.find()?).await?;
    let (method, path, body) = what(id);
    let job = client.call(method, &path, body).await?;
    form.print(&job, || lines(&job))?;
    Ok(())
}

/// As many as asked for, newest first.
async fn find(client: &Client, limit: usize) -> Result<Vec<Value>, Failure> {
    let mut found: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    while found.len() < limit {
        let mut query = Serializer::new(String::new());
        query.append_pair("limit", &(limit - found.len()).min(250).to_string());
        if let Some(cursor) = &cursor {
            query.append_pair("cursor", cursor);
        }
        let page = client.call(Method::GET, &format!("/api/v1/jobs?{}", query.finish()), None).await?;
        found.extend(page["items"].as_array().cloned().unwrap_or_default());
        cursor = page["nextCursor"].as_str().map(ToOwned::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(found)
}

fn text(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        value => tame(value.as_str().unwrap_or("-")),
    }
}

fn cells(job: &Value) -> [String; 9] {
    let names = ["id", "createdAt", "kind", "state", "done", "skipped", "total", "ratePerSecond", "tenantId"];
    names.map(|name| text(&job[name]))
}

fn lines(job: &Value) -> String {
    let rows = [
        ("job", "id"),
        ("kind", "kind"),
        ("state", "state"),
        ("paused because", "pausedBecause"),
        ("deliveries made", "done"),
        ("skipped", "skipped"),
        ("could not be sent", "failed"),
        ("of", "total"),
        ("deliveries a second", "ratePerSecond"),
        ("tenant", "tenantId"),
        ("started", "createdAt"),
        ("ended", "endedAt"),
    ];
    let shown = rows.iter().filter(|(_, name)| !job[*name].is_null());
    let shown: Vec<_> = shown.map(|(label, name)| format!("{label:<20} {}", text(&job[*name]))).collect();
    shown.join("\n")
}
