//! Sends a welcome e-mail when a user signs in for the first time: once, whatever is repeated.
//!
//! Subscribe it to the events in `SIGN_INS`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use lettre::message::Mailbox;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use postrider_recipes::{Event, Failure, User, serve, setting};
use rusqlite::Connection;
use tokio::task::spawn_blocking;

const SIGN_INS: [&str; 4] = [
    "frontegg.user.authenticated",
    "frontegg.user.authenticatedWithSAML",
    "frontegg.user.authenticatedWithSSO",
    "frontegg.user.authenticatedWithMFA",
];

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA busy_timeout = 5000;
    CREATE TABLE IF NOT EXISTS welcomes (
        user_id TEXT PRIMARY KEY,
        claimed_at INTEGER NOT NULL, -- by a request that sends the e-mail
        sent_at INTEGER
    ) STRICT;
";

#[derive(Clone)]
struct Welcomes {
    db: Arc<Mutex<Connection>>,
    mail: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// Who was there before this program is not welcomed at their next sign-in.
    since: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = Connection::open(setting("DATABASE", "welcome.db"))?;
    db.execute_batch(SCHEMA)?;
    let mail = AsyncSmtpTransport::<Tokio1Executor>::from_url(&setting("SMTP_URL", "smtp://127.0.0.1:1025"))?
        // For each step of the sending: in all well below the time that Postrider waits for an answer, which is 15 seconds.
        .timeout(Some(Duration::from_secs(3)))
        .build();
    let from = setting("MAIL_FROM", "welcome@example.com").parse()?;
    let welcomes = Welcomes { db: Arc::new(Mutex::new(db)), mail, from, since: setting("WELCOME_SINCE", "") };
    Ok(serve(Router::new().route("/webhooks", post(receive)).with_state(welcomes)).await?)
}

async fn receive(State(welcomes): State<Welcomes>, event: Event) -> Result<Response, Failure> {
    // Times in events are written alike, in UTC: they sort as text.
    let is_older = |user: &User| user.created_at.as_ref().is_some_and(|created| *created < welcomes.since);
    if !SIGN_INS.contains(&event.event_key.as_str()) || event.user.as_ref().is_some_and(is_older) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let Some((user_id, message)) = event.user.and_then(|user| welcomes.message(user)) else {
        let why = "a sign-in names a user with an e-mail address";
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, why).into_response());
    };
    match welcomes.with_database(&user_id, claim).await? {
        Claim::Ours => {}
        Claim::Sent => return Ok(StatusCode::NO_CONTENT.into_response()),
        // Another request is sending it: this one comes again, to see that it was.
        Claim::Theirs => return Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()),
    }
    if let Err(error) = welcomes.mail.send(message).await {
        welcomes.with_database(&user_id, release).await?;
        eprintln!("no welcome for {user_id} yet: {error}");
        // Postrider tries again.
        return Ok((StatusCode::SERVICE_UNAVAILABLE, "the mail server took no e-mail").into_response());
    }
    welcomes.with_database(&user_id, settle).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Welcomes {
    /// The user's id and the e-mail; nothing where the user has no address.
    fn message(&self, user: User) -> Option<(String, Message)> {
        let (id, email) = (user.id?, user.email?);
        let name = user.name.unwrap_or_else(|| email.clone());
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(Some(name.clone()), email.parse::<Address>().ok()?))
            .subject("Welcome")
            // The same on every try, so that a mail server or program can tell a repeat.
            .message_id(Some(format!("<welcome-{id}@{}>", self.from.email.domain())))
            .body(format!("Hello {name},\n\nyou have signed in for the first time. Welcome!\n"))
            .ok()?;
        Some((id, message))
    }

    async fn with_database<T: Send + 'static>(
        &self,
        user_id: &str,
        act: fn(&Connection, &str) -> rusqlite::Result<T>,
    ) -> Result<T, Failure> {
        let (db, user_id) = (Arc::clone(&self.db), user_id.to_owned());
        Ok(spawn_blocking(move || act(&db.lock().expect("nothing panics under it"), &user_id)).await??)
    }
}

/// One request at a time has the claim on a user's welcome. One that crashed loses it after a minute.
enum Claim {
    Ours,
    Theirs,
    Sent,
}

fn claim(db: &Connection, user_id: &str) -> rusqlite::Result<Claim> {
    let claimed = db.execute(
        "INSERT INTO welcomes (user_id, claimed_at) VALUES (?1, unixepoch()) ON CONFLICT (user_id)
         DO UPDATE SET claimed_at = unixepoch() WHERE sent_at IS NULL AND claimed_at <= unixepoch() - 60",
        [user_id],
    )?;
    if claimed == 1 {
        return Ok(Claim::Ours);
    }
    let is_sent = db.prepare("SELECT 1 FROM welcomes WHERE user_id = ?1 AND sent_at IS NOT NULL")?.exists([user_id])?;
    Ok(if is_sent { Claim::Sent } else { Claim::Theirs })
}

fn release(db: &Connection, user_id: &str) -> rusqlite::Result<usize> {
    db.execute("DELETE FROM welcomes WHERE user_id = ?1 AND sent_at IS NULL", [user_id])
}

fn settle(db: &Connection, user_id: &str) -> rusqlite::Result<usize> {
    db.execute("UPDATE welcomes SET sent_at = unixepoch() WHERE user_id = ?1", [user_id])
}
