-- The column `attempts.settings_revision` is written into the table's text, and not added by ALTER TABLE: that would hold every row against
-- the table's constraints, which takes minutes where there are many, and fails where a single row is damaged. What is stored stays as it
-- is: a row that ends before a column has NULL there. Other connections read the text anew because of the statements below, which change
-- the number of the database's form in the same transaction.
PRAGMA writable_schema = ON;

UPDATE sqlite_schema
SET sql = replace(sql, '    body BLOB,', '    body BLOB,
    -- What it was made from, in `request_settings`. None: the attempt is older than this column.
    settings_revision INTEGER CHECK (settings_revision > 0),')
WHERE type = 'table' AND name = 'attempts';

PRAGMA writable_schema = RESET;

-- Fails where the text was another one than is meant.
SELECT settings_revision FROM attempts WHERE FALSE;

-- What requests of webhooks were made from, by revision. Attempts keep the number alone; a row is written when a webhook is made or changed.

CREATE TABLE request_settings (
    webhook INTEGER NOT NULL,
    -- Ascends with each change of the webhook's that its requests are made from.
    revision INTEGER NOT NULL CHECK (revision > 0),
    -- The webhook's.
    environment INTEGER NOT NULL,
    -- JSON, sealed; without anything that is hidden from readers.
    settings BLOB NOT NULL,
    -- The first event that no attempt made from them can be of, as others have replaced them; none: they are the webhook's own.
    until_event INTEGER,
    PRIMARY KEY (webhook, revision)
) STRICT, WITHOUT ROWID;

CREATE INDEX request_settings_replaced ON request_settings (environment, until_event) WHERE until_event IS NOT NULL;

-- Where the row is missing, the next start writes it.
ALTER TABLE webhooks ADD COLUMN settings_revision INTEGER NOT NULL DEFAULT 1;
