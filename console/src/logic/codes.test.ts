import { expect, test } from "vitest";
import { countCodes } from "./codes";

test("exact answers are counted, the most frequent first, and deliveries without an attempt are not", () => {
  const answered = (statusCode: number | null) => ({ lastAttempt: { statusCode } });
  const deliveries = [
    answered(503),
    answered(200),
    { lastAttempt: null },
    answered(200),
    answered(null),
    answered(404),
  ];
  expect(countCodes(deliveries)).toEqual([
    { code: 200, count: 2 },
    { code: 404, count: 1 },
    { code: 503, count: 1 },
    { code: "none", count: 1 },
  ]);
});
