import { expect, test } from "vitest";
import { clock, delayText, duration, fromLocalInput, parseDelays, relativeTime, span, toLocalInput } from "./time";

const now = Date.parse("2026-06-15T12:00:00Z");
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();

test("moments are told from now, and never rounded up to a unit that is not reached", () => {
  expect(relativeTime(at(-3), now, "en")).toBe("now");
  expect(relativeTime(at(-59), now, "en")).toBe("59 seconds ago");
  expect(relativeTime(at(-3599), now, "en")).toBe("59 minutes ago");
  expect(relativeTime(at(240), now, "en")).toBe("in 4 minutes");
  expect(relativeTime(at(-86_400), now, "en")).toBe("yesterday");
  expect(relativeTime(at(-40 * 86_400), now, "en")).toBe("May 6, 2026");
  expect(relativeTime(at(-240), now, "de")).toBe("vor 4 Minuten");
  expect(relativeTime("not a time", now, "en")).toBe("not a time");
});

test("durations and spans are in the reader's language", () => {
  const durations = [0, 0.2, 12.4, 1400, 15_000, 180_000, 7_200_000];
  expect(durations.map(ms => duration(ms, "en"))).toEqual([
    "0 ms",
    "<1 ms",
    "12 ms",
    "1.4 sec",
    "15 sec",
    "3 min",
    "2 hr",
  ]);
  expect(duration(1400, "de")).toBe("1,4 Sek.");
  expect([5, 300, 7200, 86_400, 5400].map(seconds => span(seconds, "en"))).toEqual([
    "5 sec",
    "5 min",
    "2 hr",
    "1 day",
    "1.5 hr",
  ]);
  expect(span(5400, "de")).toBe("1,5 Std.");
});

test("delays are written as they are read, to the second", () => {
  const delays = [5, 90, 300, 5400, 7200, 86_400, 100_000];
  expect(delays.slice(0, 5).map(delayText)).toEqual(["5 s", "90 s", "5 min", "90 min", "2 h"]);
  expect(parseDelays(delays.map(delayText).join(", "))).toEqual(delays);
});

test("delays are read as people write them", () => {
  expect(parseDelays("5s, 30, 5 min; 2h\n1d")).toEqual([5, 30, 300, 7200, 86_400]);
  expect(parseDelays("30 s, 5 min, 1 h")).toEqual([30, 300, 3600]);
  expect(parseDelays("")).toEqual([]);
  for (const text of ["soon", "5 parsecs", "-5s", "1h30"]) expect(parseDelays(text), text).toBeNull();
});

test("a moment survives the form", () => {
  const moment = "2026-06-15T12:34:00.000Z";
  expect(fromLocalInput(toLocalInput(moment))).toBe(moment);
  expect(fromLocalInput("")).toBeUndefined();
  expect(toLocalInput(undefined)).toBe("");
});

test("a time of the day has its day where that is not today", () => {
  const noon = new Date(2026, 5, 15, 12, 0).getTime();
  expect(clock(new Date(2026, 5, 15, 9, 12).toISOString(), noon, "en")).toBe("09:12");
  expect(clock(new Date(2026, 5, 14, 9, 12).toISOString(), noon, "en")).toMatch(/Jun 14.*09:12/);
});
