-- How long an environment keeps its events, deliveries, attempts and jobs. None: as long as the server's configuration says.
ALTER TABLE environments ADD COLUMN retention_days INTEGER CHECK (retention_days BETWEEN 1 AND 3650);

-- Which segment an event is in: where environments differ in how long they keep their events, ids are taken out of segments one by one.
CREATE INDEX segments_by_last_event ON segments (last_event);

-- Old jobs are found by environment from now on, for which there is an index.
DROP INDEX jobs_ended;
