//! Filters that write a value in another form: JSON, digests, base64, percent-encoding.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use minijinja::{Environment, Error, State, Value};

use super::invalid;
use crate::escape;
use crate::json::{self, RawJson, text_of};
use crate::work;

pub(super) fn install(engine: &mut Environment<'static>) {
    engine.add_filter("json", to_json);
    engine.add_filter("tojson", to_json);
    engine.add_filter("urlencode", |state: &State<'_, '_>, value: &Value| {
        text_of(state, value).map(|text| escape::percent_encoded(&text))
    });
    for (name, algorithm) in
        [("sha1", &digest::SHA1_FOR_LEGACY_USE_ONLY), ("sha256", &digest::SHA256), ("sha512", &digest::SHA512)]
    {
        engine.add_filter(name, move |state: &State<'_, '_>, value: &Value, encoding: Option<&str>| {
            encoded(digest::digest(algorithm, text_of(state, value)?.as_bytes()).as_ref(), encoding)
        });
    }
    engine.add_filter("hmac_sha256", |state: &State<'_, '_>, value: &Value, key: &Value, encoding: Option<&str>| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, text_of(state, key)?.as_bytes());
        encoded(hmac::sign(&key, text_of(state, value)?.as_bytes()).as_ref(), encoding)
    });
    for name in ["base64encode", "b64encode"] {
        engine.add_filter(name, |state: &State<'_, '_>, value: &Value| {
            text_of(state, value).map(|text| STANDARD.encode(text.as_bytes()))
        });
    }
    for name in ["base64decode", "b64decode"] {
        engine.add_filter(name, |state: &State<'_, '_>, value: &Value| {
            let text = text_of(state, value)?;
            let text = text.trim_end_matches('=');
            let standard: String = text
                .chars()
                .map(|c| match c {
                    '+' => '-',
                    '/' => '_',
                    c => c,
                })
                .collect();
            let bytes =
                URL_SAFE_NO_PAD.decode(standard).map_err(|_| invalid("base64decode: the text is not base64"))?;
            String::from_utf8(bytes).map_err(|_| invalid("base64decode: what is encoded is no text"))
        });
    }
}

/// JSON text.
fn to_json(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let mut text = String::new();
    work::within(state, &mut text, |out| json::write(out, value))?;
    Ok(Value::from_object(RawJson(text.into())))
}

fn encoded(bytes: &[u8], encoding: Option<&str>) -> Result<String, Error> {
    match encoding.unwrap_or("hex") {
        "hex" => Ok(bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|n| char::from_digit(n.into(), 16))
            .collect()),
        "base64" => Ok(STANDARD.encode(bytes)),
        "base64url" => Ok(URL_SAFE_NO_PAD.encode(bytes)),
        other => Err(invalid(format!("`{other}` is no encoding; there are hex, base64 and base64url"))),
    }
}
