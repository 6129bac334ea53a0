// @vitest-environment jsdom
import { QueryClient, QueryClientProvider, useInfiniteQuery } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Message } from "@/api/stream";
import { type DeliveryQuery, LIVE_MOST } from "@/logic/deliveries";
import { HIDDEN_MS } from "@/logic/seen";
import { deliveriesQuery } from "./queries";
import { useTail } from "./tail";

const server = vi.hoisted(() => {
  const served = { answer: (_search: URLSearchParams): unknown => undefined, takes: async () => {} };
  globalThis.fetch = async input => {
    const answer = served.answer(new URL((input as Request).url).searchParams);
    await served.takes();
    return Response.json(answer);
  };
  return served;
});

let tell: (message: Message) => void;
vi.mock("@/api/stream", () => ({
  listen: async (
    _path: string,
    _signal: AbortSignal,
    listener: { onState: (state: string) => void; onMessage: (message: Message) => void },
  ) => {
    tell = listener.onMessage;
    listener.onState("open");
  },
}));

const PAGE = 100;
/** The number of the newest delivery that the server has. */
let newest: number;
/** The cursors that pages were asked for by; null: the first page. */
const asked: (string | null)[] = [];

const idOf = (number: number) => `d${String(number).padStart(6, "0")}`;
const row = (number: number) => ({
  id: idOf(number),
  state: "delivered",
  webhookId: "w",
  eventId: "e",
  createdAt: "2026-01-01T00:00:00Z",
});
const missed = { event: "missed", data: '{"deliveries":400}' };
const delivery = (number: number) => ({ event: "delivery", data: JSON.stringify(row(number)) });

const show = (state: DocumentVisibilityState) =>
  void vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);

beforeEach(() => {
  vi.useFakeTimers();
  show("visible");
  asked.length = 0;
  newest = 5000;
  server.takes = async () => {};
  server.answer = search => {
    const cursor = search.get("cursor");
    asked.push(cursor);
    const top = cursor === null ? newest : Number(cursor);
    const items = Array.from({ length: PAGE }, (_, index) => row(top - index));
    return { items, nextCursor: String(top - PAGE), searchedUntil: "2026-01-01T00:00:00Z" };
  };
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

interface Shown {
  query?: DeliveryQuery;
  isOn?: boolean;
  isAtTop?: boolean;
}

function List({ query = {}, isOn = true, isAtTop = true }: Shown) {
  const list = useInfiniteQuery(deliveriesQuery(query));
  const { waiting } = useTail({ query, stream: "", isOn, showsNewest: () => isAtTop });
  const rows = list.data?.pages.flatMap(page => page.items) ?? [];
  const state = { pages: list.data?.pages.length, rows: rows.length, newest: rows[0]?.id };
  return (
    <>
      <p data-testid="list">{JSON.stringify(state)}</p>
      <p data-testid="waiting">{JSON.stringify([waiting.ids.size, waiting.isMore])}</p>
      <button type="button" onClick={() => void list.fetchNextPage()}>
        More
      </button>
    </>
  );
}

const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));
const list = () => JSON.parse(screen.getByTestId("list").textContent ?? "");
const waiting = () => JSON.parse(screen.getByTestId("waiting").textContent ?? "");

/** Opens a list, and its second page. */
async function open(shown: Shown): Promise<void> {
  render(
    <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
      <List {...shown} />
    </QueryClientProvider>,
  );
  await pass(50);
  fireEvent.click(screen.getByRole("button", { name: "More" }));
  await pass(50);
  expect(list()).toEqual({ pages: 2, rows: 2 * PAGE, newest: idOf(newest) });
  asked.length = 0;
}

/** Ten seconds in which more happens than is told. */
async function overflow(perBatch: number): Promise<void> {
  for (let batch = 0; batch < 50; batch++) {
    newest += perBatch;
    act(() => tell(missed));
    await pass(200);
    expect(list().rows).toBeGreaterThanOrEqual(PAGE);
  }
}

test("what is shown stays while changes are missed, and the newest page alone is read again, once in a while", async () => {
  await open({});
  await overflow(1);
  await pass(3000);
  expect(list()).toEqual({ pages: 2, rows: 2 * PAGE + 50, newest: idOf(newest) });
  expect(waiting()).toEqual([0, false]);
  expect(asked.length).toBeLessThanOrEqual(5);
  expect(new Set(asked)).toEqual(new Set([null]));
});

test("where more is missed than a page holds the newest page stands alone, and what is below it is read again", async () => {
  await open({});
  await overflow(100);
  await pass(3000);
  expect(list()).toEqual({ pages: 1, rows: PAGE, newest: idOf(newest) });
  expect(asked.length).toBeLessThanOrEqual(5);
  fireEvent.click(screen.getByRole("button", { name: "More" }));
  await pass(50);
  expect(list().rows).toBe(2 * PAGE);
});

test("what is told while a page is on its way stays when that has come", async () => {
  await open({});
  server.takes = () => new Promise(resolve => setTimeout(resolve, 1000));
  fireEvent.click(screen.getByRole("button", { name: "More" }));
  await pass(100);
  act(() => tell(delivery(newest + 1)));
  await pass(2000);
  expect(list()).toEqual({ pages: 3, rows: 3 * PAGE + 1, newest: idOf(newest + 1) });
});

test("a search for a text keeps how far it came", async () => {
  await open({ query: { text: "ada" } });
  await overflow(100);
  expect(list()).toEqual({ pages: 2, rows: 2 * PAGE, newest: idOf(5000) });
  expect([waiting(), asked]).toEqual([[0, false], []]);
});

test.each([
  ["the live tail is off", { isOn: false }],
  ["the reader has scrolled down", { isAtTop: false }],
])("while %s what is new is counted, and nothing moves", async (_, shown) => {
  await open(shown);
  for (const number of [5001, 5002, 5003]) act(() => tell(delivery(number)));
  await pass(200);
  expect(waiting()).toEqual([3, false]);
  await overflow(100);
  expect(waiting()).toEqual([3, true]);
  expect(list()).toEqual({ pages: 2, rows: 2 * PAGE, newest: idOf(5000) });
  expect(asked).toEqual([]);
});

test("a list that is left open holds no more rows than so many", async () => {
  await open({});
  let most = 0;
  for (let batch = 0; batch < 60; batch++) {
    act(() => {
      for (let each = 0; each < 100; each++) tell(delivery(++newest));
    });
    await pass(200);
    most = Math.max(most, list().rows);
  }
  await pass(3000);
  expect(most).toBeLessThanOrEqual(LIVE_MOST + 2 * PAGE);
  expect(list().newest).toBe(idOf(newest));
  expect(asked.length).toBeLessThanOrEqual(6);
});

test("what was open stays when the page is seen again", async () => {
  const become = (state: DocumentVisibilityState) =>
    act(() => {
      show(state);
      document.dispatchEvent(new Event("visibilitychange"));
    });
  await open({});
  become("hidden");
  await pass(HIDDEN_MS + 1000);
  newest += 10;
  become("visible");
  await pass(100);
  expect(list()).toEqual({ pages: 2, rows: 2 * PAGE + 10, newest: idOf(newest) });
  expect(asked).toEqual([null]);
});
