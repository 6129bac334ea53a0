//! Registers a user in an internal database when they are invited to a tenant.
//!
//! Subscribe it to frontegg.user.invitedToTenant.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use postrider_recipes::{Event, Failure, serve, setting};
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::task::spawn_blocking;

type Database = Arc<Mutex<Connection>>;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA busy_timeout = 5000;
    CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT NOT NULL, name TEXT) STRICT;
    CREATE TABLE IF NOT EXISTS members (
        user_id TEXT NOT NULL REFERENCES users, tenant_id TEXT NOT NULL, PRIMARY KEY (user_id, tenant_id)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS handled (webhook_id TEXT PRIMARY KEY, at INTEGER NOT NULL DEFAULT (unixepoch())) STRICT;
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = Connection::open(setting("DATABASE", "users.db"))?;
    db.execute_batch(SCHEMA)?;
    Ok(serve(Router::new().route("/webhooks", post(receive)).with_state(Arc::new(Mutex::new(db)))).await?)
}

async fn receive(State(db): State<Database>, event: Event) -> Result<Response, Failure> {
    if event.event_key != "frontegg.user.invitedToTenant" {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let Some(invitation) = Invitation::of(event) else {
        let why = "an invitation names a user with an e-mail address, and a tenant";
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, why).into_response());
    };
    spawn_blocking(move || register(&mut db.lock().expect("nothing panics under it"), &invitation)).await??;
    // After the commit. An error before it is answered with 500, and Postrider tries again.
    Ok(StatusCode::NO_CONTENT.into_response())
}

struct Invitation {
    webhook_id: String,
    user_id: String,
    email: String,
    name: Option<String>,
    tenant_id: String,
}

impl Invitation {
    fn of(event: Event) -> Option<Self> {
        let (webhook_id, tenant_id, user) = (event.webhook_id, event.event_context.tenant_id?, event.user?);
        Some(Self { webhook_id, user_id: user.id?, email: user.email?, name: user.name, tenant_id })
    }
}

/// The mark and the effect are one transaction: a crash leaves both or none, and of two repeats at once one waits for the other.
fn register(db: &mut Connection, invitation: &Invitation) -> rusqlite::Result<()> {
    let Invitation { webhook_id, user_id, email, name, tenant_id } = invitation;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let marked =
        transaction.execute("INSERT INTO handled (webhook_id) VALUES (?1) ON CONFLICT DO NOTHING", [webhook_id])?;
    if marked == 0 {
        return Ok(()); // A repeat: it was handled before.
    }
    transaction.execute(
        "INSERT INTO users (id, email, name) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![user_id, email, name],
    )?;
    transaction.execute(
        "INSERT INTO members (user_id, tenant_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        [user_id, tenant_id],
    )?;
    transaction.commit()
}
