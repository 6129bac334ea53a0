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

function answers(...texts: string[]) {
  const fetch = vi.fn(() => {
    const text = texts.shift();
    return Promise.resolve(text === undefined ? new Response(null, { status: 401 }) : new Response(text));
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
