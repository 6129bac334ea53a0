//! What a start prints to standard output: the first credentials, where the server listens, what to do next.
//!
//! The lines `POSTRIDER_CLIENT_ID=..`, `POSTRIDER_SECRET=..` and `Listening on ..` are for scripts as well and stay as they are.

use std::io;

use serde_json::json;
use url::Url;

use super::bootstrap::FirstCredentials;
use crate::commands::operator::credentials_text;
use crate::output::{FAINT, Form, STRONG, styled};

/// The credentials that were just generated.
pub(crate) fn credentials(first: &FirstCredentials, form: Form) -> io::Result<()> {
    let FirstCredentials { client_id, secret } = first;
    form.print(&json!({"firstStart": {"clientId": client_id, "secret": secret}}), || {
        let text = credentials_text(&client_id.to_string(), secret);
        format!("First start: the environment {} is made.\n{text}", styled(STRONG, "Development"))
    })
}

/// That the server is ready.
pub(crate) fn listening(url: &Url, is_first_start: IsFirstStart, form: Form) -> io::Result<()> {
    let url = url.as_str().trim_end_matches('/');
    form.print(&json!({"listening": {"url": url}}), || {
        let listening = format!("Listening on {}", styled(STRONG, url));
        match is_first_start {
            IsFirstStart::No => listening,
            IsFirstStart::Yes => format!(
                "{listening}\nThe console is at {url}/ in a browser: sign in with the client id and the secret.\n\nIn another terminal:\n\
                 \x20 postrider listen --forward-to http://127.0.0.1:3000/hooks   {}\n\
                 \x20 postrider trigger frontegg.user.created                     {}\n\
                 \x20 postrider doctor                                            {}\n\
                 The API is described at {url}/api/v1/openapi.json",
                styled(FAINT, "forwards events to a program here"),
                styled(FAINT, "sends a sample event"),
                styled(FAINT, "checks machine and configuration"),
            ),
        }
    })
}

/// Whether this start made the first environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsFirstStart {
    Yes,
    No,
}
