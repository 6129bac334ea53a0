//! The system's clock and the system's randomness: the one place that asks for either.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use postrider_core::{Clock, Entropy, Timestamp};

/// Random bytes that are drawn at once: an id takes eight, so that the system is asked once for some hundred ids.
const DRAWN: usize = 1_024;

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the composition root is where time comes in")]
        let now = SystemTime::now();
        let micros = match now.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        };
        Timestamp::from_micros(micros)
    }
}

/// The cryptographically secure generator of aws-lc, which is seeded by the system. Each thread keeps some bytes ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemEntropy;

/// Bytes that were drawn and not handed out yet. What is handed out is wiped, as it may become a secret.
struct Drawn {
    bytes: [u8; DRAWN],
    used: usize,
}

thread_local! {
    static READY: RefCell<Drawn> = const { RefCell::new(Drawn { bytes: [0; DRAWN], used: DRAWN }) };
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() > DRAWN {
            return draw(bytes);
        }
        READY.with_borrow_mut(|ready| {
            if ready.used + bytes.len() > DRAWN {
                draw(&mut ready.bytes);
                ready.used = 0;
            }
            let handed_out = &mut ready.bytes[ready.used..ready.used + bytes.len()];
            bytes.copy_from_slice(handed_out);
            handed_out.fill(0);
            ready.used += bytes.len();
        });
    }
}

fn draw(bytes: &mut [u8]) {
    #[expect(clippy::disallowed_methods, reason = "the composition root is where randomness comes in")]
    aws_lc_rs::rand::fill(bytes).expect("the system's source of randomness does not fail after it was seeded");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_random_byte_is_handed_out_twice() {
        // Sizes that do not divide what is drawn, one that is all of it, and one beyond it.
        for size in [8, 16, 24, 1_000, DRAWN, DRAWN + 1] {
            let drawn: std::collections::HashSet<Vec<u8>> = (0..500)
                .map(|_| {
                    let mut bytes = vec![0; size];
                    SystemEntropy.fill(&mut bytes);
                    bytes
                })
                .collect();
            assert_eq!(drawn.len(), 500, "of {size} bytes");
            assert!(!drawn.contains(&vec![0; size]));
        }
    }
}
