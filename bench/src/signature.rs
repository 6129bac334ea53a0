//! Checks, on a sample of deliveries, that both signatures are there and true: the JWT of `x-webhook-secret` and the
//! `webhook-signature` of Standard Webhooks. Without this a server could win by not signing.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose};
use http::HeaderMap;

/// The secret of all webhooks; what follows the prefix is the key of Standard Webhooks in base64.
pub(crate) const WEBHOOK_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// The two keys, prepared once.
#[derive(Debug)]
pub(crate) struct SignatureCheck {
    jwt: hmac::Key,
    standard: hmac::Key,
}

impl SignatureCheck {
    /// A check for [`WEBHOOK_SECRET`].
    pub(crate) fn new() -> Self {
        let encoded = WEBHOOK_SECRET.strip_prefix("whsec_").expect("the secret has the prefix");
        let key = general_purpose::STANDARD.decode(encoded).expect("the secret is base64");
        Self {
            jwt: hmac::Key::new(hmac::HMAC_SHA256, WEBHOOK_SECRET.as_bytes()),
            standard: hmac::Key::new(hmac::HMAC_SHA256, &key),
        }
    }

    /// Whether `headers` carry both signatures. Cheap: done for every delivery.
    pub(crate) fn are_present(headers: &HeaderMap) -> bool {
        headers.contains_key("x-webhook-secret") && headers.contains_key("webhook-signature")
    }

    /// Whether both signatures are true. Costs two HMACs: done for a sample.
    pub(crate) fn are_true(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        self.is_jwt_true(headers).unwrap_or(false) && self.is_standard_true(headers, body).unwrap_or(false)
    }

    fn is_jwt_true(&self, headers: &HeaderMap) -> Option<bool> {
        let (signed, tag) = headers.get("x-webhook-secret")?.to_str().ok()?.rsplit_once('.')?;
        let tag = general_purpose::URL_SAFE_NO_PAD.decode(tag).ok()?;
        Some(hmac::verify(&self.jwt, signed.as_bytes(), &tag).is_ok())
    }

    fn is_standard_true(&self, headers: &HeaderMap, body: &[u8]) -> Option<bool> {
        let id = headers.get("webhook-id")?.as_bytes();
        let timestamp = headers.get("webhook-timestamp")?.as_bytes();
        let signed = [id, b".", timestamp, b".", body].concat();
        let tags = headers.get("webhook-signature")?.to_str().ok()?;
        Some(tags.split(' ').filter_map(|tag| tag.strip_prefix("v1,")).any(|tag| {
            general_purpose::STANDARD.decode(tag).is_ok_and(|tag| hmac::verify(&self.standard, &signed, &tag).is_ok())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(body: &[u8]) -> HeaderMap {
        let check = SignatureCheck::new();
        let jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjEsImV4cCI6MzAxfQ";
        let jwt_tag = general_purpose::URL_SAFE_NO_PAD.encode(hmac::sign(&check.jwt, jwt.as_bytes()));
        let tag = general_purpose::STANDARD.encode(hmac::sign(&check.standard, &[b"id.1.", body].concat()));
        let mut headers = HeaderMap::new();
        headers.insert("x-webhook-secret", format!("{jwt}.{jwt_tag}").parse().unwrap());
        headers.insert("webhook-id", "id".parse().unwrap());
        headers.insert("webhook-timestamp", "1".parse().unwrap());
        headers.insert("webhook-signature", format!("v1,{tag}").parse().unwrap());
        headers
    }

    #[test]
    fn true_signatures_pass_and_each_false_one_fails() {
        let check = SignatureCheck::new();
        assert!(check.are_true(&signed(b"body"), b"body"));
        assert!(!check.are_true(&signed(b"body"), b"other"));
        for header in ["x-webhook-secret", "webhook-signature"] {
            let mut headers = signed(b"body");
            headers.insert(header, "v1,AAAA".parse().unwrap());
            assert!(!check.are_true(&headers, b"body"), "{header}");
            headers.remove(header);
            assert!(!SignatureCheck::are_present(&headers), "{header}");
        }
    }
}
