"""Sends a welcome e-mail when a user signs in for the first time: once, whatever is repeated.

Subscribe it to the events in SIGN_INS.
"""

import logging
import os
import smtplib
import sqlite3
import ssl
from contextlib import closing
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from fastapi import FastAPI, HTTPException

from verify import VerifiedEvent

SIGN_INS = {
    "frontegg.user.authenticated",
    "frontegg.user.authenticatedWithSAML",
    "frontegg.user.authenticatedWithSSO",
    "frontegg.user.authenticatedWithMFA",
}
# Who was there before this program is not welcomed at their next sign-in.
SINCE = os.environ.get("WELCOME_SINCE", "")
SMTP = urlsplit(os.environ.get("SMTP_URL", "smtp://127.0.0.1:1025"))
FROM = os.environ.get("MAIL_FROM", "welcome@example.com")
SECONDS = 3  # for each step of the sending: in all well below the time that Postrider waits for an answer, which is 15 seconds


def connect() -> sqlite3.Connection:
    return sqlite3.connect(os.environ.get("DATABASE", "welcome.db"), timeout=5, isolation_level=None)


with closing(connect()) as db:
    db.executescript("""
        PRAGMA journal_mode = WAL;
        CREATE TABLE IF NOT EXISTS welcomes (
            user_id TEXT PRIMARY KEY,
            claimed_at INTEGER NOT NULL, -- by a request that sends the e-mail
            sent_at INTEGER
        ) STRICT;
    """)

app = FastAPI()


@app.post("/webhooks", status_code=204)
def receive(event: VerifiedEvent) -> None:
    user = event.user
    # Times in events are written alike, in UTC: they sort as text.
    if event.key not in SIGN_INS or (user.get("createdAt") or "~") < SINCE:
        return
    if not (user.get("id") and user.get("email")):
        raise HTTPException(422, "a sign-in names a user with an e-mail address")
    try:
        message = welcome(user)
    except (ValueError, MessageError) as error:
        raise HTTPException(422, "that is no e-mail address") from error

    with closing(connect()) as db:
        # One request at a time has the claim on a user's welcome. One that crashed loses it after a minute.
        claimed = db.execute(
            "INSERT INTO welcomes (user_id, claimed_at) VALUES (?, unixepoch()) ON CONFLICT (user_id)"
            " DO UPDATE SET claimed_at = unixepoch() WHERE sent_at IS NULL AND claimed_at <= unixepoch() - 60",
            [user["id"]],
        )
        if claimed.rowcount == 0:
            sent = db.execute("SELECT 1 FROM welcomes WHERE user_id = ? AND sent_at IS NOT NULL", [user["id"]])
            if sent.fetchone():
                return
            raise HTTPException(503, "another request is sending it")  # This one comes again, to see that it was.
        try:
            send(message)
        except (OSError, smtplib.SMTPException) as error:
            db.execute("DELETE FROM welcomes WHERE user_id = ? AND sent_at IS NULL", [user["id"]])
            logging.warning("no welcome for %s yet: %s", user["id"], error)
            raise HTTPException(503, "the mail server took no e-mail") from error  # Postrider tries again.
        db.execute("UPDATE welcomes SET sent_at = unixepoch() WHERE user_id = ?", [user["id"]])


def welcome(user: dict) -> EmailMessage:
    name = " ".join((user.get("name") or user["email"]).split())
    message = EmailMessage()
    message["From"] = FROM
    message["To"] = Address(name, addr_spec=user["email"])
    message["Subject"] = "Welcome"
    message["Date"] = formatdate()
    # The same on every try, so that a mail server or program can tell a repeat.
    message["Message-ID"] = f"<welcome-{user['id']}@{FROM.rsplit('@')[-1]}>"
    message.set_content(f"Hello {name},\n\nyou have signed in for the first time. Welcome!\n")
    return message


def send(message: EmailMessage) -> None:
    if SMTP.scheme == "smtps":
        context = ssl.create_default_context()
        server = smtplib.SMTP_SSL(SMTP.hostname, SMTP.port or 465, timeout=SECONDS, context=context)
    else:
        server = smtplib.SMTP(SMTP.hostname, SMTP.port or 25, timeout=SECONDS)
    with server:
        if SMTP.username:
            server.login(unquote(SMTP.username), unquote(SMTP.password or ""))
        server.send_message(message)
