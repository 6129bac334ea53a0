//! What is left in a data directory of a database that is gone, so that no start puts a new one in its place.
//!
//! SQLite makes a database of a file that is missing or empty, and deletes the log beside it, which may hold everything. So this is looked
//! at before anything is opened. A first start that broke off is told apart by the order in which it makes things: the log comes when the
//! database's first page is on the disk, and the file of the key when its tables are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{DATABASE_FILE, LOG_FILE};
use crate::OpenError;
use crate::seal::KEY_FILE;

/// Refuses a directory whose database is missing or empty, and which holds a log or a key.
pub(super) fn check_files(data_dir: &Path) -> Result<(), OpenError> {
    if length(&data_dir.join(DATABASE_FILE))?.is_some_and(|length| length > 0) {
        return Ok(());
    }
    let log = data_dir.join(LOG_FILE);
    let log = length(&log)?.is_some_and(|length| length > 0).then_some(log);
    refuse(data_dir, log.into_iter().chain(key(data_dir)?).collect())
}

/// Refuses a directory whose database has no tables, and which holds a key.
pub(super) fn check_key(data_dir: &Path) -> Result<(), OpenError> {
    refuse(data_dir, key(data_dir)?.into_iter().collect())
}

fn refuse(data_dir: &Path, left: Vec<PathBuf>) -> Result<(), OpenError> {
    if left.is_empty() {
        return Ok(());
    }
    Err(OpenError::DatabaseLost { path: data_dir.join(DATABASE_FILE), left })
}

/// The file of the key, where there is one, whatever is in it.
fn key(data_dir: &Path) -> Result<Option<PathBuf>, OpenError> {
    let path = data_dir.join(KEY_FILE);
    Ok(length(&path)?.map(|_| path))
}

/// Of a file; none where there is none.
fn length(path: &Path) -> Result<Option<u64>, OpenError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(OpenError::DataDirectory { path: path.to_owned(), source }),
    }
}
