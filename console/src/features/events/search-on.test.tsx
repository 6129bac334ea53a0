// @vitest-environment jsdom
import { QueryClient, QueryClientProvider, useInfiniteQuery } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useSearchOn } from "./search-on";

/** How long a page takes, and how many there are. */
const PAGE_MS = 100;
const PAGES = 30;
const KEY = ["events", "list", {}];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function List({ perPage }: { perPage: number }) {
  const list = useInfiniteQuery({
    queryKey: KEY,
    queryFn: async ({ pageParam }) => {
      await new Promise(resolve => setTimeout(resolve, PAGE_MS));
      return { items: Array.from({ length: perPage }, (_, index) => `${pageParam}-${index}`), page: pageParam };
    },
    initialPageParam: 1,
    getNextPageParam: ({ page }) => (page < PAGES ? page + 1 : undefined),
  });
  const rows = list.data?.pages.flatMap(page => page.items) ?? [];
  const on = useSearchOn(list, KEY, rows.length);
  return (
    <>
      <p>
        {list.data?.pages.length ?? 0} pages, {on.isSearching ? "searching" : on.isStopped ? "stopped" : "resting"}
      </p>
      <button type="button" onClick={on.stop}>
        Stop
      </button>
      <button type="button" onClick={on.goOn}>
        On
      </button>
    </>
  );
}

const open = (perPage: number) =>
  render(
    <QueryClientProvider client={new QueryClient()}>
      <List perPage={perPage} />
    </QueryClientProvider>,
  );
const pass = (ms: number) => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));
const click = (name: string) => act(async () => void fireEvent.click(screen.getByRole("button", { name })));
const state = () => screen.getByText(/pages,/).textContent;

test("it goes on until there is enough to read, and further when it is asked to", async () => {
  open(10);
  await pass(20 * PAGE_MS);
  expect(state()).toBe("5 pages, resting");
  await click("On");
  await pass(20 * PAGE_MS);
  expect(state()).toBe("10 pages, resting");
});

test("where nothing is found it goes on to the end", async () => {
  open(0);
  await pass(2 * PAGES * PAGE_MS);
  expect(state()).toBe(`${PAGES} pages, resting`);
});

test("it can be stopped, and goes on from there", async () => {
  open(0);
  await pass(5 * PAGE_MS);
  await click("Stop");
  const stopped = state();
  expect(stopped).toMatch(/^[1-5] pages, stopped$/);
  await pass(10 * PAGE_MS);
  expect(state()).toBe(stopped);
  await click("On");
  await pass(2 * PAGES * PAGE_MS);
  expect(state()).toBe(`${PAGES} pages, resting`);
});
