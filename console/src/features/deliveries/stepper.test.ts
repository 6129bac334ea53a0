// @vitest-environment jsdom
import { expect, test } from "vitest";
import { ApiProblem } from "@/api/problem";
import { rereadAfter } from "./stepper";

test("a delivery's webhook is read again while a pause of it may be waited for, and until it is refused", () => {
  const waiting = { state: "retrying", waitingFor: null } as const;
  expect(rereadAfter(waiting, null)).toBe(15_000);
  // What broke may work again.
  expect(rereadAfter(waiting, new TypeError("Failed to fetch"))).toBe(15_000);
  expect(rereadAfter(waiting, new ApiProblem(503, null))).toBe(15_000);
  expect(rereadAfter(waiting, new ApiProblem(404, null))).toBe(false);
  expect(rereadAfter({ ...waiting, state: "delivered" }, null)).toBe(false);
  expect(rereadAfter({ ...waiting, waitingFor: "turn" }, null)).toBe(false);
});
