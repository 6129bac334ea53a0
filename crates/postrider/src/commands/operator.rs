//! What operators do: environments, their credentials, and tokens for the operator's API.

use http::Method;
use serde_json::{Value, json};

use crate::cli::{Credential, Environment, OperatorTarget, OperatorToken};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Form, STRONG, styled, table, tame};

pub(crate) async fn environment(what: Environment, form: Form) -> Result<(), Failure> {
    match what {
        Environment::List { target } => {
            let environments = client(target).await?.list("/api/v1/environments").await?;
            form.print(&environments, || {
                let rows: Vec<_> = environments.iter().map(|row| cells(row, ["id", "name", "createdAt"])).collect();
                table(["client id", "name", "made"], &rows)
            })?;
        }
        Environment::Create { name, target } => {
            let client = client(target).await?;
            let made = client.call(Method::POST, "/api/v1/environments", Some(json!({"name": name}))).await?;
            let id = text(&made, "id");
            let path = format!("/api/v1/environments/{id}/credentials");
            let credential = client.call(Method::POST, &path, Some(json!({"name": "first secret"}))).await?;
            let secret = text(&credential, "secret");
            form.print(&json!({"clientId": id, "name": made["name"], "secret": secret}), || {
                format!("The environment {} is made.\n{}", styled(STRONG, tame(&name)), credentials_text(&id, &secret))
            })?;
        }
    }
    Ok(())
}

pub(crate) async fn credential(what: Credential, form: Form) -> Result<(), Failure> {
    match what {
        Credential::List { environment, target } => {
            let client = client(target).await?;
            let id = client.environment(environment.environment).await?;
            let credentials = client.list(&format!("/api/v1/environments/{id}/credentials")).await?;
            form.print(&credentials, || {
                let columns = ["id", "name", "scope", "kind", "createdAt", "createdBy", "lastUsedAt", "revokedAt"];
                let rows: Vec<_> = credentials.iter().map(|row| cells(row, columns)).collect();
                table(["id", "name", "scope", "kind", "made", "made by", "last used", "revoked"], &rows)
            })?;
        }
        Credential::Create { name, scope, environment, target } => {
            let client = client(target).await?;
            let id = client.environment(environment.environment).await?;
            let path = format!("/api/v1/environments/{id}/credentials");
            let made = client.call(Method::POST, &path, Some(json!({"name": name, "scope": scope}))).await?;
            form.print(&made, || credentials_text(&id.to_string(), &text(&made, "secret")))?;
        }
        Credential::Revoke { id, environment, target } => {
            let client = client(target).await?;
            let environment = client.environment(environment.environment).await?;
            client.call(Method::DELETE, &format!("/api/v1/environments/{environment}/credentials/{id}"), None).await?;
            form.print(&json!({"id": id, "revoked": true}), || {
                format!(
                    "The secret {id} is revoked. Tokens got with it are refused from now on, and the portals that it opened are closed."
                )
            })?;
        }
    }
    Ok(())
}

pub(crate) async fn operator_token(what: OperatorToken, form: Form) -> Result<(), Failure> {
    match what {
        OperatorToken::List { target } => {
            let tokens = Client::connect(target.find()?).await?.list("/api/v1/operator-tokens").await?;
            form.print(&tokens, || {
                let rows: Vec<_> =
                    tokens.iter().map(|row| cells(row, ["id", "name", "createdAt", "revokedAt"])).collect();
                table(["id", "name", "made", "revoked"], &rows)
            })?;
        }
        OperatorToken::Create { name, target } => {
            let client = Client::connect(target.find()?).await?;
            let made = client.call(Method::POST, "/api/v1/operator-tokens", Some(json!({"name": name}))).await?;
            form.print(&made, || {
                format!("The token is shown only this once:\n\n  POSTRIDER_OPERATOR_TOKEN={}\n", text(&made, "token"))
            })?;
        }
        OperatorToken::Revoke { id, target } => {
            Client::connect(target.find()?)
                .await?
                .call(Method::DELETE, &format!("/api/v1/operator-tokens/{id}"), None)
                .await?;
            form.print(&json!({"id": id, "revoked": true}), || format!("The token {id} is revoked."))?;
        }
    }
    Ok(())
}

async fn client(target: OperatorTarget) -> Result<Client, Failure> {
    Client::connect(target.find()?).await
}

/// Client id and secret in the form in which a shell and the other commands take them.
pub(crate) fn credentials_text(client_id: &str, secret: &str) -> String {
    format!(
        "The secret is shown only this once:\n\n  POSTRIDER_CLIENT_ID={}\n  POSTRIDER_SECRET={}\n",
        styled(STRONG, client_id),
        styled(STRONG, secret)
    )
}

fn text(row: &Value, member: &str) -> String {
    row[member].as_str().unwrap_or_default().to_owned()
}

fn cells<const N: usize>(row: &Value, members: [&str; N]) -> [String; N] {
    members.map(|member| match &row[member] {
        Value::String(text) => tame(text),
        Value::Null => "-".to_owned(),
        // Another credential.
        Value::Object(of) => of.get("name").and_then(Value::as_str).map_or_else(|| "-".to_owned(), tame),
        other => other.to_string(),
    })
}
