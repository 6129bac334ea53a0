-- Bulk resends and replays.

CREATE TABLE jobs (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    environment INTEGER NOT NULL REFERENCES environments (key),
    -- None: the vendor's.
    tenant TEXT,
    idempotency_key TEXT NOT NULL,
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    -- JSON.
    work TEXT NOT NULL,
    rate INTEGER NOT NULL CHECK (rate > 0),
    state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'cancelled', 'completed')),
    paused_because TEXT CHECK (paused_because IN ('by_user', 'webhook_inactive')),
    total INTEGER,
    done INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at INTEGER,
    CHECK ((state = 'paused') = (paused_because IS NOT NULL)),
    CHECK ((state IN ('cancelled', 'completed')) = (ended_at IS NOT NULL))
) STRICT;

CREATE INDEX jobs_of_environment ON jobs (environment, id);
CREATE INDEX jobs_by_idempotency ON jobs (environment, idempotency_key);
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;

-- What a job does for one webhook, or for whichever: each part comes forward by itself.
CREATE TABLE job_parts (
    job INTEGER NOT NULL REFERENCES jobs (key),
    part INTEGER NOT NULL,
    -- The delivery or event up to which it has come: moved in the transaction that makes the new deliveries.
    cursor BLOB NOT NULL CHECK (length(cursor) = 16),
    is_over INTEGER NOT NULL CHECK (is_over IN (0, 1)),
    PRIMARY KEY (job, part)
) STRICT, WITHOUT ROWID;
