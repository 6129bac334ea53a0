"""Runs a flow on everything that has to do with signing in: after three failures in a row an account is put under review, until its
owner signs in or changes the password. Each change of that leaves a task for whatever acts upon it.

Subscribe it to the events in OUTCOMES.
"""

import os
import sqlite3
from contextlib import closing

from fastapi import FastAPI

from verify import VerifiedEvent

OUTCOMES = {
    "frontegg.user.failedAuthentication": "failed",
    "frontegg.user.authenticated": "passed",
    "frontegg.user.authenticatedWithSAML": "passed",
    "frontegg.user.authenticatedWithSSO": "passed",
    "frontegg.user.authenticatedWithMFA": "passed",
    "frontegg.user.changedPassword": "passed",
}
FAILURES_BEFORE_REVIEW = 3


def connect() -> sqlite3.Connection:
    return sqlite3.connect(os.environ.get("DATABASE", "logins.db"), timeout=5, isolation_level=None)


with closing(connect()) as db:
    db.executescript("""
        PRAGMA journal_mode = WAL;
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
    """)

# A webhook-id begins with the time of its event. Events that arrive late, after a retry, are therefore counted in their place.
FAILURES_IN_A_ROW = """
    SELECT count(*) FROM logins WHERE user_id = :user AND outcome = 'failed' AND webhook_id >
        coalesce((SELECT max(webhook_id) FROM logins WHERE user_id = :user AND outcome = 'passed'), '')
"""

app = FastAPI()


@app.post("/webhooks", status_code=204)
def receive(event: VerifiedEvent) -> None:
    user_id, outcome = event.user.get("id"), OUTCOMES.get(event.key)
    # Somebody who failed to sign in may be nobody whom the identity provider knows.
    if not (user_id and outcome):
        return

    # All steps are one transaction: a crash leaves all or none, and of two repeats at once one waits for the other.
    # It is committed before the answer. An error before that is answered with 500, and Postrider tries again.
    with closing(connect()) as db, db:
        db.execute("BEGIN IMMEDIATE")
        added = db.execute(
            "INSERT INTO logins (webhook_id, user_id, event_key, outcome) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [event.webhook_id, user_id, event.key, outcome],
        )
        if added.rowcount == 0:
            return  # A repeat: it was handled before.
        (failures,) = db.execute(FAILURES_IN_A_ROW, {"user": user_id}).fetchone()
        (before,) = db.execute("SELECT state FROM accounts WHERE user_id = ?", [user_id]).fetchone() or ("open",)
        after = "review" if failures >= FAILURES_BEFORE_REVIEW else "open"
        db.execute(
            "INSERT INTO accounts (user_id, state) VALUES (?, ?) ON CONFLICT (user_id) DO UPDATE SET state = excluded.state",
            [user_id, after],
        )
        if after != before:
            kind = "start-review" if after == "review" else "end-review"
            db.execute("INSERT INTO tasks (user_id, kind) VALUES (?, ?)", [user_id, kind])
