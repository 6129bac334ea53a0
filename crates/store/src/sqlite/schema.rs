//! The database's form: its migrations, its marks, and the check that the master key is the right one.
//!
//! Invariants: a migration and the new version number are one transaction; a migration that was released never changes; a database
//! of a newer version or of another program is refused untouched.

use std::path::Path;

use postrider_core::Entropy;
use rusqlite::{Connection, OptionalExtension as _};

use super::{database_error, file_error};
use crate::OpenError;
use crate::seal::{Place, Seal};

/// The migrations in order; the first makes version 1.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_initial.sql"),
    include_str!("../../migrations/0002_statistics.sql"),
    include_str!("../../migrations/0003_search.sql"),
    include_str!("../../migrations/0004_order_and_signing.sql"),
    include_str!("../../migrations/0005_jobs.sql"),
    include_str!("../../migrations/0006_event_types_and_filters.sql"),
    include_str!("../../migrations/0007_shapes.sql"),
    include_str!("../../migrations/0008_sessions.sql"),
    include_str!("../../migrations/0009_attempts_by_id.sql"),
    include_str!("../../migrations/0010_keyed_postings.sql"),
    include_str!("../../migrations/0011_hidden_keys_and_deliveries_of_jobs.sql"),
    include_str!("../../migrations/0012_retention.sql"),
    include_str!("../../migrations/0013_request_settings.sql"),
    include_str!("../../migrations/0014_scopes_of_credentials.sql"),
    include_str!("../../migrations/0015_statistics_gaps.sql"),
];

/// Marks the file as Postrider's: "PstR".
const APPLICATION_ID: i32 = 0x5073_7452;

/// What the key check seals. Its text says nothing; that it opens says that the key is right.
const KEY_CHECK: &[u8] = b"postrider";

/// The newest version.
pub(super) fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("there are few migrations")
}

/// The version of a database; none: nothing is in it yet.
pub(super) fn version(connection: &Connection, path: &Path, known: u32) -> Result<Option<u32>, OpenError> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
    let version: u32 = version.map_err(|error| file_error(error, path))?;
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(database_error)?;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(database_error)?;
    let fresh = application == 0 && version == 0 && tables == 0;
    if !fresh && application != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    if version > known {
        return Err(OpenError::Newer { found: version, known });
    }
    Ok((!fresh).then_some(version))
}

/// Brings the database to the newest version of `migrations`.
pub(super) fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), OpenError> {
    let known = u32::try_from(migrations.len()).expect("there are few migrations");
    let before = version(connection, path, known)?;
    let version = before.unwrap_or(0);
    for (number, sql) in (1..).zip(migrations).skip_while(|(number, _)| *number <= version) {
        let step = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()
        };
        if before.is_some() {
            tracing::info!(database.version = number, "migrating the database to this version");
        }
        step(connection).map_err(database_error)?;
        if before.is_some() {
            tracing::info!(database.version = number, "the database was migrated");
        }
    }
    if before.is_none() {
        tracing::info!(database.version = known, "created the database");
    }
    Ok(())
}

fn meta(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, OpenError> {
    connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
        .optional()
        .map_err(database_error)
}

/// Whether the database was made with a master key already.
pub(super) fn has_key_check(connection: &Connection) -> Result<bool, OpenError> {
    Ok(meta(connection, "key_check")?.is_some())
}

fn place(name: &str) -> Place<'_> {
    Place { column: "meta.value", row: name.as_bytes() }
}

/// Checks the master key, where the database was made with one already.
pub(super) fn check_key(connection: &Connection, seal: &Seal) -> Result<(), OpenError> {
    match meta(connection, "key_check")? {
        Some(check) if seal.open(place("key_check"), &check).as_deref() != Some(KEY_CHECK) => {
            Err(OpenError::MasterKeyWrong)
        }
        _ => Ok(()),
    }
}

/// Checks the master key and reads what vendors' tokens are signed with; at the first start it makes both.
pub(super) fn unlock(connection: &mut Connection, seal: &Seal, entropy: &dyn Entropy) -> Result<[u8; 32], OpenError> {
    if let Some(check) = meta(connection, "key_check")? {
        if seal.open(place("key_check"), &check).as_deref() != Some(KEY_CHECK) {
            return Err(OpenError::MasterKeyWrong);
        }
        let sealed = meta(connection, "token_key")?.unwrap_or_default();
        let clear = seal.open(place("token_key"), &sealed).ok_or(OpenError::MasterKeyWrong)?;
        return clear.try_into().map_err(|_| OpenError::MasterKeyWrong);
    }
    let mut token_key = [0; 32];
    entropy.fill(&mut token_key);
    let write = |connection: &mut Connection| {
        let transaction = connection.transaction()?;
        for (name, value) in [("key_check", KEY_CHECK), ("token_key", &token_key)] {
            let sealed = seal.seal(place(name), value);
            transaction.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", (name, sealed))?;
        }
        transaction.commit()
    };
    write(connection).map_err(database_error)?;
    Ok(token_key)
}
