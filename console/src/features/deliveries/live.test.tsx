// @vitest-environment jsdom
import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { act, cleanup, render } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import type { Message } from "@/api/stream";
import { useFresh } from "./live";

let tell: (message: Message) => void;
vi.mock("@/api/stream", () => ({
  listen: async (_path: string, _signal: AbortSignal, listener: { onMessage: (message: Message) => void }) => {
    tell = listener.onMessage;
  },
}));

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const FRESH = [["webhook-statistics"]];
const SELDOM = [["webhooks"]];

function Screen({ numbers, list }: { numbers: () => Promise<number>; list: () => Promise<number> }) {
  useFresh("", FRESH, SELDOM);
  useQuery({ queryKey: ["webhook-statistics", "w1"], queryFn: numbers });
  useQuery({ queryKey: ["webhooks"], queryFn: list });
  return null;
}

test("while things happen numbers are read every few seconds, and what changes seldom once a minute", async () => {
  vi.useFakeTimers();
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("visible");
  const [numbers, list] = [vi.fn(async () => 1), vi.fn(async () => 1)];
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Screen numbers={numbers} list={list} />
    </QueryClientProvider>,
  );
  const second = () => act(async () => void (await vi.advanceTimersByTimeAsync(1000)));
  await second();
  for (let seconds = 0; seconds < 59; seconds++) {
    tell({ event: "statistics", data: "{}" });
    await second();
  }
  expect(list).toHaveBeenCalledTimes(1);
  expect(numbers.mock.calls.length).toBeGreaterThan(10);
  expect(numbers.mock.calls.length).toBeLessThan(22);
  await second();
  await second();
  expect(list).toHaveBeenCalledTimes(2);
});
