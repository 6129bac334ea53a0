import { expect, test } from "vitest";
import {
  covers,
  describeSubscription,
  grouped,
  isSubscribed,
  reached,
  summary,
  toggleCategory,
  toggleType,
} from "./subscriptions";

const types = [
  { id: "1", key: "frontegg.user.created", displayName: "User created", category: "User management", categoryId: "c1" },
  { id: "2", key: "frontegg.user.deleted", displayName: "User deleted", category: "User management", categoryId: "c1" },
  { id: "3", key: "orders.paid", displayName: "Order paid", category: "Custom", categoryId: "c2" },
];
const [created, deleted, paid] = types as [(typeof types)[0], (typeof types)[0], (typeof types)[0]];
const words = { all: "All", allOf: (name: string) => `All of ${name}` };

test("the forms of a subscription cover what the server says", () => {
  for (const pattern of [
    "*",
    "frontegg.user.created",
    "frontegg.user.*",
    "frontegg.*",
    "User management.*",
    "1",
    "c1",
  ]) {
    expect(covers(pattern, created), pattern).toBe(true);
  }
  for (const pattern of ["frontegg.use.*", "frontegg.user", "Custom.*", "c2", "frontegg.user.created.*"]) {
    expect(covers(pattern, created), pattern).toBe(false);
  }
});

test("subscriptions are told in words", () => {
  expect(summary(["frontegg.user.created", "orders.paid"], types, words)).toEqual({ first: "User created", more: 1 });
  expect(summary([], types, words)).toEqual({ first: "", more: 0 });
  expect(
    ["*", "User management.*", "c2", "3", "else.*"].map(pattern => describeSubscription(pattern, types, words)),
  ).toEqual(["All", "All of User management", "All of Custom", "Order paid", "else.*"]);
});

test("the search looks at names, keys and categories", () => {
  expect(grouped(types, "PAID").map(group => group.category)).toEqual(["Custom"]);
  expect(grouped(types, "management")[0]?.types).toHaveLength(2);
  expect(grouped(types, "nothing like it")).toEqual([]);
});

test("taking one out of a whole leaves the others", () => {
  const whole = toggleCategory([], { category: "User management", types: [created, deleted] });
  expect(whole).toEqual(["User management.*"]);
  expect(toggleType(whole, created, types)).toEqual(["frontegg.user.deleted"]);
  expect(toggleType(["*"], paid, types)).toEqual(["frontegg.user.created", "frontegg.user.deleted"]);
  expect(
    toggleCategory(["frontegg.user.created", "orders.paid"], {
      category: "User management",
      types: [created, deleted],
    }),
  ).toEqual(["orders.paid", "User management.*"]);
  expect(toggleCategory(["User management.*"], { category: "User management", types: [created, deleted] })).toEqual([]);
});

test("choosing and unchoosing one type is a round trip", () => {
  const chosen = toggleType([], paid, types);
  expect(reached(chosen, types)).toEqual([paid]);
  expect(toggleType(chosen, paid, types)).toEqual([]);
});

test("events of types that nobody described are subscribed to by their keys", () => {
  expect(isSubscribed(["User management.*"], "frontegg.user.created", types)).toBe(true);
  expect(isSubscribed(["shop.*"], "shop.order.placed", types)).toBe(true);
  expect(isSubscribed(["shop.order.placed"], "shop.order.placed", types)).toBe(true);
  expect(isSubscribed(["shop.order.placed.*", "other"], "shop.order.placed", types)).toBe(false);
});
