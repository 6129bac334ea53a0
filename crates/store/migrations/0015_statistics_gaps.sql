-- Stretches of time that the statistics lack: from some commit on they could not be written, up to the next start.

CREATE TABLE statistics_gaps (
    -- The moment of the first commit that is not counted.
    since INTEGER PRIMARY KEY,
    -- The next start; none: commits are still not counted.
    until INTEGER
) STRICT;
