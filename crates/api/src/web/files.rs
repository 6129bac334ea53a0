//! Files of the web application: which form of one a browser gets, and how long it may keep it.

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// A file of the web application, with its compressed forms where they are shorter.
#[derive(Debug, Clone, Copy)]
pub struct WebFile {
    /// Its path below `/`, without a slash at its start.
    pub path: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// The same, compressed by brotli.
    pub brotli: Option<&'static [u8]>,
    /// The same, compressed by gzip.
    pub gzip: Option<&'static [u8]>,
    /// Changes with the bytes; of visible ASCII.
    pub tag: &'static str,
}

/// Files whose names change with their bytes, so that nobody has to ask for them twice.
const HASHED: &str = "assets/";
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// How long other people's pages may keep the script that embeds the portal: a new version is in use soon.
const FOR_A_WHILE: HeaderValue = HeaderValue::from_static("public, max-age=300");

impl WebFile {
    /// Whether it is a page: those are served with a policy, and never as they are.
    pub(crate) fn is_page(&self) -> bool {
        has_ending(self.path, "html")
    }

    /// The answer to a request with these headers.
    pub(crate) fn answer(&self, asked: &HeaderMap) -> Response {
        let (bytes, coding) = match (self.brotli, self.gzip) {
            (Some(brotli), _) if accepts(asked, "br") => (brotli, Some("br")),
            (_, Some(gzip)) if accepts(asked, "gzip") => (gzip, Some("gzip")),
            _ => (self.plain, None),
        };
        let tag = coding.map_or_else(|| format!("\"{}\"", self.tag), |coding| format!("\"{}-{coding}\"", self.tag));
        let mut response = unless_known(bytes, &tag, asked);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(self.path)));
        headers.insert(header::CACHE_CONTROL, if self.path.starts_with(HASHED) { FOR_EVER } else { ASK_AGAIN });
        if self.brotli.is_some() || self.gzip.is_some() {
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
        response
    }
}

/// A script that pages of every origin may load.
pub(super) fn script_for_everybody(bytes: &'static [u8], asked: &HeaderMap) -> Response {
    let hash = crate::auth::secrets::sha256_of(bytes);
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash[..12]));
    let mut response = unless_known(bytes, &tag, asked);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, FOR_A_WHILE);
    // Scripts of type `module` are fetched with CORS. There is nothing in it that is anybody's.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

/// The bytes, or that the browser has them.
fn unless_known(bytes: &'static [u8], tag: &str, asked: &HeaderMap) -> Response {
    let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(|known| known.trim().trim_start_matches("W/"));
    let mut response = if known.any(|known| known == tag || known == "*") {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(Body::from(Bytes::from_static(bytes)));
        response.headers_mut().insert(header::CONTENT_LENGTH, bytes.len().into());
        response
    };
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Whether a browser takes that coding: it names it, and not only to refuse it.
fn accepts(asked: &HeaderMap, coding: &str) -> bool {
    let lists = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let names_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
        names_it && weight.is_ok_and(|weight| weight > 0.0)
    })
}

fn has_ending(path: &str, ending: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(ending))
}

fn media_type(path: &str) -> &'static str {
    const TYPES: &[(&str, &str)] = &[
        ("js", "text/javascript; charset=utf-8"),
        ("mjs", "text/javascript; charset=utf-8"),
        ("css", "text/css; charset=utf-8"),
        ("svg", "image/svg+xml"),
        ("json", "application/json"),
        ("map", "application/json"),
        ("webmanifest", "application/manifest+json"),
        ("txt", "text/plain; charset=utf-8"),
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("webp", "image/webp"),
        ("ico", "image/x-icon"),
        ("woff2", "font/woff2"),
    ];
    let found = TYPES.iter().find(|(ending, _)| has_ending(path, ending));
    found.map_or("application/octet-stream", |(_, media_type)| media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: WebFile =
        WebFile { path: "assets/index-abc.js", plain: b"plain", brotli: Some(b"br"), gzip: Some(b"gz"), tag: "0123" };

    fn asked(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("a value"))])
    }

    #[test]
    fn a_browser_gets_the_shortest_form_that_it_takes() {
        for (accepted, coding) in [
            ("", None),
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip;q=1.0, br;q=0", Some("gzip")),
            ("GZIP", Some("gzip")),
            ("identity", None),
            ("*", None),
            ("brotli", None),
        ] {
            let answer = FILE.answer(&asked(header::ACCEPT_ENCODING, accepted));
            let found = answer.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str().expect("text"));
            assert_eq!(found, coding, "{accepted}");
            assert_eq!(answer.headers()[header::VARY], "accept-encoding");
        }
    }

    #[test]
    fn what_is_known_is_not_sent_again_in_the_form_it_is_known_in() {
        for (known, status) in
            [("\"0123\"", 304), ("W/\"0123\", \"x\"", 304), ("*", 304), ("\"0123-br\"", 200), ("", 200)]
        {
            let answer = FILE.answer(&asked(header::IF_NONE_MATCH, known));
            assert_eq!(answer.status(), status, "{known}");
            assert_eq!(answer.headers()[header::ETAG], "\"0123\"");
            assert_eq!(answer.headers()[header::CACHE_CONTROL], FOR_EVER);
        }
        let other = WebFile { path: "favicon.svg", ..FILE };
        assert_eq!(other.answer(&HeaderMap::new()).headers()[header::CACHE_CONTROL], ASK_AGAIN);
    }
}
