-- Event types in full: versions of schemas, what becomes of events that they do not allow, deprecation, audience. Filters of webhooks.
-- What is to be told of an event beside its deliveries.

ALTER TABLE event_types ADD COLUMN schema_version INTEGER NOT NULL DEFAULT 0 CHECK (schema_version >= 0);
ALTER TABLE event_types ADD COLUMN schema_mode TEXT NOT NULL DEFAULT 'off'
    CHECK (schema_mode IN ('off', 'warn', 'reject'));
ALTER TABLE event_types ADD COLUMN audience TEXT NOT NULL DEFAULT 'everybody'
    CHECK (audience IN ('everybody', 'vendor'));
ALTER TABLE event_types ADD COLUMN deprecated_at INTEGER;
ALTER TABLE event_types ADD COLUMN replaced_by TEXT CHECK (replaced_by IS NULL OR deprecated_at IS NOT NULL);

UPDATE event_types SET schema_version = 1 WHERE schema IS NOT NULL;

-- Schemas that event types had before their present ones.
CREATE TABLE former_schemas (
    event_type BLOB NOT NULL REFERENCES event_types (id) ON DELETE CASCADE,
    version INTEGER NOT NULL CHECK (version > 0),
    -- JSON.
    schema TEXT NOT NULL,
    replaced_at INTEGER NOT NULL,
    PRIMARY KEY (event_type, version)
) STRICT, WITHOUT ROWID;

ALTER TABLE webhooks ADD COLUMN filter TEXT;

CREATE TABLE event_notes (
    event INTEGER PRIMARY KEY,
    -- JSON.
    notes TEXT NOT NULL
) STRICT;
