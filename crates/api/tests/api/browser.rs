//! A browser that keeps cookies, as far as tests of sessions need one.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, App, Call, Environment, text};

/// Cookies, and pages of this server that send them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

/// A portal that was opened.
#[derive(Debug, Clone)]
pub(crate) struct Portal {
    pub(crate) browser: Browser,
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) session: Value,
}

impl Browser {
    /// A call of a page of this server.
    pub(crate) fn call(&self, app: &App, method: Method, path: &str) -> Call {
        let call = app.call(method, path).header("x-postrider-csrf", "1").header("sec-fetch-site", "same-origin");
        self.cookies_on(call)
    }

    pub(crate) fn cookies_on(&self, call: Call) -> Call {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { call } else { call.header("cookie", &pairs.join("; ")) }
    }

    /// Takes in what an answer sets. Returns the lines.
    pub(crate) fn keep(&mut self, answer: &Answer) -> Vec<String> {
        let lines = answer.headers.get_all("set-cookie").iter();
        let lines: Vec<String> = lines.map(|value| value.to_str().expect("text").to_owned()).collect();
        for line in &lines {
            let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        lines
    }

    /// Signs in to the console. Returns the lines that set cookies.
    pub(crate) async fn sign_in(&mut self, app: &App, environment: &Environment) -> Vec<String> {
        let credentials = json!({ "clientId": environment.id, "secret": environment.secret });
        let answer = self.call(app, Method::POST, "/api/v1/session").json(&credentials).send().await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        self.keep(&answer)
    }
}

/// A link that opens a tenant's portal with these permissions.
pub(crate) async fn link(app: &App, environment: &Environment, tenant: &str, permissions: &[&str]) -> Value {
    let form = json!({ "tenantId": tenant, "permissions": permissions });
    app.post("/api/v1/portal-links").token(&environment.token).json(&form).expect(201).await
}

pub(crate) fn code_of(link: &Value) -> String {
    text(&link["url"]).split_once("#code=").expect("a code").1.to_owned()
}

/// Opens a link in a browser.
pub(crate) async fn open(app: &App, mut browser: Browser, link: &Value) -> Portal {
    let body = json!({ "code": code_of(link) });
    let answer = browser.call(app, Method::POST, "/api/v1/portal-session").json(&body).send().await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    browser.keep(&answer);
    let opened = answer.json();
    Portal {
        browser,
        id: text(&opened["session"]["id"]),
        token: text(&opened["token"]),
        session: opened["session"].clone(),
    }
}

/// A portal of that tenant, open in a new browser.
pub(crate) async fn portal(app: &App, environment: &Environment, tenant: &str, permissions: &[&str]) -> Portal {
    let link = link(app, environment, tenant, permissions).await;
    open(app, Browser::default(), &link).await
}

impl Portal {
    /// A call of the portal's page.
    pub(crate) fn call(&self, app: &App, method: Method, path: &str) -> Call {
        self.browser.call(app, method, path).header("postrider-session", &self.id)
    }

    pub(crate) fn get(&self, app: &App, path: &str) -> Call {
        self.call(app, Method::GET, path)
    }
}
