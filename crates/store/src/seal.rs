//! The master key, and what it guards: secrets are stored sealed, so that a copy of the database alone gives none away.
//!
//! Owns the form (AES-256-GCM: nonce, ciphertext, tag) and where the key comes from. Does not own which columns are sealed.
//!
//! Invariant: what is sealed for one place (a column of a row) opens in no other.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_core::Entropy;

use crate::OpenError;

/// The file of the generated key in the data directory.
pub(crate) const KEY_FILE: &str = "master.key";
/// Its name until it is whole.
const UNFINISHED_KEY_FILE: &str = "master.key.new";

/// The key under which secrets are sealed: 32 random bytes.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

/// A text that is no master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes in base64, as `openssl rand -base64 32` makes one")]
pub struct MasterKeyError;

impl MasterKey {
    /// Reads a key from base64.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| MasterKeyError)?;
        bytes.try_into().map(Self).map_err(|_| MasterKeyError)
    }

    /// Reads the key file of a data directory; none where there is no file.
    pub(crate) fn read(data_dir: &Path) -> Result<Option<Self>, OpenError> {
        let path = data_dir.join(KEY_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map(Some).map_err(|_| OpenError::MasterKeyUnreadable { path }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::InvalidData => Err(OpenError::MasterKeyUnreadable { path }),
            Err(source) => Err(OpenError::DataDirectory { path, source }),
        }
    }

    /// Makes a key and its file. The file is durable before anything is sealed with the key, and has its name when it is whole.
    pub(crate) fn generate(data_dir: &Path, entropy: &dyn Entropy) -> Result<Self, OpenError> {
        let mut key = [0; 32];
        entropy.fill(&mut key);
        let path = data_dir.join(KEY_FILE);
        let unfinished = data_dir.join(UNFINISHED_KEY_FILE);
        let write = || {
            match fs::remove_file(&unfinished) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
            writeln!(file, "{}", STANDARD.encode(key))?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            File::open(data_dir)?.sync_all()
        };
        write().map_err(|source| OpenError::DataDirectory { path: path.clone(), source })?;
        Ok(Self(key))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// The place of a sealed value: what keeps it from being moved to another row or column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Table and column.
    pub column: &'a str,
    /// The row's id.
    pub row: &'a [u8],
}

impl Place<'_> {
    fn aad(self) -> Aad<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.column.len() + 1 + self.row.len());
        bytes.extend_from_slice(self.column.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(self.row);
        Aad::from(bytes)
    }
}

/// Seals and opens with the master key.
pub(crate) struct Seal {
    key: LessSafeKey,
    entropy: Arc<dyn Entropy>,
}

impl Seal {
    pub(crate) fn new(key: &MasterKey, entropy: Arc<dyn Entropy>) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, &key.0).expect("a master key has the length of an AES-256 key");
        Self { key: LessSafeKey::new(key), entropy }
    }

    pub(crate) fn seal(&self, place: Place<'_>, clear: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut text = clear.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), place.aad(), &mut text)
            .expect("a secret is far below the length that AES-GCM can take");
        let mut sealed = nonce.to_vec();
        sealed.append(&mut text);
        sealed
    }

    /// What was sealed for that place under this key; none where it was not.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let clear = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), place.aad(), &mut text).ok()?.len();
        text.truncate(clear);
        Some(text)
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}

#[cfg(test)]
mod tests {
    use postrider_testkit::SeededEntropy;

    use super::*;

    #[test]
    fn a_sealed_value_opens_in_its_place_alone_and_with_its_key_alone() {
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
        let seal = Seal::new(&MasterKey([7; 32]), entropy.clone());
        let place = Place { column: "webhooks.secret", row: &[1; 16] };
        let sealed = seal.seal(place, b"a secret");
        assert_ne!(sealed, seal.seal(place, b"a secret"), "a nonce is used once");
        assert_eq!(seal.open(place, &sealed).as_deref(), Some(&b"a secret"[..]));
        assert_eq!(seal.open(Place { row: &[2; 16], ..place }, &sealed), None);
        assert_eq!(seal.open(Place { column: "meta.value", ..place }, &sealed), None);
        assert_eq!(Seal::new(&MasterKey([8; 32]), entropy).open(place, &sealed), None);
        assert_eq!(seal.open(place, &sealed[..5]), None);
        let mut bent = sealed;
        bent[20] ^= 1;
        assert_eq!(seal.open(place, &bent), None);
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        assert!(MasterKey::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").is_ok());
        for bad in ["", "AAEC", "not base64!", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ=="] {
            assert_eq!(MasterKey::parse(bad).err(), Some(MasterKeyError), "{bad}");
        }
    }
}
