import { expect, test } from "vitest";
import {
  countNew,
  deliveryQuery,
  hasRoom,
  joinNewest,
  LIVE_MOST,
  matchesFilters,
  searchedFor,
  upsert,
} from "./deliveries";

const row = (id: string, state = "delivered", more = {}) => ({
  id,
  state,
  webhookId: "w",
  eventKey: "a.b",
  tenantId: "acme",
  createdAt: "2026-01-01T00:00:00Z",
  lastAttempt: { statusCode: 200 },
  ...more,
});

test("what looks like an id is searched as one, else as text", () => {
  expect(searchedFor("0193A0b1-22")).toEqual({ id: "0193a0b1-22" });
  expect(searchedFor("ada@example.com")).toEqual({ text: "ada@example.com" });
  expect(searchedFor("019a")).toEqual({ id: "019a" });
  expect(searchedFor("019")).toEqual({ text: "019" });
  expect(searchedFor("cafe")).toEqual({ text: "cafe" });
  expect(searchedFor("4711")).toEqual({ text: "4711" });
  expect(searchedFor(" x ")).toEqual({});
});

test("filters of the URL become the query, relative times anchored", () => {
  const now = Date.parse("2026-01-02T00:00:00Z");
  expect(deliveryQuery({ state: "failed,discarded", status: "5xx", since: "24h", q: "ada" }, now)).toEqual({
    text: "ada",
    state: "failed,discarded",
    statusCode: "5xx",
    from: "2026-01-01T00:00:00.000Z",
  });
  expect(deliveryQuery({ since: "range", from: "a", to: "b" }, now)).toEqual({ from: "a", to: "b" });
  expect(deliveryQuery({ from: "a" }, now)).toEqual({ from: "a" });
});

test("a time that is none is the server's to refuse, as any other filter is", () => {
  const bogus = { from: "nonsense", state: "bogus" };
  expect(deliveryQuery({ since: "nonsense", from: "a", state: "bogus" }, 0)).toEqual(bogus);
  expect(deliveryQuery({ from: "garbage", to: "x" }, 0)).toEqual({ from: "garbage", to: "x" });
});

test("live rows are judged by every filter that can be judged here", () => {
  const accepted = [
    {},
    { state: "failed,delivered" },
    { statusCode: "2xx" },
    { statusCode: "200" },
    { eventKey: "a.b", tenantId: "acme", webhookId: "w" },
  ];
  for (const query of accepted) expect(matchesFilters(row("1"), query), JSON.stringify(query)).toBe(true);
  const refused = [
    { state: "failed" },
    { statusCode: "5xx" },
    { statusCode: "none" },
    { eventKey: "a" },
    { tenantId: "x" },
    { webhookId: "x" },
    { text: "ada" },
    { from: "2026-02-01T00:00:00Z" },
    { to: "2026-01-01T00:00:00Z" },
    { id: "99" },
  ];
  for (const query of refused) expect(matchesFilters(row("1"), query), JSON.stringify(query)).toBe(false);
  expect(matchesFilters(row("1", "failed", { lastAttempt: { statusCode: null } }), { statusCode: "none" })).toBe(true);
  expect(matchesFilters(row("1", "pending", { lastAttempt: null }), { statusCode: "none" })).toBe(false);
});

test("known rows change where they are, new ones go on top, newest first", () => {
  const pages = [{ items: [row("5"), row("4", "pending")] }, { items: [row("3", "retrying")] }];
  const all = () => true;
  const { pages: next, added } = upsert(pages, [row("6"), row("4"), row("7", "pending"), row("3", "failed")], all);
  expect(added).toBe(2);
  expect(next.map(page => page.items.map(item => `${item.id} ${item.state}`))).toEqual([
    ["7 pending", "6 delivered", "5 delivered", "4 delivered"],
    ["3 failed"],
  ]);
});

test("an older row that is not loaded is not put on top", () => {
  const pages = [{ items: [row("5")] }];
  expect(upsert(pages, [row("1")], () => true).pages).toBe(pages);
  expect(upsert([{ items: [] as ReturnType<typeof row>[] }], [row("1")], () => true).added).toBe(1);
  expect(countNew(pages, [row("6"), row("6"), row("2")], () => true)).toEqual(["6"]);
});

const page = (ids: string[], nextCursor: string | null = "next") => ({ items: ids.map(id => row(id)), nextCursor });
const idsOf = (pages: { items: { id: string }[] }[]) => pages.map(({ items }) => items.map(({ id }) => id).join(""));

test("the newest page joins what is shown: its own word counts, what is older stays", () => {
  const pages = [page(["e", "d"]), page(["c", "b"])];
  const live = upsert(pages, [row("g")], () => true).pages;
  const joined = joinNewest(live, page(["h", "f", "e"]));
  expect(joined.isWhole).toBe(true);
  expect(idsOf(joined.pages)).toEqual(["hfed", "cb"]);
  // What was told live is in the newest page now, and leaves room.
  expect(hasRoom(joined.pages, LIVE_MOST)).toBe(true);
  expect(hasRoom(live, LIVE_MOST)).toBe(false);
  expect(idsOf(joinNewest(pages, page(["z"], null)).pages)).toEqual(["z"]);
});

test("rows that are missing between the newest page and the others are not passed over", () => {
  const shown = upsert([page(["0b", "0a"]), page(["00"])], [row("1a")], () => true).pages;
  const full = page(Array.from({ length: 100 }, (_, index) => `2${String(99 - index).padStart(2, "0")}`));
  expect(joinNewest(shown, full)).toEqual({ pages: [full], isWhole: true });
  // A search that found little on its way says nothing of what lies between.
  const sparse = joinNewest(shown, page(["2a"]));
  expect([idsOf(sparse.pages), sparse.isWhole]).toEqual([["2a1a0b0a", "00"], false]);
  expect(joinNewest(shown, page([])).isWhole).toBe(false);
});

test("where the first page of a search is empty, the newest row is that of a later one", () => {
  const pages = [
    { items: [], nextCursor: "1" },
    { items: [row("5"), row("3")], nextCursor: "2" },
  ];
  expect(upsert(pages, [row("4")], () => true).added).toBe(0);
  expect(countNew(pages, [row("4"), row("6")], () => true)).toEqual(["6"]);
  expect(joinNewest(pages, { items: [], nextCursor: "9" }).isWhole).toBe(false);
  const nothing = [{ items: [], nextCursor: "1" }];
  expect(joinNewest(nothing, { items: [], nextCursor: "9" })).toEqual({ pages: nothing, isWhole: true });
});
