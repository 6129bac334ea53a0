//! Whether a server would open the database.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postrider_store::{Checked, Inspected, MasterKey, OpenError, check, inspect};

use super::Finding;
use crate::failure::with_causes;
use crate::serve::control;
use crate::system::SystemEntropy;

const CHECK: &str = "database";
/// How long the database is read at most, to see whether it is damaged: some gigabytes on an ordinary disk.
const READING: Duration = Duration::from_secs(30);
const TO_RESTORE: &str = "stop the server, keep a copy of the data directory, and restore a backup, or make a new database of what \
     `sqlite3 postrider.db .recover` can read";

pub(super) fn database(data_dir: &Path, master_key: Option<MasterKey>) -> Finding {
    if let Err(why) = control::check_path(data_dir) {
        return Finding::fail(CHECK, why, "choose another data_dir");
    }
    match inspect(data_dir, master_key, Arc::new(SystemEntropy)) {
        Ok(Inspected::New) => Finding::ok(CHECK, "there is none yet; the first start makes it"),
        Ok(Inspected::Database { version, known }) => {
            let next =
                if version < known { format!("; the next start brings it to version {known}") } else { String::new() };
            whole(data_dir, &format!("it is of version {version}, and its master key is right{next}"))
        }
        Err(error) => {
            let advice = match &error {
                OpenError::Newer { .. } => "start the newer Postrider that wrote it",
                OpenError::MasterKeyMissing { .. }
                | OpenError::MasterKeyUnreadable { .. }
                | OpenError::MasterKeyWrong => {
                    "give the key that it was made with, in POSTRIDER_MASTER_KEY or in the file master.key beside it"
                }
                OpenError::DatabaseLost { .. } => {
                    "restore the database from a backup; to begin anew without it, move away what is left of it"
                }
                OpenError::Damaged(_) => TO_RESTORE,
                _ => "check the files in the data directory, and who owns them",
            };
            Finding::fail(CHECK, with_causes(&error), advice)
        }
    }
}

/// Whether all of a database can be read that is otherwise as it should be. While a server runs that is for its readiness to tell: a long
/// reading would be in its way.
fn whole(data_dir: &Path, otherwise: &str) -> Finding {
    if control::is_answered(data_dir) {
        return Finding::ok(CHECK, otherwise);
    }
    match check(data_dir, READING) {
        Ok(Checked::Sound) => Finding::ok(CHECK, format!("{otherwise}; all of it can be read")),
        Ok(Checked::Unfinished) => Finding::ok(
            CHECK,
            format!(
                "{otherwise}; nothing damaged was met in {} seconds, in which not all of it could be read. `sqlite3 postrider.db \
                 'PRAGMA quick_check'` reads all of it",
                READING.as_secs()
            ),
        ),
        Ok(Checked::Damaged(what)) => Finding::fail(CHECK, format!("the database is damaged: {what}"), TO_RESTORE),
        Err(error) => Finding::fail(CHECK, with_causes(&error), TO_RESTORE),
    }
}
