//! One server for one data directory.
//!
//! Owns the lock file. The lock is the system's (`flock`), so it ends with the process, however that ends; the process number in the
//! file is only there to be told to a person.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::OpenError;

/// Its name in the data directory.
pub(crate) const LOCK_FILE: &str = "postrider.lock";

/// Held as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Makes the data directory where it is missing, for its owner alone.
pub(crate) fn make_data_dir(path: &Path) -> Result<(), OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| OpenError::DataDirectory { path: path.to_owned(), source })
}

impl Lock {
    /// Takes the directory, or says who has it.
    pub(crate) fn take(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join(LOCK_FILE);
        let failed = |source: io::Error| OpenError::DataDirectory { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                // Without a readable number the message is shorter, and as true.
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(OpenError::InUse { path: data_dir.to_owned(), pid });
            }
            Err(e) => return Err(failed(e.into())),
        }
        let tell = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        tell(&mut file).map_err(failed)?;
        Ok(Self { _file: file })
    }
}
