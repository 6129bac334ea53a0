"""Registers a user in an internal database when they are invited to a tenant.

Subscribe it to frontegg.user.invitedToTenant.
"""

import os
import sqlite3
from contextlib import closing

from fastapi import FastAPI, HTTPException

from verify import VerifiedEvent


def connect() -> sqlite3.Connection:
    return sqlite3.connect(os.environ.get("DATABASE", "users.db"), timeout=5, isolation_level=None)


with closing(connect()) as db:
    db.executescript("""
        PRAGMA journal_mode = WAL;
        CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT NOT NULL, name TEXT) STRICT;
        CREATE TABLE IF NOT EXISTS members (
            user_id TEXT NOT NULL REFERENCES users, tenant_id TEXT NOT NULL, PRIMARY KEY (user_id, tenant_id)
        ) STRICT;
        CREATE TABLE IF NOT EXISTS handled (webhook_id TEXT PRIMARY KEY, at INTEGER NOT NULL DEFAULT (unixepoch())) STRICT;
    """)

app = FastAPI()


@app.post("/webhooks", status_code=204)
def receive(event: VerifiedEvent) -> None:
    if event.key != "frontegg.user.invitedToTenant":
        return
    user, tenant_id = event.user, event.context.get("tenantId")
    if not (user.get("id") and user.get("email") and tenant_id):
        raise HTTPException(422, "an invitation names a user with an e-mail address, and a tenant")

    # The mark and the effect are one transaction: a crash leaves both or none, and of two repeats at once one waits for the other.
    # It is committed before the answer. An error before that is answered with 500, and Postrider tries again.
    with closing(connect()) as db, db:
        db.execute("BEGIN IMMEDIATE")
        marked = db.execute("INSERT INTO handled (webhook_id) VALUES (?) ON CONFLICT DO NOTHING", [event.webhook_id])
        if marked.rowcount == 0:
            return  # A repeat: it was handled before.
        db.execute(
            "INSERT INTO users (id, email, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [user["id"], user["email"], user.get("name")],
        )
        db.execute(
            "INSERT INTO members (user_id, tenant_id) VALUES (?, ?) ON CONFLICT DO NOTHING", [user["id"], tenant_id]
        )
