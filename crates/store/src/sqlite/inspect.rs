//! A look at a database that somebody else may be using: nothing is changed, and no lock is taken.

use std::path::Path;
use std::time::{Duration, Instant};

use postrider_core::Entropy;

use super::tx::is_of_damage;
use super::{DATABASE_FILE, connect, database_error, file_error, remains, schema};
use crate::seal::{KEY_FILE, MasterKey, Seal};
use crate::{Checked, Inspected, OpenError};

/// Steps of a check between two looks at the time: some milliseconds.
const STEPS: i32 = 1_000;

pub(crate) fn inspect(
    data_dir: &Path,
    given: Option<MasterKey>,
    entropy: std::sync::Arc<dyn Entropy>,
) -> Result<Inspected, OpenError> {
    remains::check_files(data_dir)?;
    let path = data_dir.join(DATABASE_FILE);
    let exists = path.try_exists().map_err(|source| OpenError::DataDirectory { path: path.clone(), source })?;
    if !exists {
        return Ok(Inspected::New);
    }
    let connection = connect::reader(&path).map_err(|error| file_error(error, &path))?;
    let known = schema::known();
    let Some(version) = schema::version(&connection, &path, known)? else {
        remains::check_key(data_dir)?;
        return Ok(Inspected::New);
    };
    let key = match given {
        Some(key) => Some(key),
        None => MasterKey::read(data_dir)?,
    };
    match key {
        Some(key) => schema::check_key(&connection, &Seal::new(&key, entropy))?,
        None if schema::has_key_check(&connection)? => {
            return Err(OpenError::MasterKeyMissing { path: data_dir.join(KEY_FILE) });
        }
        None => {}
    }
    Ok(Inspected::Database { version, known })
}

/// Reads the whole database, for as long as `patience` lasts.
pub(crate) fn check(data_dir: &Path, patience: Duration) -> Result<Checked, OpenError> {
    let mut connection = connect::reader(&data_dir.join(DATABASE_FILE)).map_err(database_error)?;
    let begun = Instant::now();
    connection.progress_handler(STEPS, Some(move || begun.elapsed() > patience)).map_err(database_error)?;
    // The first thing that is wrong, or "ok".
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match found {
        Ok(found) if found == "ok" => Ok(Checked::Sound),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {
            Ok(Checked::Unfinished)
        }
        Ok(found) => Ok(Checked::Damaged(found)),
        Err(error) if is_of_damage(&error) => Ok(Checked::Damaged(error.to_string())),
        Err(error) => Err(database_error(error)),
    }
}
