import { expect, test } from "vitest";
import { COUNT_STEPS, DURATION_STEPS, MARKS, marks } from "./marks";
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
