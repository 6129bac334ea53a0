//! What a cookie or a link carries: an id and a secret, in one text.
//!
//! The id finds what is kept, the secret proves it: of the latter a hash is kept alone, and compared in constant time, so that neither a
//! copy of the database nor the time of an answer helps anybody.

use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postrider_core::Entropy;
use uuid::Uuid;

use crate::auth::secrets;

const ID_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;

/// The secret of a session or link to be made.
pub(crate) struct NewTicket([u8; SECRET_BYTES]);

impl NewTicket {
    /// Of 256 random bits.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut secret = [0; SECRET_BYTES];
        entropy.fill(&mut secret);
        Self(secret)
    }

    /// What is kept.
    pub(crate) fn hash(&self) -> [u8; 32] {
        secrets::sha256_of(&self.0)
    }

    /// What is given away.
    pub(crate) fn text(&self, id: Uuid) -> String {
        URL_SAFE_NO_PAD.encode([id.as_bytes().as_slice(), &self.0].concat())
    }
}

/// A ticket as somebody shows it.
pub(crate) struct Ticket {
    /// What it says it is for.
    pub(crate) id: Uuid,
    /// The hash of its secret.
    pub(crate) hash: [u8; 32],
}

impl Ticket {
    /// Reads a ticket; none where it is no text of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > 2 * (ID_BYTES + SECRET_BYTES) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, secret) = bytes.split_first_chunk::<ID_BYTES>()?;
        (secret.len() == SECRET_BYTES).then(|| Self { id: Uuid::from_bytes(*id), hash: secrets::sha256_of(secret) })
    }

    /// Whether its secret is the one of which this was kept.
    pub(crate) fn proves(&self, hash: &[u8; 32]) -> bool {
        constant_time::verify_slices_are_equal(&self.hash, hash).is_ok()
    }
}
