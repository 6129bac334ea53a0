-- Sessions of people: of the console, and of tenants' portals. Of secrets there is the SHA-256 alone.

CREATE TABLE console_sessions (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    -- JSON: a list of environment, credential, and when.
    sign_ins TEXT NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A link, until somebody opens it; then the session that it opened.
CREATE TABLE portal_sessions (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    environment INTEGER NOT NULL REFERENCES environments (key),
    tenant TEXT NOT NULL,
    user_id TEXT,
    -- JSON: a list of names.
    permissions TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('tenant', 'support')),
    -- JSON.
    theme TEXT NOT NULL,
    return_url TEXT,
    -- The credential that made the link; none: an operator did.
    credential BLOB REFERENCES credentials (id),
    created_at INTEGER NOT NULL,
    lifetime_us INTEGER NOT NULL CHECK (lifetime_us > 0),
    -- Of the link's code; once it is open, of the secret in the session's cookie.
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    link_until INTEGER,
    opened_at INTEGER,
    last_used_at INTEGER,
    CHECK ((link_until IS NULL) <> (opened_at IS NULL)),
    CHECK ((opened_at IS NULL) = (last_used_at IS NULL))
) STRICT, WITHOUT ROWID;
