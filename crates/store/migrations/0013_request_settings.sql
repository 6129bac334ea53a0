-- What requests of webhooks were made from, by revision. Attempts keep the number alone; a row is written when a webhook is made or changed.

CREATE TABLE request_settings (
    webhook INTEGER NOT NULL,
    -- Ascends with each change of the webhook's that its requests are made from.
    revision INTEGER NOT NULL CHECK (revision > 0),
    -- JSON, sealed; without anything that is hidden from readers.
    settings BLOB NOT NULL,
    -- The first event that no attempt made from them can be of, as others have replaced them; none: they are the webhook's own.
    until_event INTEGER,
    PRIMARY KEY (webhook, revision)
) STRICT, WITHOUT ROWID;

CREATE INDEX request_settings_replaced ON request_settings (until_event) WHERE until_event IS NOT NULL;

-- Where the row is missing, the next start writes it.
ALTER TABLE webhooks ADD COLUMN settings_revision INTEGER NOT NULL DEFAULT 1;
-- None: the attempt is older than this column.
ALTER TABLE attempts ADD COLUMN settings_revision INTEGER;
