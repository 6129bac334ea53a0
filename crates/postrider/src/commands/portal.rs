//! `postrider portal`: opens tenants' portals, tells who has them open, and says what tenants see.

use http::Method;
use postrider_core::portal::Visibility;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::cli::{Portal, PortalLink};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{FAINT, Form, note, styled, table, tame};

const SETTINGS: &str = "/api/v1/portal-settings";

pub(crate) async fn run(what: Portal, form: Form) -> Result<(), Failure> {
    match what {
        Portal::Link(given) => link(given, form).await,
        Portal::Sessions { tenant, target } => {
            let client = Client::connect_for_environment(target.find()?).await?;
            let mut query = Serializer::new(String::new());
            query.append_pair("limit", "250");
            if let Some(tenant) = &tenant {
                query.append_pair("tenantId", tenant);
            }
            let sessions = client.list(&format!("/api/v1/portal-sessions?{}", query.finish())).await?;
            form.print(&sessions, || {
                let rows: Vec<_> = sessions.iter().map(cells).collect();
                table(["session", "tenant", "user", "purpose", "made", "opened", "last used", "ends"], &rows)
            })?;
            Ok(())
        }
        Portal::Revoke { id, target } => {
            let client = Client::connect_for_environment(target.find()?).await?;
            client.call(Method::DELETE, &format!("/api/v1/portal-sessions/{id}"), None).await?;
            form.print(&json!({"id": id, "revoked": true}), || format!("The session {id} has ended."))?;
            Ok(())
        }
        Portal::Settings { webhooks, target } => {
            let client = Client::connect_for_environment(target.find()?).await?;
            let mut settings = client.call(Method::GET, SETTINGS, None).await?;
            if let Some(webhooks) = webhooks {
                // All of them are set at once: the others stay as they are.
                settings["webhooks"] = json!(Visibility::from(webhooks));
                settings = client.call(Method::PUT, SETTINGS, Some(settings)).await?;
            }
            form.print(&settings, || lines(&settings))?;
            Ok(())
        }
    }
}

/// The URL stands alone on standard output, so that a shell can hand it on.
async fn link(given: PortalLink, form: Form) -> Result<(), Failure> {
    let client = Client::connect_for_environment(given.target.find()?).await?;
    let mut request = json!({ "tenantId": given.tenant, "permissions": given.permissions });
    if let Some(user) = given.user {
        request["userId"] = user.into();
    }
    if let Some(expires) = given.expires {
        request["expiresInSeconds"] = expires.as_secs().into();
    }
    if given.support {
        request["purpose"] = "support".into();
    }
    if let Some(url) = given.return_url {
        request["returnUrl"] = url.into();
    }
    let made = client.call(Method::POST, "/api/v1/portal-links", Some(request)).await?;
    if form == Form::Text {
        note(styled(FAINT, format_args!("It opens the portal once, until {}:", text(&made["expiresAt"]))));
    }
    form.print(&made, || text(&made["url"]))?;
    Ok(())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => tame(text),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn cells(session: &Value) -> [String; 8] {
    let names = ["id", "tenantId", "userId", "purpose", "createdAt", "openedAt", "lastUsedAt", "expiresAt"];
    names.map(|name| text(&session[name]))
}

fn lines(settings: &Value) -> String {
    let theme = &settings["theme"];
    let rows = [
        ("webhooks", &settings["webhooks"]),
        ("allowed origins", &settings["allowedOrigins"]),
        ("accent", &theme["accent"]),
        ("logo", &theme["logoUrl"]),
        ("mode", &theme["mode"]),
        ("radius", &theme["radius"]),
        ("font family", &theme["fontFamily"]),
    ];
    let is_set = |value: &Value| !value.is_null() && value.as_array().is_none_or(|values| !values.is_empty());
    let shown = rows.into_iter().filter(|(_, value)| is_set(value));
    let shown: Vec<_> = shown.map(|(label, value)| format!("{label:<16} {}", text(value))).collect();
    shown.join("\n")
}
