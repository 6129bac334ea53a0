// @vitest-environment jsdom
import { expect, test } from "vitest";
import { partFor } from "./part-seen";

test("what is fixed stands in the part that is seen, as long as that is enough of it", () => {
  expect(partFor({ top: 1500.4, height: 800 }, 4000)).toEqual({ top: 1500, height: 800 });
  expect(partFor({ top: 0, height: 4000 }, 4000)).toEqual({ top: 0, height: 4000 });
  // The frame's beginning and its end, hardly in the window.
  expect(partFor({ top: 0, height: 20 }, 4000)).toEqual({ top: 0, height: 240 });
  expect(partFor({ top: 3980, height: 20 }, 4000)).toEqual({ top: 3760, height: 240 });
  expect(partFor({ top: 0, height: 100 }, 120)).toEqual({ top: 0, height: 120 });
  expect(partFor({ top: 0, height: 0 }, 4000)).toBeNull();
});
