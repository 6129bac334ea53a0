-- The first shape of the database. Times are microseconds since 1970; ids are the 16 bytes of a UUID; `key` is a small number of the
-- database's own, so that the many indexes that name an environment, a webhook or an event stay narrow.
--
-- Tables of the hot path say `a = x OR a = y` and never `a IN (x, y, z)`: for the latter SQLite builds a temporary table for every row
-- that is written.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE environments (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    name TEXT NOT NULL,
    -- JSON.
    portal TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE trusted_issuers (
    environment INTEGER NOT NULL PRIMARY KEY REFERENCES environments (key),
    issuer TEXT NOT NULL,
    audience TEXT NOT NULL,
    key_kind TEXT NOT NULL CHECK (key_kind IN ('jwks_url', 'public_key', 'secret')),
    -- Sealed.
    key BLOB NOT NULL,
    tenant_claim TEXT NOT NULL,
    permissions_claim TEXT NOT NULL,
    UNIQUE (issuer, audience)
) STRICT;

CREATE TABLE credentials (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    environment INTEGER NOT NULL REFERENCES environments (key),
    name TEXT NOT NULL,
    -- Of a generated secret, or of one that a person chose.
    sha256 BLOB CHECK (length(sha256) = 32),
    argon2id TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER,
    CHECK ((sha256 IS NULL) <> (argon2id IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE operator_tokens (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE categories (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    environment INTEGER NOT NULL REFERENCES environments (key),
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (environment, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_types (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    environment INTEGER NOT NULL REFERENCES environments (key),
    event_key TEXT NOT NULL,
    category BLOB NOT NULL REFERENCES categories (id),
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    -- JSON.
    schema TEXT,
    sample TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (environment, event_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_types_by_category ON event_types (category);

CREATE TABLE webhooks (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    environment INTEGER NOT NULL REFERENCES environments (key),
    -- None: the environment's own.
    tenant TEXT,
    display_name TEXT NOT NULL,
    description TEXT NOT NULL,
    url TEXT NOT NULL,
    -- Sealed; wiped when the webhook is deleted.
    secret BLOB,
    -- JSON: a list of texts.
    event_keys TEXT NOT NULL,
    -- Why it gets no events; none: it does.
    disabled TEXT CHECK (disabled IN ('by_user', 'gone', 'failing_for_days', 'failures_in_a_row')),
    -- JSON.
    sending TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- The row stays for its log until the log has expired.
    deleted_at INTEGER,
    CHECK (deleted_at IS NULL OR secret IS NULL)
) STRICT;

CREATE INDEX webhooks_deleted ON webhooks (deleted_at) WHERE deleted_at IS NOT NULL;

-- Apart from `webhooks`, as it changes with nearly every commit.
CREATE TABLE webhook_tallies (
    webhook INTEGER PRIMARY KEY,
    -- Deliveries that came from events and were not discarded at birth.
    invocations INTEGER NOT NULL DEFAULT 0,
    -- Rows of its log.
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    streak_count INTEGER CHECK (streak_count > 0),
    streak_first_at INTEGER,
    streak_last_at INTEGER CHECK (streak_last_at >= streak_first_at),
    CHECK ((streak_count IS NULL) = (streak_first_at IS NULL) AND (streak_count IS NULL) = (streak_last_at IS NULL))
) STRICT;

-- A webhook whose waiting deliveries up to one are to be discarded, and how far that has come.
CREATE TABLE sweeps (
    webhook INTEGER PRIMARY KEY,
    up_to BLOB NOT NULL CHECK (length(up_to) = 16),
    reason TEXT NOT NULL
        CHECK (reason IN ('webhook_disabled', 'webhook_deleted', 'webhook_gone', 'webhook_failing')),
    after_due_at INTEGER NOT NULL,
    after_id BLOB NOT NULL
) STRICT;

CREATE TABLE events (
    -- Ascends in the order of acceptance.
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL CHECK (length(id) = 16),
    environment INTEGER NOT NULL,
    event_key TEXT NOT NULL,
    tenant TEXT,
    user_id TEXT,
    application_id TEXT,
    occurred_at INTEGER,
    accepted_at INTEGER NOT NULL,
    -- How many it had when it was accepted.
    deliveries INTEGER NOT NULL CHECK (deliveries >= 0),
    -- Last, so that the others are read without it.
    body BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_by_id ON events (environment, id);

CREATE TABLE deliveries (
    environment INTEGER NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 16),
    event INTEGER NOT NULL,
    webhook INTEGER NOT NULL,
    -- 0 pending, 1 retrying, 2 delivered, 3 failed, 4 discarded. Up to 1 it waits; from 2 on it has ended.
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 4),
    due_at INTEGER,
    -- A fault of our own that it waits for, and when the first in a row was met.
    fault TEXT,
    fault_since INTEGER,
    ended_at INTEGER,
    reason TEXT,
    attempts INTEGER NOT NULL,
    -- Its newest attempt, from which `attempts.previous` leads to the others.
    last_attempt INTEGER,
    origin TEXT NOT NULL CHECK (origin = 'event' OR origin = 'resend' OR origin = 'replay'),
    resend_of BLOB CHECK (length(resend_of) = 16),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (environment, id),
    CHECK ((state <= 1) = (due_at IS NOT NULL)),
    CHECK ((state >= 2) = (ended_at IS NOT NULL)),
    CHECK (fault IS NULL OR state <= 1),
    CHECK ((fault IS NULL) = (fault_since IS NULL)),
    CHECK (CASE state
        WHEN 3 THEN reason = 'attempts_exhausted' OR reason = 'gone' OR reason = 'could_not_be_sent'
        WHEN 4 THEN reason = 'webhook_disabled' OR reason = 'webhook_deleted' OR reason = 'webhook_gone'
            OR reason = 'webhook_failing'
        ELSE reason IS NULL
    END IS TRUE),
    CHECK (CASE state
        WHEN 0 THEN attempts = 0
        WHEN 3 THEN attempts > 0 OR reason = 'could_not_be_sent'
        WHEN 4 THEN attempts >= 0
        ELSE attempts > 0
    END),
    CHECK ((attempts > 0) = (last_attempt IS NOT NULL)),
    CHECK (CASE origin WHEN 'event' THEN resend_of IS NULL WHEN 'resend' THEN resend_of IS NOT NULL ELSE TRUE END)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_by_event ON deliveries (event, webhook);
-- A webhook's lane: what waits, in the order in which it is due.
CREATE INDEX deliveries_waiting ON deliveries (webhook, due_at, id) WHERE state <= 1;
-- The states that people look for, and that few deliveries are in.
CREATE INDEX deliveries_by_state ON deliveries (environment, state, id) WHERE state = 1 OR state >= 3;

CREATE TABLE attempts (
    -- Ascends in the order of recording.
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL CHECK (length(id) = 16),
    webhook INTEGER NOT NULL,
    delivery BLOB NOT NULL CHECK (length(delivery) = 16),
    -- The attempt of the same delivery before this one.
    previous INTEGER,
    number INTEGER NOT NULL CHECK (number > 0),
    started_at INTEGER NOT NULL,
    -- Where the endpoint answered.
    status INTEGER CHECK (status BETWEEN 100 AND 999),
    body_end TEXT
        CHECK (body_end = 'complete' OR body_end = 'cut' OR body_end = 'timed_out' OR body_end = 'broken'),
    -- Where it did not.
    failure TEXT,
    message TEXT,
    url TEXT NOT NULL,
    address TEXT,
    -- Spans in microseconds.
    dns_us INTEGER,
    connect_us INTEGER,
    tls_us INTEGER,
    first_byte_us INTEGER,
    total_us INTEGER NOT NULL,
    -- JSON: a list of pairs.
    headers TEXT,
    body BLOB,
    CHECK ((status IS NULL) = (failure IS NOT NULL)),
    CHECK ((status IS NULL) = (body_end IS NULL) AND (status IS NULL) = (headers IS NULL)),
    CHECK ((status IS NULL) = (body IS NULL) AND (failure IS NULL) = (message IS NULL))
) STRICT;

CREATE UNIQUE INDEX attempts_by_id ON attempts (id);

-- Deliveries and attempts by webhook: indexes that are written behind, many rows at once. As indexes of SQLite's own they would
-- touch a page for nearly every row, as successive rows go to different webhooks, and halve what the database takes. What they lack
-- lies beyond the marks: deliveries of later events, and later attempts.

CREATE TABLE deliveries_of_webhooks (
    webhook INTEGER NOT NULL,
    delivery BLOB NOT NULL,
    PRIMARY KEY (webhook, delivery)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts_of_webhooks (
    webhook INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (webhook, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE marks (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- The last event whose deliveries are indexed.
    event INTEGER NOT NULL,
    -- The last attempt that is.
    attempt INTEGER NOT NULL
) STRICT;

INSERT INTO marks (one, event, attempt) VALUES (1, 0, 0);

CREATE TABLE idempotency (
    environment INTEGER NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL CHECK (length(body_hash) = 32),
    -- 20 bytes for each event: its id, and its number of deliveries, little-endian.
    receipt BLOB NOT NULL CHECK (length(receipt) % 20 = 0),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (environment, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_age ON idempotency (created_at);
