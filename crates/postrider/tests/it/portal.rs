//! `postrider portal`.

use std::process::Output;

use serde_json::json;

use crate::support::{CLIENT_ID, SECRET, Server, bootstrapped, json_of, postrider, reqwest_client, run, stderr_of};

#[tokio::test]
async fn portals_are_opened_listed_and_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let call = async |arguments: &[&str]| -> Output {
        run(postrider(folder.path()).args(["--json", "portal"]).args(arguments).args(["--data-dir", "data"])).await
    };
    let hidden = call(&["link", "--tenant", "acme"]).await;
    assert!(!hidden.status.success());
    assert!(stderr_of(&hidden).contains("postrider portal settings --webhooks always"), "{}", stderr_of(&hidden));
    json_of(&call(&["settings", "--webhooks", "always"]).await);

    let reading = "fe.connectivity.read.webhooks,fe.connectivity.read.webhookLogs";
    let link = ["link", "--tenant", "acme", "--user", "ada", "--permissions", reading, "--expires", "15m", "--support"];
    let made = json_of(&call(&link).await);
    assert!(made["url"].as_str().unwrap().starts_with(&format!("{}/portal/{CLIENT_ID}?", server.url)), "{made}");
    let listed = json_of(&call(&["sessions", "--tenant", "acme"]).await);
    let session = &listed[0];
    assert_eq!(
        (&session["id"], &session["userId"], &session["purpose"]),
        (&made["id"], &json!("ada"), &json!("support"))
    );
    assert_eq!(session["permissions"].as_array().unwrap().len(), 2, "{session}");
    assert_eq!(json_of(&call(&["sessions", "--tenant", "globex"]).await), json!([]));

    for (too_long, code, words) in [("2d", 2, "1d"), ("15", 2, "15m")] {
        let refused = call(&["link", "--tenant", "acme", "--expires", too_long]).await;
        assert_eq!(refused.status.code(), Some(code), "{too_long}");
        assert!(stderr_of(&refused).contains(words), "{}", stderr_of(&refused));
    }
    // For people the URL stands alone on standard output.
    let mut command = postrider(folder.path());
    let told = run(command.args(["portal", "link", "--tenant", "globex", "--data-dir", "data"])).await;
    let url = String::from_utf8(told.stdout.clone()).unwrap();
    assert!(url.starts_with("http") && url.trim_end().lines().count() == 1, "{url:?}");
    assert!(stderr_of(&told).contains("once, until"), "{}", stderr_of(&told));

    let id = made["id"].as_str().unwrap();
    json_of(&call(&["revoke", id]).await);
    let left = json_of(&call(&["sessions"]).await);
    assert_eq!((left.as_array().unwrap().len(), &left[0]["tenantId"]), (1, &json!("globex")));
    let again = call(&["revoke", id]).await;
    assert!(stderr_of(&again).contains("no such portal session"), "{}", stderr_of(&again));
}

#[tokio::test]
async fn who_sees_webhooks_is_changed_and_the_rest_of_the_settings_stays() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let settings = json!({
        "webhooks": "always",
        "allowedOrigins": ["https://app.example.com"],
        "theme": { "accent": "#123456", "logoUrl": null, "mode": "dark", "radius": 4, "fontFamily": null },
    });
    let request = reqwest_client().put(format!("{}/api/v1/portal-settings", server.url)).bearer_auth(&token);
    request.json(&settings).send().await.unwrap().error_for_status().unwrap();
    let call = async |arguments: &[&str]| {
        run(postrider(folder.path()).args(["portal", "settings", "--data-dir", "data"]).args(arguments)).await
    };
    assert_eq!(json_of(&call(&["--json"]).await), settings);
    let told = String::from_utf8(call(&["--webhooks", "by-permissions"]).await.stdout).unwrap();
    let lines: Vec<Vec<&str>> = told.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["webhooks", "byPermissions"], "{told}");
    assert_eq!(lines[1], ["allowed", "origins", "https://app.example.com"], "{told}");
    let mut expected = settings;
    expected["webhooks"] = "byPermissions".into();
    assert_eq!(json_of(&call(&["--json"]).await), expected);
}
