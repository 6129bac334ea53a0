-- The index of attempts by their ids, written behind as those by webhook are: attempts end in another order than they begin in, so
-- that an index of SQLite's own touched several pages in every commit. What it lacks lies beyond the mark of attempts.

CREATE TABLE attempts_of_ids (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    attempt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO attempts_of_ids (id, attempt)
    SELECT id, key FROM attempts WHERE key <= (SELECT attempt FROM marks) ORDER BY id;

DROP INDEX attempts_by_id;
