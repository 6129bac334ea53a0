import { expect, test } from "vitest";
import { oneOf } from "./search";

test("a tab that there is not is the first one", () => {
  const tabs = ["body", "settings"] as const;
  expect([undefined, "", "nonsense", "settings"].map(named => oneOf<string>(named, tabs))).toEqual([
    "body",
    "body",
    "body",
    "settings",
  ]);
});
