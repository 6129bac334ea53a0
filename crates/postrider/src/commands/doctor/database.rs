//! Whether a server would open the database.

use std::path::Path;
use std::sync::Arc;

use postrider_store::{Inspected, MasterKey, OpenError, inspect};

use super::Finding;
use crate::failure::with_causes;
use crate::serve::control;
use crate::system::SystemEntropy;

const CHECK: &str = "database";

pub(super) fn database(data_dir: &Path, master_key: Option<MasterKey>) -> Finding {
    if let Err(why) = control::check_path(data_dir) {
        return Finding::fail(CHECK, why, "choose another data_dir");
    }
    match inspect(data_dir, master_key, Arc::new(SystemEntropy)) {
        Ok(Inspected::New) => Finding::ok(CHECK, "there is none yet; the first start makes it"),
        Ok(Inspected::Database { version, known }) if version < known => Finding::ok(
            CHECK,
            format!("it is of version {version}, its master key is right; the next start brings it to version {known}"),
        ),
        Ok(Inspected::Database { version, .. }) => {
            Finding::ok(CHECK, format!("it is of version {version}, and its master key is right"))
        }
        Err(error) => {
            let advice = match &error {
                OpenError::Newer { .. } => "start the newer Postrider that wrote it",
                OpenError::MasterKeyMissing { .. }
                | OpenError::MasterKeyUnreadable { .. }
                | OpenError::MasterKeyWrong => {
                    "give the key that it was made with, in POSTRIDER_MASTER_KEY or in the file master.key beside it"
                }
                _ => "check the files in the data directory, and who owns them",
            };
            Finding::fail(CHECK, with_causes(&error), advice)
        }
    }
}
