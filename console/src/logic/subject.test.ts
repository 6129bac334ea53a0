import { expect, test } from "vitest";
import { searchOf, subjectOf } from "./subject";

test("the URL names one subject, and it is the one that is asked for", () => {
  for (const subject of [{}, { tenantId: "acme" }, { eventKey: "orders.paid" }])
    expect(subjectOf(searchOf(subject))).toEqual(subject);
  expect(subjectOf({ tenant: "acme", event: "orders.paid" })).toEqual({ tenantId: "acme" });
});

test("another subject takes the place of the one before", () => {
  expect(searchOf({ eventKey: "orders.paid" })).toEqual({ tenant: "", event: "orders.paid" });
  expect(searchOf({})).toEqual({ tenant: "", event: "" });
});
