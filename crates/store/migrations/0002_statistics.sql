-- Statistics: what happened in each minute, hour and day, in an environment, to a webhook, of a tenant, of an event type.

CREATE TABLE statistics (
    -- 0 minutes, 1 hours, 2 days.
    resolution INTEGER NOT NULL CHECK (resolution BETWEEN 0 AND 2),
    environment INTEGER NOT NULL,
    -- 0 the environment as a whole, 1 a webhook, 2 a tenant, 3 an event type.
    dimension INTEGER NOT NULL CHECK (dimension BETWEEN 0 AND 3),
    -- When the span begins.
    at INTEGER NOT NULL,
    -- Which webhook (the bytes of its id), tenant or event type (their texts); empty for the environment.
    subject BLOB NOT NULL,
    -- Numbers and histograms in a compact form.
    counts BLOB NOT NULL,
    -- By time before subject: rows of one span are written together, and expire together.
    PRIMARY KEY (resolution, environment, dimension, at, subject)
) STRICT, WITHOUT ROWID;

-- What commits have counted and is not in `statistics` yet: a row for each commit, so that counting costs a commit one row however
-- many webhooks and tenants it concerns.
CREATE TABLE statistics_journal (
    number INTEGER PRIMARY KEY,
    -- The minute.
    at INTEGER NOT NULL,
    entries BLOB NOT NULL
) STRICT;

-- Deliveries that wait.
ALTER TABLE webhook_tallies ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;

UPDATE webhook_tallies
SET waiting = (SELECT count(*) FROM deliveries WHERE webhook = webhook_tallies.webhook AND state <= 1);
