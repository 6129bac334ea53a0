import { expect, test } from "vitest";
import { COUNT_STEPS, DURATION_STEPS, MARKS, marks, timeMarks } from "./marks";
import { shortCount } from "./numbers";
import { duration } from "./time";

const counts = (top: number, locale = "en") => marks(top, COUNT_STEPS).map(mark => shortCount(mark, locale));
const durations = (top: number, locale = "en") => marks(top, DURATION_STEPS).map(mark => duration(mark, locale));

test.each(["en", "de"])("no mark of an axis is written as another one, however high the axis is: %s", locale => {
  for (let top = 1; top < 1e10; top *= 1.07) {
    for (const written of [counts(top, locale), durations(top, locale)]) {
      expect(new Set(written).size, `${top}: ${written.join(", ")}`).toBe(written.length);
      expect(written.length).toBeLessThanOrEqual(MARKS + 1);
      expect(written.length, `${top}`).toBeGreaterThanOrEqual(2);
    }
  }
});

test("marks are what is counted, and durations that are written as they are", () => {
  expect(counts(1)).toEqual(["0", "1"]);
  expect(durations(1)).toEqual(["0 ms", "1 ms"]);
  expect(counts(3.3)).toEqual(["0", "1", "2", "3"]);
  expect(durations(130_000)).toEqual(["0 ms", "1 min", "2 min"]);
});

test("times are written in the reader's language, with the day where another one begins", () => {
  const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute).getTime() / 1000;
  const hours = [at(24, 18), at(24, 21), at(25, 0), at(25, 3)];
  expect(timeMarks(hours, 10_800, "de")).toEqual(["18:00\n24. Nov.", "21:00", "00:00\n25. Nov.", "03:00"]);
  expect(timeMarks(hours, 10_800, "en")).toEqual(["18:00\nNov 24", "21:00", "00:00\nNov 25", "03:00"]);
  expect(timeMarks([at(25, 9, 15), at(25, 9, 30)], 900, "de")).toEqual(["09:15\n25. Nov.", "09:30"]);
  const days = [at(24, 0), at(25, 0)];
  expect(timeMarks(days, 86_400, "de")).toEqual(["24. Nov.", "25. Nov."]);
  expect(timeMarks(days, 86_400, "en")).toEqual(["Nov 24", "Nov 25"]);
  expect(timeMarks([at(1, 0)], 28 * 86_400, "de")).toEqual(["Nov. 2026"]);
});
