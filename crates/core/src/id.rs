//! Typed ids: UUIDv7 in newtypes, plain UUIDs on the wire.
//!
//! Ids sort by the moment they were made, to a quarter of a microsecond within this process's clock (RFC 9562, method 3), so a
//! time range is an id range. Ids of one batch sort by their places in it. They are not secrets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::BATCH_EVENTS;
use crate::time::{Entropy, Timestamp};

/// A text that is no UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID; ids look like 018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f")]
pub struct ParseIdError;

/// Where [`new_v7`] puts the place of an id among those that are made together: the first of the bits that are random otherwise.
const PLACE_BITS: u32 = 12;
const PLACE_SHIFT: u32 = 62 - PLACE_BITS;
const _: () = assert!(BATCH_EVENTS <= 1 << PLACE_BITS, "a place for each event of a batch");

/// The lowest UUID of a moment.
fn bound_v7(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0) & 0xffff_ffff_ffff;
    // 1,000 microseconds spread over the 12 bits that follow the milliseconds.
    let fraction = u64::try_from(at.as_micros().rem_euclid(1_000)).unwrap_or(0) * 4_096 / 1_000;
    Uuid::from_u64_pair((millis << 16) | 0x7000 | fraction, 0x8000_0000_0000_0000)
}

/// `place`: among those of the same moment; each sorts after those of lower places. Without one it is anywhere among them.
fn new_v7(now: Timestamp, place: Option<usize>, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; 8];
    entropy.fill(&mut random);
    let mut random = u64::from_le_bytes(random) & 0x3fff_ffff_ffff_ffff;
    if let Some(place) = place {
        let place = place.min((1 << PLACE_BITS) - 1) as u64;
        random = (place << PLACE_SHIFT) | (random & ((1 << PLACE_SHIFT) - 1));
    }
    let (high, low) = bound_v7(now).as_u64_pair();
    Uuid::from_u64_pair(high, low | random)
}

fn time_of(uuid: Uuid) -> Timestamp {
    let (high, _) = uuid.as_u64_pair();
    let millis = i64::try_from(high >> 16).unwrap_or(0);
    let micros = i64::try_from(((high & 0xfff) * 1_000).div_ceil(4_096)).unwrap_or(0);
    Timestamp::from_micros(millis * 1_000 + micros)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, made at `now`.
            pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(new_v7(now, None, entropy))
            }

            /// A new id, one of several that are made at `now`: it sorts after those of lower places, up to those that a batch has.
            pub fn at_place(now: Timestamp, place: usize, entropy: &dyn Entropy) -> Self {
                Self(new_v7(now, Some(place), entropy))
            }

            /// The id that a UUID stands for; any version is taken, as ids also come from outside.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }

            /// The sixteen bytes, as stored.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The smallest id that can have been made at `at`: ids made before sort below it.
            pub fn first_at(at: Timestamp) -> Self {
                Self(bound_v7(at))
            }

            /// When the id was made, to the microsecond; without meaning for an id that came from outside.
            pub fn made_at(self) -> Timestamp {
                time_of(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                // Only the hyphenated form: a second spelling of the same id would be a second name in URLs and logs.
                if text.len() != 36 {
                    return Err(ParseIdError);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| ParseIdError)
            }
        }
    )*};
}

ids! {
    /// Names an environment; it is the client id, and `vendorId` in the Frontegg API.
    EnvironmentId,
    /// Names one secret of an environment.
    CredentialId,
    /// Names an operator's token.
    OperatorTokenId,
    /// Names a webhook.
    WebhookId,
    /// Names an event; it is `webhook-id` on every attempt and resend.
    EventId,
    /// Names a delivery: an event for one webhook.
    DeliveryId,
    /// Names an attempt; it is the id of a log row in the Frontegg API.
    AttemptId,
    /// Names an event type.
    EventTypeId,
    /// Names a category of event types.
    CategoryId,
    /// Names a job: a bulk resend or a replay.
    JobId,
    /// Names a session of the console.
    ConsoleSessionId,
    /// Names a portal link, and the session that it opens.
    PortalSessionId,
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);
    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn ids_of_a_batch_sort_by_place_within_their_moment() {
        let entropy = Counting(std::sync::atomic::AtomicU8::new(250));
        let at = Timestamp::from_micros(1_767_225_600_123_456);
        let ids: Vec<_> = (0..BATCH_EVENTS).map(|place| EventId::at_place(at, place, &entropy)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|id| id.made_at() == at && *id >= EventId::first_at(at)));
        assert!(ids[BATCH_EVENTS - 1] < EventId::first_at(at + std::time::Duration::from_micros(1)));
        assert_ne!(EventId::at_place(at, 7, &entropy), EventId::at_place(at, 7, &entropy));
    }

    #[test]
    fn ids_sort_by_time_and_tell_it() {
        let entropy = Counting(std::sync::atomic::AtomicU8::new(0));
        let mut last = EventId::first_at(Timestamp::from_micros(0));
        for micros in [1, 2, 999, 1_000, 1_001, 1_767_225_600_123_456, 1_767_225_600_123_457] {
            let at = Timestamp::from_micros(micros);
            let id = EventId::new(at, &entropy);
            assert!(id > last, "{id} after {last}");
            assert!(EventId::first_at(at) <= id);
            assert_eq!(id.made_at(), at);
            assert_eq!(id.as_uuid().get_version_num(), 7);
            last = id;
        }
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        assert!("018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f".parse::<WebhookId>().is_ok());
        for bad in [
            "",
            "018f3c5e7c1a7b6e9d2a3f4b5c6d7e8f",
            "{018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f}",
            "x18f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f",
        ] {
            assert_eq!(bad.parse::<WebhookId>(), Err(ParseIdError), "{bad}");
        }
    }
}
