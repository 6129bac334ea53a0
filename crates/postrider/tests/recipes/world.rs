//! The server with one webhook that leads to a receiver, and events triggered as a person does it.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::receiver::{Language, Receiver};
use crate::support::{
    CLIENT_ID, PATIENCE, SECRET, Server, bootstrapped, json_of, postrider, reqwest_client, run, stderr_of,
};

/// The tenant whose events are triggered.
pub(crate) const TENANT: &str = "acme";

pub(crate) struct World {
    folder: TempDir,
    server: Server,
    token: String,
    pub(crate) http: reqwest::Client,
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start_with(folder.path(), bootstrapped).await;
        let token = server.log_in(CLIENT_ID, SECRET).await;
        Self { folder, server, token, http: reqwest_client() }
    }

    /// Where receivers keep their databases.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a receiver with settings of its own.
    pub(crate) async fn receiver(
        &self,
        language: Language,
        name: &str,
        secret: &str,
        settings: &[(&str, &str)],
    ) -> Receiver {
        Receiver::start(language, name, self.folder(), secret, settings).await
    }

    /// Makes a webhook by API, as its page says. What fails comes again after a second, so that nobody waits long.
    pub(crate) async fn subscribe(&self, receiver: &Receiver, secret: &str, event_keys: &[&str]) {
        let webhook = json!({
            "displayName": "recipe", "url": receiver.url, "secret": secret, "eventKeys": event_keys,
            "retryPolicy": {"delaysInSeconds": vec![1; 30]},
        });
        self.server.post(&self.token, "/api/v1/webhooks", &webhook).await;
    }

    /// Sends the sample of an event type with these members changed; the delivery that it leads to.
    pub(crate) async fn trigger(&self, event_key: &str, set: &[&str]) -> Delivery<'_> {
        let mut command = postrider(self.folder());
        command.args(["trigger", event_key, "--tenant", TENANT, "--data-dir", "data", "--json"]);
        command.args(set.iter().flat_map(|change| ["--set", change]));
        let output = run(&mut command).await;
        assert!(output.status.success(), "{}", stderr_of(&output));
        let event_id = json_of(&output)["eventId"].as_str().unwrap().to_owned();
        let page = self.get(&format!("/api/v1/events/{event_id}/deliveries")).await;
        let [delivery] = page["items"].as_array().unwrap().as_slice() else { panic!("one webhook gets it: {page}") };
        Delivery { world: self, id: delivery["id"].as_str().unwrap().to_owned() }
    }

    async fn get(&self, path: &str) -> Value {
        self.server.get(&self.token, path).await
    }
}

/// A delivery to the receiver.
pub(crate) struct Delivery<'a> {
    world: &'a World,
    id: String,
}

impl Delivery<'_> {
    /// Waits until the receiver has answered 2XX.
    pub(crate) async fn is_delivered(&self) {
        self.reaches("it is delivered", |delivery| delivery["state"] == "delivered").await;
    }

    /// Waits until an attempt has failed with that status code.
    pub(crate) async fn is_refused_with(&self, status: u16) {
        let refused = |delivery: &Value| delivery["lastAttempt"]["statusCode"] == status;
        self.reaches(&format!("an attempt is answered with {status}"), refused).await;
    }

    /// Sends it once more, as a person does, and waits until that is delivered.
    pub(crate) async fn is_delivered_again(&self) {
        let path = format!("/api/v1/deliveries/{}/resend", self.id);
        let again = self.world.server.post(&self.world.token, &path, &json!({})).await;
        let again = Delivery { world: self.world, id: again["id"].as_str().unwrap().to_owned() };
        again.is_delivered().await;
    }

    async fn reaches(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let path = format!("/api/v1/deliveries/{}", self.id);
        let mut again = tokio::time::interval(Duration::from_millis(20));
        let mut last = Value::Null;
        let waiting = async {
            loop {
                again.tick().await;
                last = self.world.get(&path).await;
                if holds(&last) {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(in_time.is_ok(), "not so in time: {what}; {last}");
    }
}
