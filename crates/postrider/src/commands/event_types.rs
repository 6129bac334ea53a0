//! `postrider event-types`: event types from a document, and as one.

use std::io::Read as _;
use std::path::Path;

use http::{Method, header};
use serde_json::Value;

use crate::cli::{DocumentFormat, EventTypes, EventTypesExport, EventTypesImport};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, FAINT, Form, GOOD, STRONG, styled, tame};

pub(crate) async fn run(what: EventTypes, form: Form) -> Result<(), Failure> {
    match what {
        EventTypes::Import(given) => import(given, form).await,
        EventTypes::Export(given) => export(given).await,
    }
}

async fn import(given: EventTypesImport, form: Form) -> Result<(), Failure> {
    let document = read(&given.file)?;
    let client = Client::connect_for_environment(given.target.find()?).await?;
    let path = format!("/api/v1/event-types/import?dryRun={}", given.dry_run);
    let request = client.request(Method::POST, &path).header(header::CONTENT_TYPE, "application/json").body(document);
    let answer: Value = client
        .send(request)
        .await?
        .json()
        .await
        .map_err(|error| Failure::said(format!("the server's answer cannot be read: {error}")))?;
    form.print(&answer, || told(&answer))?;
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut document = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut document).map(drop)
    } else {
        std::fs::read(file).map(|bytes| document = bytes)
    };
    read.map_err(|error| Failure::said(format!("{} cannot be read: {error}", file.display())))?;
    Ok(document)
}

/// What was made and changed, a line each.
fn told(answer: &Value) -> String {
    let rows = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| tame(value.as_str().unwrap_or_default());
    let (created, updated, unchanged) = (rows("created"), rows("updated"), rows("unchanged"));
    let mut lines: Vec<String> =
        created.iter().map(|key| format!("{} {}", styled(GOOD, "new"), styled(STRONG, text(key)))).collect();
    lines.extend(updated.iter().map(|change| {
        let members = change["changes"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(", ");
        format!("{} {}: {members}", styled(GOOD, "changed"), styled(STRONG, text(&change["key"])))
    }));
    let verb = if answer["dryRun"] == true { "would be" } else { "were" };
    lines.push(styled(
        FAINT,
        format!("{} {verb} made, {} changed, {} are as they were", created.len(), updated.len(), unchanged.len()),
    ));
    lines.join("\n")
}

/// The document is JSON, whether JSON is asked for or not.
async fn export(given: EventTypesExport) -> Result<(), Failure> {
    let client = Client::connect_for_environment(given.target.find()?).await?;
    let format = match given.format {
        DocumentFormat::Openapi => "openapi",
        DocumentFormat::Asyncapi => "asyncapi",
    };
    let request = client.request(Method::GET, &format!("/api/v1/event-types/export?format={format}"));
    let document = client.send(request).await?.text().await;
    let document = document.map_err(|error| Failure::said(format!("the server's answer cannot be read: {error}")))?;
    output::line(document)?;
    Ok(())
}
