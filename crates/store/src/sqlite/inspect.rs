//! A look at a database that somebody else may be using: nothing is changed, and no lock is taken.

use std::path::Path;

use postrider_core::Entropy;

use super::{DATABASE_FILE, connect, schema, unopened};
use crate::seal::{KEY_FILE, MasterKey, Seal};
use crate::{Inspected, OpenError};

pub(crate) fn inspect(
    data_dir: &Path,
    given: Option<MasterKey>,
    entropy: std::sync::Arc<dyn Entropy>,
) -> Result<Inspected, OpenError> {
    let path = data_dir.join(DATABASE_FILE);
    let exists = path.try_exists().map_err(|source| OpenError::DataDirectory { path: path.clone(), source })?;
    if !exists {
        return Ok(Inspected::New);
    }
    let connection = connect::reader(&path).map_err(|error| unopened(&path, error))?;
    let known = schema::known();
    let Some(version) = schema::version(&connection, &path, known)? else { return Ok(Inspected::New) };
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
