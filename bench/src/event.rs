//! The event that is sent: a user was created, about 600 bytes, with a sequence number in it that is found again in what a
//! receiver gets. The digits have a fixed place and width, so that a producer prepares its request once and then only stamps it.

use std::net::SocketAddr;

use memchr::memmem;

/// The event key of all events.
pub(crate) const EVENT_KEY: &str = "frontegg.user.created";

/// A filter of usual size that lets every event of the benchmark through.
pub(crate) const FILTER: &str =
    r#"event.key == "frontegg.user.created" && user.verified && user.email.endsWith("@example.com")"#;

/// A payload of usual size: values, a condition, a loop, a default. The marker stays as it is.
pub(crate) const TEMPLATE: &str = r#"{
  "type": {{ eventKey }},
  "tenant": {{ eventContext.tenantId }},
  "person": {"id": {{ user.id }},"email":"{{ user.email }}", "name": {{ user.name | default("unknown") }}},
  {% if user.verified %}"greeting": "Hello {{ user.name }}, welcome!",{% endif %}
  "tenants": [{% for tenant in user.tenantIds %}{{ tenant }}{% if not loop.last %}, {% endif %}{% endfor %}]
}"#;

/// What precedes the sequence number, in the request and in the delivery alike.
const MARKER: &str = r#""email":"bench-"#;
const DIGITS: usize = 12;

/// A request for the intake, as it goes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct EventRequest {
    bytes: Vec<u8>,
    digits: usize,
}

impl EventRequest {
    /// A request to `server` that reports an event of `tenant`.
    pub(crate) fn new(server: SocketAddr, token: &str, tenant: &str) -> Self {
        let body = body(tenant, 0);
        let mut bytes = format!(
            "POST /api/v1/events HTTP/1.1\r\nhost: {server}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        let digits = bytes.len() + body.find(MARKER).expect("the body has the marker") + MARKER.len();
        bytes.extend_from_slice(body.as_bytes());
        Self { bytes, digits }
    }

    /// The request with `sequence` as its number.
    pub(crate) fn stamp(&mut self, mut sequence: u64) -> &[u8] {
        for place in self.bytes[self.digits..self.digits + DIGITS].iter_mut().rev() {
            *place = b"0123456789"[usize::try_from(sequence % 10).expect("a digit")];
            sequence /= 10;
        }
        &self.bytes
    }
}

/// The body of an event.
pub(crate) fn body(tenant: &str, sequence: u64) -> String {
    format!(
        r#"{{"eventKey":"{EVENT_KEY}","tenantId":"{tenant}","userId":"7a1c2e0e-3f5b-4c7d-9e8f-0a1b2c3d4e5f","payload":{{"user":{{"id":"7a1c2e0e-3f5b-4c7d-9e8f-0a1b2c3d4e5f","sub":"7a1c2e0e-3f5b-4c7d-9e8f-0a1b2c3d4e5f",{MARKER}{sequence:0DIGITS$}@example.com","verified":true,"name":"Ada Lovelace","phoneNumber":null,"profilePictureUrl":null,"provider":"local","managedBy":"frontegg","mfaEnrolled":false,"metadata":"{{}}","tenantId":"{tenant}","tenantIds":["{tenant}"],"roles":[],"permissions":[],"createdAt":"2026-01-01T00:00:00.000Z","lastLogin":null,"isLocked":false}}}}}}"#
    )
}

/// The sequence number in a received body.
pub(crate) fn sequence(body: &[u8]) -> Option<u64> {
    let start = memmem::find(body, MARKER.as_bytes())? + MARKER.len();
    std::str::from_utf8(body.get(start..start + DIGITS)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamped_request_is_valid_and_carries_its_number() {
        let mut request = EventRequest::new(([127, 0, 0, 1], 1).into(), "token", "tenant-0");
        for number in [0, 42, 999_999_999_999] {
            let bytes = request.stamp(number);
            let split = memmem::find(bytes, b"\r\n\r\n").unwrap() + 4;
            let (head, body) = bytes.split_at(split);
            let length = format!("content-length: {}\r\n", body.len());
            assert!(std::str::from_utf8(head).unwrap().contains(&length));
            let value: serde_json::Value = serde_json::from_slice(body).unwrap();
            assert_eq!(value["tenantId"], "tenant-0");
            assert_eq!(sequence(body), Some(number));
        }
    }

    #[test]
    fn the_event_has_the_size_that_the_bars_speak_of() {
        let size = body("3f0e8c1a-0000-4000-8000-000000000000", 1).len();
        assert!((550..=750).contains(&size), "{size}");
    }

    #[test]
    fn a_body_without_number_has_none() {
        assert_eq!(sequence(b"{}"), None);
        assert_eq!(sequence(br#""email":"bench-12"#), None);
        assert_eq!(sequence(br#""email":"bench-12345678901x@"#), None);
    }
}
