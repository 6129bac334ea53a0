//! The web application: the console at `/`, the portal at `/portal`, their files, and the script that embeds the portal.
//!
//! Owns which page answers a path, what browsers may keep, and the headers that a page is served with ([`policy`]). Does not own what
//! the pages do, nor what they may ask: they call the native API like everybody else.
//!
//! Invariants: a path of an API is never answered with a page; nothing that a caller sent is written into a page; a page is framed
//! by nobody but those whom its environment allows.

mod files;
mod policy;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use postrider_core::environment::Environment;
use postrider_core::{Entropy, EnvironmentId};

use crate::auth::session;
use crate::edge::Surface;
use crate::error::ApiError;
use crate::state::ApiState;

pub use files::WebFile;

/// Pages without the web application say how to build it.
const NOT_BUILT: &str = include_str!("not_built.html");
/// The script that makes `<postrider-portal>` known.
const EMBED: &[u8] = include_bytes!("embed.js");
const EMBED_PATH: &str = "portal/embed.js";
/// What a page has in the place of its nonce.
const NONCE: &str = "__CSP_NONCE__";
/// What a page has in the place of the path that its URLs are relative to.
const BASE: &str = r#"<base href="/" />"#;

/// The files of the web application and its pages.
#[derive(Debug, Default)]
pub(crate) struct Web {
    files: HashMap<&'static str, WebFile>,
    console: Option<Page>,
    portal: Option<Page>,
}

/// A page, cut where its nonce goes.
#[derive(Debug)]
struct Page {
    parts: Vec<String>,
}

impl Page {
    fn new(html: &[u8], base: &str) -> Self {
        let html = String::from_utf8_lossy(html).replacen(BASE, &format!(r#"<base href="{base}" />"#), 1);
        Self { parts: html.split(NONCE).map(ToOwned::to_owned).collect() }
    }

    fn with(&self, nonce: &str) -> String {
        self.parts.join(nonce)
    }
}

/// Which of the two a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Face {
    Console,
    /// With the environment that the path names.
    Portal(Option<EnvironmentId>),
}

impl Face {
    fn of(path: &str) -> Self {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        if parts.next() == Some("portal") {
            Self::Portal(parts.next().and_then(|part| part.parse().ok()))
        } else {
            Self::Console
        }
    }
}

impl Web {
    /// From the built files; `base` is the path of the public URL, with a slash at both ends.
    pub(crate) fn new(files: Vec<WebFile>, base: &str) -> Self {
        let page = |name: &str| files.iter().find(|file| file.path == name).map(|file| Page::new(file.plain, base));
        let console = page("index.html");
        let portal = page("portal.html");
        let files = files.into_iter().filter(|file| !file.is_page()).map(|file| (file.path, file)).collect();
        Self { files, console, portal }
    }

    fn page(&self, face: Face) -> Option<&Page> {
        match face {
            Face::Console => self.console.as_ref(),
            Face::Portal(_) => self.portal.as_ref().or(self.console.as_ref()),
        }
    }
}

/// Answers what no call of an API did: files, pages, and else that there is nothing.
pub(crate) async fn serve(State(state): State<ApiState>, request: Request) -> Result<Response, ApiError> {
    let nothing = || ApiError::of_status(StatusCode::NOT_FOUND);
    let (method, path) = (request.method(), request.uri().path());
    if !matches!(*method, Method::GET | Method::HEAD) || Surface::of(path) == Surface::Frontegg || is_of_api(path) {
        return Err(nothing());
    }
    let headers = request.headers();
    let name = path.trim_start_matches('/');
    let mut response = if name == EMBED_PATH {
        files::script_for_everybody(EMBED, headers)
    } else if let Some(file) = state.web().files.get(name) {
        file.answer(headers)
    } else if is_page(path, headers) {
        page(&state, Face::of(path), headers)
    } else {
        return Err(nothing());
    };
    if *method == Method::HEAD {
        // The length stays that of the answer to GET.
        *response.body_mut() = axum::body::Body::empty();
    }
    Ok(response)
}

/// Paths that belong to programs, whatever they are asked for.
fn is_of_api(path: &str) -> bool {
    let head = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    matches!(head, "api" | "healthz" | "readyz" | "metrics")
}

/// Whether a page is asked for: a deep link by a browser, or the two paths that people type into anything.
fn is_page(path: &str, headers: &HeaderMap) -> bool {
    let accepts_html = headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.contains("text/html")));
    // A file that is gone is gone: a page in its place would be run as a script, and fail without a word.
    let is_file = path.starts_with("/assets/");
    (accepts_html && !is_file) || path == "/" || path.trim_end_matches('/') == "/portal"
}

fn page(state: &ApiState, face: Face, asked: &HeaderMap) -> Response {
    let nonce = nonce(&**state.entropy());
    let html = state.web().page(face).map_or_else(|| NOT_BUILT.replace(NONCE, &nonce), |page| page.with(&nonce));
    let mut response = Response::new(Bytes::from(html).into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // A copy that was kept would have another nonce than the policy that comes with "not modified".
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let environments = environments_of(state, face, asked);
    let logos = || environments.iter().map(|environment| &environment.portal);
    let portal = match face {
        Face::Console => None,
        Face::Portal(_) => logos().next(),
    };
    policy::apply(headers, face, portal, logos(), &nonce);
    response
}

/// The environments that a page shows: the one that a portal's path names, or those that the browser is signed in to.
fn environments_of(state: &ApiState, face: Face, asked: &HeaderMap) -> Vec<Arc<Environment>> {
    let ids = match face {
        Face::Console => session::console(asked, state)
            .map(|console| console.sign_ins.iter().map(|sign_in| sign_in.environment_id).collect())
            .unwrap_or_default(),
        Face::Portal(id) => Vec::from_iter(id),
    };
    ids.into_iter().filter_map(|id| state.directory().environment(id)).collect()
}

/// A number that nobody can foresee and that is used once.
fn nonce(entropy: &dyn Entropy) -> String {
    use base64::Engine as _;
    let mut bytes = [0; 18];
    entropy.fill(&mut bytes);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// The path of a public URL, with a slash at both ends, as it may stand in an attribute.
pub(crate) fn base_path(public_url: Option<&str>) -> String {
    let path = public_url.and_then(|url| url::Url::parse(url).ok()).map(|url| url.path().to_owned());
    let path = path.unwrap_or_default();
    let path = path.trim_matches('/');
    // A parsed URL has no quotes in its path, and so no end of the attribute.
    if path.is_empty() { "/".to_owned() } else { format!("/{path}/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_face() {
        let id = "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f";
        let named = Face::Portal(Some(id.parse().expect("an id")));
        for (path, face) in [
            ("/", Face::Console),
            ("/portals", Face::Console),
            ("/portal-settings", Face::Console),
            ("/portal", Face::Portal(None)),
            ("//portal", Face::Portal(None)),
            ("/portal/", Face::Portal(None)),
            ("/portal/nobody", Face::Portal(None)),
            (&format!("/portal/{id}"), named),
            (&format!("/portal/{id}/webhooks/x"), named),
        ] {
            assert_eq!(Face::of(path), face, "{path}");
        }
    }

    #[test]
    fn a_page_has_the_nonce_in_every_place_and_the_base_of_the_public_url() {
        let html = br#"<head><base href="/" /><script nonce="__CSP_NONCE__"></script><meta nonce="__CSP_NONCE__">"#;
        for (url, base) in [
            (None, "/"),
            (Some("https://hooks.example.com"), "/"),
            (Some("https://example.com/hooks"), "/hooks/"),
            (Some("https://example.com/a\"><script>/"), "/a%22%3E%3Cscript%3E/"),
        ] {
            let page = Page::new(html, &base_path(url)).with("abc");
            assert_eq!(page, format!(r#"<head><base href="{base}" /><script nonce="abc"></script><meta nonce="abc">"#));
        }
    }
}
