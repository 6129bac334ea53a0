//! Deliveries as the server would list them, more than it is quick to make.

/** What the ids of all of them begin with. */
export const ROWS = "01930000-0000-7000-8000-";

/** The `index`th of `count`, the newest first; its event is called `row.` and that number. */
export const deliveryRow = (index: number, count: number) => ({
  id: `${ROWS}${String(count - index).padStart(12, "0")}`,
  eventId: "01930000-0000-7000-8000-000000000000",
  webhookId: "01930000-0000-7000-8000-000000000001",
  eventKey: `row.${index}`,
  tenantId: "acme",
  state: "delivered",
  origin: "event",
  attempts: 1,
  createdAt: "2026-01-01T00:00:00Z",
  lastAttempt: { id: "01930000-0000-7000-8000-000000000002", startedAt: "2026-01-01T00:00:00Z", statusCode: 200 },
});
