-- How long an environment keeps its events, deliveries, attempts and jobs. None: as long as the server's configuration says.
ALTER TABLE environments ADD COLUMN retention_days INTEGER CHECK (retention_days BETWEEN 1 AND 3650);

-- Which segment an event is in: where environments differ in how long they keep their events, ids are taken out of segments one by one.
CREATE INDEX segments_by_last_event ON segments (last_event);
-- Before which event an environment has none: before those of the segments whose reach its oldest event is beyond.
CREATE INDEX segments_by_reach ON segments (reach_of_events, last_event);

-- Old jobs are found by environment from now on, for which there is an index.
DROP INDEX jobs_ended;

-- So are deleted webhooks.
DROP INDEX webhooks_deleted;
CREATE INDEX webhooks_deleted ON webhooks (environment, deleted_at) WHERE deleted_at IS NOT NULL;

-- And shapes that were replaced. Those of a webhook that is gone, nothing tells of.
ALTER TABLE webhook_shapes ADD COLUMN environment INTEGER;
UPDATE webhook_shapes SET environment = (SELECT environment FROM webhooks WHERE key = webhook_shapes.webhook);
DELETE FROM webhook_shapes WHERE environment IS NULL;
DROP INDEX webhook_shapes_replaced;
CREATE INDEX webhook_shapes_replaced ON webhook_shapes (environment, until_event) WHERE until_event IS NOT NULL;
