-- What webhooks send instead of the event as it is. A delivery keeps the revision that it was accepted under, so that all of its attempts
-- send the same bytes.

CREATE TABLE webhook_shapes (
    -- Never given twice: what is in memory goes by it.
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook INTEGER NOT NULL,
    -- JSON.
    shape TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- The first event whose deliveries cannot have it any more, as another has replaced it; none: it is its webhook's own.
    until_event INTEGER
) STRICT;

CREATE INDEX webhook_shapes_replaced ON webhook_shapes (until_event) WHERE until_event IS NOT NULL;

-- None: a POST of the event's body.
ALTER TABLE webhooks ADD COLUMN shape INTEGER;
-- Headers and authentication. JSON, sealed; wiped when the webhook is deleted.
ALTER TABLE webhooks ADD COLUMN access BLOB CHECK (access IS NULL OR deleted_at IS NULL);

-- A CHECK cannot be changed in place.
CREATE TABLE deliveries_with_shapes (
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
    -- A digest of what it is ordered by; none: it is not.
    order_key BLOB CHECK (length(order_key) = 16),
    -- Ascends among the deliveries of a key that wait.
    order_place INTEGER CHECK (order_place > 0),
    -- The revision of the webhook's shape; none: the event's body as it is.
    shape INTEGER,
    -- Why it failed, in words.
    problem TEXT,
    PRIMARY KEY (environment, id),
    CHECK ((state <= 1) = (due_at IS NOT NULL)),
    CHECK (due_at IS NULL OR due_at < 9223372036854775807 OR (state = 0 AND order_key IS NOT NULL)),
    CHECK ((state >= 2) = (ended_at IS NOT NULL)),
    CHECK (fault IS NULL OR state <= 1),
    CHECK (problem IS NULL OR state = 3),
    CHECK ((fault IS NULL) = (fault_since IS NULL)),
    CHECK (CASE state
        WHEN 3 THEN reason = 'attempts_exhausted' OR reason = 'gone' OR reason GLOB 'could_not_be_*'
            OR reason = 'template_error'
        WHEN 4 THEN reason = 'webhook_disabled' OR reason = 'webhook_deleted' OR reason = 'webhook_gone'
            OR reason = 'webhook_failing' OR reason = 'skipped' OR reason = 'resent'
        ELSE reason IS NULL
    END IS TRUE),
    CHECK (CASE state
        WHEN 0 THEN attempts = 0
        WHEN 3 THEN attempts > 0 OR reason GLOB 'could_not_be_*' OR reason = 'template_error'
        WHEN 4 THEN attempts >= 0
        ELSE attempts > 0
    END),
    CHECK ((attempts > 0) = (last_attempt IS NOT NULL)),
    CHECK (CASE origin WHEN 'event' THEN resend_of IS NULL WHEN 'resend' THEN resend_of IS NOT NULL ELSE TRUE END),
    CHECK ((order_key IS NULL) = (order_place IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO deliveries_with_shapes SELECT *, NULL, NULL FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_with_shapes RENAME TO deliveries;

CREATE INDEX deliveries_by_event ON deliveries (event, webhook);
-- A webhook's lane: what waits, in the order in which it is due.
CREATE INDEX deliveries_waiting ON deliveries (webhook, due_at, id) WHERE state <= 1;
-- The states that people look for, and that few deliveries are in.
CREATE INDEX deliveries_by_state ON deliveries (environment, state, id) WHERE state = 1 OR state >= 3;
-- Who waits for whom. It has no row of a webhook that is not ordered.
CREATE UNIQUE INDEX deliveries_in_order ON deliveries (webhook, order_key, order_place)
    WHERE order_key IS NOT NULL AND state <= 1;
