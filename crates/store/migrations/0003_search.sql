-- Which deliveries and events are of a tenant or an event type: lists of ids, written behind in segments, one after the other.

-- A segment is of some successive events and of the deliveries that were made meanwhile. Ids are those of all its lists.
CREATE TABLE segments (
    segment INTEGER PRIMARY KEY,
    -- The last event that it is of: later ones are in no segment yet.
    last_event INTEGER NOT NULL,
    first_delivery BLOB NOT NULL CHECK (length(first_delivery) = 16),
    first_event BLOB NOT NULL CHECK (length(first_event) = 16),
    -- The greatest id of this segment and of all before it.
    reach_of_deliveries BLOB NOT NULL CHECK (length(reach_of_deliveries) = 16),
    reach_of_events BLOB NOT NULL CHECK (length(reach_of_events) = 16)
) STRICT;

CREATE TABLE postings (
    segment INTEGER NOT NULL,
    -- A hash of what the ids have in common: environment, kind, and tenant or event key.
    subject INTEGER NOT NULL,
    -- 16 bytes each, ascending.
    ids BLOB NOT NULL CHECK (length(ids) % 16 = 0),
    -- By segment before subject: a segment is written, and deleted, in one place.
    PRIMARY KEY (segment, subject)
) STRICT, WITHOUT ROWID;

-- Deliveries in no segment yet whose event may be in one: those that were made later than their event.
CREATE TABLE late_deliveries (
    environment INTEGER NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 16),
    PRIMARY KEY (environment, id)
) STRICT, WITHOUT ROWID;
