// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { listen, parseMessages } from "./stream";

afterEach(() => void vi.unstubAllGlobals());

test("messages are cut where they end, and what is incomplete waits", () => {
  const text = 'event: open\ndata: {}\n\n: alive\n\nevent: delivery\ndata: {"a":\ndata: 1}\n\nevent: del';
  expect(parseMessages(text)).toEqual({
    messages: [
      { event: "open", data: "{}" },
      { event: "delivery", data: '{"a":\n1}' },
    ],
    rest: "event: del",
  });
});

/** Texts of streams, and statuses of refusals; after the last one 401. */
function answers(...given: (string | number)[]) {
  const fetch = vi.fn(() => {
    const next = given.shift() ?? 401;
    return Promise.resolve(typeof next === "number" ? new Response(null, { status: next }) : new Response(next));
  });
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

async function states(): Promise<string[]> {
  const seen: string[] = [];
  const listener = { onMessage: () => {}, onState: (state: string) => void seen.push(state) };
  await listen("/stream", new AbortController().signal, listener);
  return seen;
}

test("a stream that ends with its session is not opened again", async () => {
  const fetch = answers('event: ended\ndata: {"reason":"session_ended","status":401}\n\n');
  expect(await states()).toEqual(["open", "refused"]);
  expect(fetch).toHaveBeenCalledTimes(1);
});

test("a stream whose token has expired is opened with a newer one, if there is one", async () => {
  const fetch = answers('event: ended\ndata: {"reason":"token_expired","status":401}\n\n');
  expect(await states()).toEqual(["open", "waiting", "refused"]);
  expect(fetch).toHaveBeenCalledTimes(2);
});

test("where too many follow at once that is said, and it is tried again", async () => {
  const fetch = answers(429, 503);
  expect(await states()).toEqual(["crowded", "waiting", "refused"]);
  expect(fetch).toHaveBeenCalledTimes(3);
});
