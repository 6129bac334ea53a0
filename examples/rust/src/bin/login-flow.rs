//! Runs a flow on everything that has to do with signing in: after three failures in a row an account is put under review, until its
//! owner signs in or changes the password. Each change of that leaves a task for whatever acts upon it.
//!
//! Subscribe it to the events in `outcome`.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use postrider_recipes::{Event, Failure, serve, setting};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use tokio::task::spawn_blocking;

type Database = Arc<Mutex<Connection>>;

const FAILURES_BEFORE_REVIEW: u32 = 3;

fn outcome(event_key: &str) -> Option<&'static str> {
    match event_key {
        "frontegg.user.failedAuthentication" => Some("failed"),
        "frontegg.user.authenticated"
        | "frontegg.user.authenticatedWithSAML"
        | "frontegg.user.authenticatedWithSSO"
        | "frontegg.user.authenticatedWithMFA"
        | "frontegg.user.changedPassword" => Some("passed"),
        _ => None,
    }
}

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA busy_timeout = 5000;
    CREATE TABLE IF NOT EXISTS logins (
        webhook_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, event_key TEXT NOT NULL, outcome TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS logins_of_users ON logins (user_id, outcome, webhook_id);
    CREATE TABLE IF NOT EXISTS accounts (
        user_id TEXT PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('open', 'review'))
    ) STRICT;
    CREATE TABLE IF NOT EXISTS tasks (
        id INTEGER PRIMARY KEY, user_id TEXT NOT NULL, kind TEXT NOT NULL, done_at INTEGER
    ) STRICT;
";

/// A webhook-id begins with the time of its event. Events that arrive late, after a retry, are therefore counted in their place.
const FAILURES_IN_A_ROW: &str = "
    SELECT count(*) FROM logins WHERE user_id = ?1 AND outcome = 'failed' AND webhook_id >
        coalesce((SELECT max(webhook_id) FROM logins WHERE user_id = ?1 AND outcome = 'passed'), '')
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = Connection::open(setting("DATABASE", "logins.db"))?;
    db.execute_batch(SCHEMA)?;
    Ok(serve(Router::new().route("/webhooks", post(receive)).with_state(Arc::new(Mutex::new(db)))).await?)
}

async fn receive(State(db): State<Database>, event: Event) -> Result<StatusCode, Failure> {
    // Somebody who failed to sign in may be nobody whom the identity provider knows.
    let user_id = event.user.and_then(|user| user.id);
    if let (Some(user_id), Some(outcome)) = (user_id, outcome(&event.event_key)) {
        let login = Login { webhook_id: event.webhook_id, user_id, event_key: event.event_key, outcome };
        spawn_blocking(move || advance(&mut db.lock().expect("nothing panics under it"), &login)).await??;
    }
    // After the commit. An error before it is answered with 500, and Postrider tries again.
    Ok(StatusCode::NO_CONTENT)
}

struct Login {
    webhook_id: String,
    user_id: String,
    event_key: String,
    outcome: &'static str,
}

/// All steps are one transaction: a crash leaves all or none, and of two repeats at once one waits for the other.
fn advance(db: &mut Connection, login: &Login) -> rusqlite::Result<()> {
    let Login { webhook_id, user_id, event_key, outcome } = login;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let added = transaction.execute(
        "INSERT INTO logins (webhook_id, user_id, event_key, outcome) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        [webhook_id, user_id, event_key, *outcome],
    )?;
    if added == 0 {
        return Ok(()); // A repeat: it was handled before.
    }
    let failures: u32 = transaction.query_row(FAILURES_IN_A_ROW, [user_id], |row| row.get(0))?;
    let before: Option<String> = transaction
        .query_row("SELECT state FROM accounts WHERE user_id = ?1", [user_id], |row| row.get(0))
        .optional()?;
    let after = if failures >= FAILURES_BEFORE_REVIEW { "review" } else { "open" };
    transaction.execute(
        "INSERT INTO accounts (user_id, state) VALUES (?1, ?2) ON CONFLICT (user_id) DO UPDATE SET state = excluded.state",
        [user_id, after],
    )?;
    if after != before.as_deref().unwrap_or("open") {
        let kind = if after == "review" { "start-review" } else { "end-review" };
        transaction.execute("INSERT INTO tasks (user_id, kind) VALUES (?1, ?2)", [user_id, kind])?;
    }
    transaction.commit()
}
