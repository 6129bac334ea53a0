-- Stretches of time that the statistics lack: from some commit on they could not be written, up to the next start; or what they had
-- counted of a span could not be read any more.

CREATE TABLE statistics_gaps (
    -- The moment of the first commit that is not counted, or the span's beginning.
    since INTEGER PRIMARY KEY,
    -- The next start, or the span's end; none: commits are still not counted.
    until INTEGER
) STRICT;
