// @vitest-environment jsdom
import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LiveHandlers } from "@/features/deliveries/live";
import { useFreshEvents } from "./fresh";
import type { Event, EventQuery } from "./queries";

let told: LiveHandlers;
vi.mock("@/features/deliveries/live", () => ({
  useLive: (_: string, handlers: LiveHandlers) => {
    told = handlers;
  },
}));
let answer: Event | undefined;
const asked: [EventQuery, string | undefined][] = [];
vi.mock("./queries", () => ({
  newestEvent: async (query: EventQuery, since: string | undefined) => {
    asked.push([query, since]);
    return answer;
  },
}));

beforeEach(() => {
  vi.useFakeTimers();
  asked.length = 0;
  answer = undefined;
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const event = (id: string) => ({ id, acceptedAt: `2026-01-01T00:00:0${id}Z` }) as Event;
const point = (at: string, events: number) => act(async () => told.onPoint?.({ at, events } as never));

function List({ query, items }: { query: EventQuery; items: Event[] | undefined }) {
  return <p>{useFreshEvents(query, items && { items }) ? "fresh" : "nothing"}</p>;
}

test("an event that the filters want is told of, until the list has it", async () => {
  const query = { matched: false };
  const { rerender } = render(<List query={query} items={[event("1")]} />);
  answer = event("1");
  await point("12:00", 1);
  expect(asked).toEqual([[query, event("1").acceptedAt]]);
  screen.getByText("nothing");
  answer = event("2");
  // Numbers that tell of no event ask nobody; those that do ask not more often than every two seconds.
  await point("12:00", 1);
  await point("12:00", 2);
  expect(asked.length).toBe(1);
  await act(async () => void vi.advanceTimersByTime(2000));
  expect(asked.length).toBe(2);
  screen.getByText("fresh");
  rerender(<List query={query} items={[event("2"), event("1")]} />);
  screen.getByText("nothing");
});

test("what was found by other filters is not told", async () => {
  const { rerender } = render(<List query={{}} items={[event("1")]} />);
  answer = event("2");
  await point("12:00", 1);
  screen.getByText("fresh");
  rerender(<List query={{ eventKey: "a.b" }} items={[]} />);
  screen.getByText("nothing");
});

test("what came while the list was being read is asked for when it is there, and so is the end of a minute", async () => {
  const { rerender } = render(<List query={{}} items={undefined} />);
  await act(async () => told.onOpen?.());
  expect(asked.length).toBe(0);
  rerender(<List query={{}} items={[]} />);
  await act(async () => void vi.advanceTimersByTime(2000));
  expect(asked).toEqual([[{}, undefined]]);
  await act(async () => void vi.advanceTimersByTime(2000));
  await point("12:00", 1);
  await act(async () => void vi.advanceTimersByTime(2000));
  await point("12:01", 0);
  expect(asked.length).toBe(3);
});
