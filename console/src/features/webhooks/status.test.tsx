// @vitest-environment jsdom
import { expect, test } from "vitest";
import type { Webhook } from "./queries";
import { hasStatus, statusOf } from "./status";

const NOW = Date.parse("2026-06-15T12:00:00Z");
const webhook = (health: object, isActive = true) => ({ isActive, health }) as Webhook;

test("those that fail are the ones that the server counts, paused or not", () => {
  const stray = webhook({ isFailing: false, consecutiveFailures: 1, failingSince: "2026-06-15T11:59:00Z" });
  const failing = webhook({ isFailing: true, consecutiveFailures: 727 });
  const paused = webhook({ isFailing: true, consecutiveFailures: 5, pausedUntil: "2026-06-15T12:05:00Z" });
  const off = webhook({ isFailing: false, consecutiveFailures: 9 }, false);
  const all = [stray, failing, paused, off];
  expect(all.map(one => statusOf(one, NOW))).toEqual(["active", "failing", "paused", "disabled"]);
  expect(all.filter(one => hasStatus(one, "failing", NOW))).toEqual([failing, paused]);
  expect(all.filter(one => hasStatus(one, "paused", NOW))).toEqual([paused]);
  expect(all.filter(one => hasStatus(one, "active", NOW))).toEqual([stray]);
});
