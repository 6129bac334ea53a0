//! What can go wrong with the store: on opening it, and in using it.
//!
//! Expected results of a command (a taken name, nothing found) are values of that command, not errors.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why the store could not be opened. Its text is for the person who starts the server.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory could not be made or used.
    #[error("the data directory {} cannot be used", path.display())]
    DataDirectory {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another server has it.
    #[error("another server{} uses the data directory {}; stop it, or give this one another directory", pid.map(|p| format!(" (process {p})")).unwrap_or_default(), path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other server's process, where its lock file tells.
        pid: Option<u32>,
    },
    /// Written by a later version of Postrider.
    #[error(
        "the database is of version {found}, written by a newer Postrider; this one knows versions up to {known}. Start the newer one"
    )]
    Newer {
        /// The database's version.
        found: u32,
        /// The latest that this program knows.
        known: u32,
    },
    /// Another program's database.
    #[error("{} is a database, and not one of Postrider's", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// No database at all.
    #[error("{} is no database: something else stands in the file", path.display())]
    NoDatabase {
        /// The file.
        path: PathBuf,
    },
    /// A database is gone of which something is left.
    #[error(
        "{} is missing or empty, and {} beside it is of a database that was there. Restore the database from a backup; to begin anew \
         without it, move {} away",
        path.display(), listed(left), listed(left)
    )]
    DatabaseLost {
        /// The database's file.
        path: PathBuf,
        /// The files that are left of it; at least one.
        left: Vec<PathBuf>,
    },
    /// Parts of the database cannot be read.
    #[error(
        "the database is damaged. Restore it from a backup, or have `sqlite3 postrider.db .recover` tell what is left of it to make a \
         new one from, with the server stopped and a copy of the data directory kept"
    )]
    Damaged(#[source] Box<dyn Error + Send + Sync>),
    /// There is a database and no key to it.
    #[error(
        "the database was made with a master key, and neither POSTRIDER_MASTER_KEY nor the file {} gives one. Restore the file from where the data directory came from",
        path.display()
    )]
    MasterKeyMissing {
        /// Where the key was looked for.
        path: PathBuf,
    },
    /// The file of the key has something else in it.
    #[error("{} holds no master key: 32 bytes in base64", path.display())]
    MasterKeyUnreadable {
        /// The file.
        path: PathBuf,
    },
    /// The database was made with another key.
    #[error("the master key is not the one that the database was made with: its secrets cannot be read")]
    MasterKeyWrong,
    /// The database itself failed.
    #[error("the database cannot be opened")]
    Database(#[source] Box<dyn Error + Send + Sync>),
}

fn listed(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" and ")
}

/// Why a command or a read was not carried out. Nothing of it has happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full or fails. The store goes on trying by itself; the same call may succeed later.
    #[error("the store cannot be written or read at the moment")]
    Unavailable,
    /// The names in the data directory lead to other files than those that are open, or to none. The store goes on once they are right.
    #[error("the files of the data directory were moved, deleted or replaced")]
    Moved,
    /// A part of the database that was needed cannot be read. The same call may fail for ever.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// As many reads wait as may. The same call may succeed later.
    #[error("too many reads wait already")]
    Overloaded,
    /// The store is closed or closing.
    #[error("the store is closed")]
    Closed,
    /// The command names an environment that does not exist.
    #[error("there is no such environment")]
    NoSuchEnvironment,
    /// The database refused for a reason that is a defect of this program.
    #[error("the database refused the command: {0}")]
    Defect(String),
}
