import { expect, test } from "vitest";
import { discardedIn, isReplayed, replayOf } from "./replay";

const NOW = Date.parse("2026-01-02T00:00:00Z");

test("the filters of the list of events go along, and what a replay does not take is named", () => {
  expect(replayOf({}, NOW)).toEqual({});
  expect(replayOf({ event: "a.b", tenant: "acme", since: "24h" }, NOW)).toEqual({
    event: "a.b",
    tenant: "acme",
    from: "2026-01-01T00:00:00.000Z",
  });
  expect(replayOf({ since: "range", from: "x", to: "y", q: "ada", state: "failed" }, NOW)).toEqual({
    from: "x",
    to: "y",
    left: "text,state",
  });
  // A range needs no name.
  expect(replayOf({ from: "x", q: "0193a0b1", matched: "false", status: "5xx", webhook: "w" }, NOW)).toEqual({
    from: "x",
    left: "id,matched,status,webhook",
  });
});

test("what was discarded is counted from its first span on, and replayed with what waited then", () => {
  expect(discardedIn([{ at: "2026-01-05T10:00:00Z", discarded: 0 }])).toBeNull();
  const points = [
    { at: "2026-01-05T10:00:00Z", discarded: 0 },
    { at: "2026-01-05T11:00:00Z", discarded: 3 },
    { at: "2026-01-05T13:00:00Z", discarded: 2 },
  ];
  expect(discardedIn(points)).toEqual({ count: 5, since: "2026-01-05T11:00:00Z", from: "2026-01-03T11:00:00.000Z" });
});

test("what was replayed since is not to be replayed again", () => {
  const discarded = { count: 5, since: "2026-01-01T11:00:00Z", from: "2025-12-30T11:00:00.000Z" };
  const webhook = { id: "w", tenantId: "acme" };
  const last = "2026-01-01T13:30:00Z";
  const job = (more: object = {}, request: object = {}) => ({
    kind: "replay",
    state: "completed",
    request: { webhookIds: ["w"], from: discarded.from, to: "2026-01-02T00:00:00Z", ...request },
    ...more,
  });
  expect(isReplayed([job()], webhook, discarded, last)).toBe(true);
  expect(isReplayed([job({}, { tenantId: "acme" })], webhook, discarded, last)).toBe(true);
  for (const other of [
    job({ state: "cancelled" }),
    job({ kind: "resend" }),
    job({}, { webhookIds: ["other"] }),
    job({}, { eventId: "e" }),
    job({}, { eventKey: "a.b" }),
    job({}, { tenantId: "globex" }),
    job({}, { from: "2026-01-01T12:00:00Z" }),
    job({}, { to: "2026-01-01T13:00:00Z" }),
  ]) {
    expect(isReplayed([other], webhook, discarded, last)).toBe(false);
  }
});
