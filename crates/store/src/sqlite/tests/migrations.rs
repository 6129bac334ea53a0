//! Files of earlier versions, with rows in them, as they are brought up to date.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;

/// The version before attempts kept the number of their settings.
const BEFORE_SETTINGS: usize = 11;
/// How a row begins that is put among the attempts.
const INSERT_ATTEMPT: &str =
    "INSERT INTO attempts (key, id, webhook, delivery, number, started_at, failure, message, url, total_us";

fn connection(directory: &Path) -> Connection {
    connect::writer(&directory.join(DATABASE_FILE)).unwrap()
}

fn migrate(connection: &mut Connection, directory: &Path, migrations: &[&str]) {
    schema::migrate(connection, &directory.join(DATABASE_FILE), migrations).unwrap();
}

/// A file of that version with so many attempts, one of which the table would not take.
fn before_settings(directory: &Path, attempts: i64) {
    let mut connection = connection(directory);
    migrate(&mut connection, directory, &schema::MIGRATIONS[..BEFORE_SETTINGS]);
    let insert =
        format!("{INSERT_ATTEMPT}) VALUES (?1, randomblob(16), 1, randomblob(16), ?2, 0, 'timeout', 'm', 'u', 1)");
    let transaction = connection.transaction().unwrap();
    for key in 1..attempts {
        transaction.execute(&insert, (key, 1)).unwrap();
    }
    transaction.commit().unwrap();
    connection.pragma_update(None, "ignore_check_constraints", true).unwrap();
    connection.execute(&insert, (attempts, 0)).unwrap();
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn attempts_get_the_number_of_their_settings_without_being_looked_at() {
    let steps_with = |attempts| {
        let directory = TempDir::new().unwrap();
        before_settings(directory.path(), attempts);
        // Whoever looked into the file before sees the column afterwards.
        let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
        let count = || other.query_row("SELECT count(*) FROM attempts", [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count(), attempts);
        let mut connection = connection(directory.path());
        let steps = Arc::new(AtomicI64::new(0));
        let counted = Arc::clone(&steps);
        let count_step = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            false
        };
        connection.progress_handler(1, Some(count_step)).unwrap();
        migrate(&mut connection, directory.path(), schema::MIGRATIONS);
        let steps = steps.load(Ordering::Relaxed);

        let insert = format!(
            "{INSERT_ATTEMPT}, settings_revision) \
             VALUES (?1, randomblob(16), 1, randomblob(16), 1, 0, 'timeout', 'm', 'u', 1, ?2)"
        );
        connection.execute(&insert, (attempts + 1, 7)).unwrap();
        assert!(connection.execute(&insert, (attempts + 2, 0)).is_err(), "it counts from 1");
        connection.execute("UPDATE attempts SET settings_revision = 3 WHERE key = 1", []).unwrap();
        let numbers = "SELECT settings_revision || '' FROM attempts WHERE settings_revision IS NOT NULL ORDER BY key";
        assert_eq!(texts(&other, numbers), ["3", "7"]);
        assert_eq!(count(), attempts + 1);

        assert_eq!(
            texts(&other, "PRAGMA integrity_check"),
            ["CHECK constraint failed in attempts"],
            "as it was before"
        );
        connection.execute("DELETE FROM attempts WHERE number = 0", []).unwrap();
        assert_eq!(texts(&other, "PRAGMA integrity_check"), ["ok"]);
        let writable: i64 = connection.pragma_query_value(None, "writable_schema", |row| row.get(0)).unwrap();
        assert_eq!(writable, 0, "nothing else writes into the tables' texts");
        drop((connection, other));
        drop(open(directory.path()).unwrap());
        steps
    };
    assert_eq!(steps_with(10), steps_with(1_000));
}

#[test]
fn shapes_that_were_replaced_are_their_environments_and_those_of_nobody_go() {
    let directory = TempDir::new().unwrap();
    let mut connection = connection(directory.path());
    migrate(&mut connection, directory.path(), &schema::MIGRATIONS[..BEFORE_SETTINGS]);
    connection
        .execute_batch(
            "INSERT INTO environments (key, id, name, portal, created_at) VALUES (5, zeroblob(16), 'Production', '{}', 0);
             INSERT INTO webhooks (key, id, environment, display_name, description, url, event_keys, sending, \
                created_at, updated_at, deleted_at) VALUES (3, zeroblob(16), 5, 'a', '', 'u', '[]', '{}', 0, 0, 1);
             INSERT INTO webhook_shapes (key, webhook, shape, created_at, until_event) VALUES (1, 3, '{}', 0, 9), (2, 4, '{}', 0, 9)",
        )
        .unwrap();
    migrate(&mut connection, directory.path(), schema::MIGRATIONS);
    assert_eq!(texts(&connection, "SELECT key || ' of ' || environment FROM webhook_shapes"), ["1 of 5"]);
}
