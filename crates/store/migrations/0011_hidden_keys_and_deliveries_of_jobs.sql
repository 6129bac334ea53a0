-- Keys of event types that were for the vendor alone when they were deleted. They stay hidden from tenants until there is an event type of
-- that key again: a deletion opens nothing.
CREATE TABLE hidden_keys (
    environment INTEGER NOT NULL REFERENCES environments (key),
    event_key TEXT NOT NULL,
    PRIMARY KEY (environment, event_key)
) STRICT, WITHOUT ROWID;

-- The deliveries that jobs have made, each written in the transaction that makes it. A delivery may be gone before its job is.
CREATE TABLE job_deliveries (
    job INTEGER NOT NULL REFERENCES jobs (key),
    delivery BLOB NOT NULL CHECK (length(delivery) = 16),
    PRIMARY KEY (job, delivery)
) STRICT, WITHOUT ROWID;

-- Few have not ended, and they are counted whenever one is started.
CREATE INDEX jobs_unended ON jobs (environment) WHERE ended_at IS NULL;
