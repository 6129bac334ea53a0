import { expect, test } from "vitest";
import { keptSince, wholeDays } from "./retention";

test("days are whole, and within what can be", () => {
  expect(["1", " 30 ", "3650", "007"].map(wholeDays)).toEqual([1, 30, 3650, 7]);
  expect(["", "0", "3651", "1.5", "-1", "1e3", "seven", "99999"].map(wholeDays)).toEqual(Array(8).fill(undefined));
});

test("what is kept begins whole days ago", () => {
  expect(keptSince(2, Date.UTC(2026, 2, 1, 12)).toISOString()).toBe("2026-02-27T12:00:00.000Z");
});
