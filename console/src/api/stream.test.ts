// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { identify } from "./client";
import { listen, parseMessages } from "./stream";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  identify({ authorization: undefined });
});

const EXPIRED = 'event: ended\ndata: {"reason":"token_expired","status":401}\n\n';

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

/** Texts of streams, or streams, and statuses of refusals; after the last one 401. */
function answers(...given: (string | number | ReadableStream)[]) {
  const fetch = vi.fn((_path: string, _init: { headers: Headers }) => {
    const next = given.shift() ?? 401;
    return Promise.resolve(typeof next === "number" ? new Response(null, { status: next }) : new Response(next));
  });
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

/** Listens; what was told of the stream's state is in `seen`. */
function listening() {
  const controller = new AbortController();
  const seen: string[] = [];
  const listener = { onMessage: () => {}, onState: (state: string) => void seen.push(state) };
  const ended = listen("/stream", controller.signal, listener);
  const stop = async () => {
    controller.abort();
    await ended;
  };
  return { seen, ended, stop };
}

async function states(): Promise<string[]> {
  const { seen, ended } = listening();
  await ended;
  return seen;
}

test("a stream that ends with its session is not opened again", async () => {
  const fetch = answers('event: ended\ndata: {"reason":"session_ended","status":401}\n\n');
  expect(await states()).toEqual(["open", "refused"]);
  expect(fetch).toHaveBeenCalledTimes(1);
});

test("a stream whose token has expired is opened with a newer one, if there is one", async () => {
  const fetch = answers(EXPIRED);
  expect(await states()).toEqual(["open", "waiting", "refused"]);
  expect(fetch).toHaveBeenCalledTimes(2);
});

test("a portal's stream that was refused for its session goes on with the next one", async () => {
  identify({ "postrider-session": "s1" });
  const fetch = answers(401, "event: open\ndata: {}\n\n");
  const { seen, stop } = listening();
  await vi.waitFor(() => expect(seen).toEqual(["refused"]));
  expect(fetch).toHaveBeenCalledTimes(1);
  identify({ "postrider-session": "s2" });
  await vi.waitFor(() => expect(seen).toContain("open"));
  await stop();
  identify({ "postrider-session": undefined });
});

test("the stream of a portal that is hidden is told as refused once, and is back when the portal is", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  let isHidden = true;
  const hidden = () => Response.json({ code: "portal_hidden", detail: "hidden" }, { status: 403 });
  const opened = () => new Response(new ReadableStream());
  vi.stubGlobal("fetch", () => Promise.resolve(isHidden ? hidden() : opened()));
  const { seen, stop } = listening();
  await vi.advanceTimersByTimeAsync(35_000);
  expect(seen).toEqual(["refused"]);
  isHidden = false;
  await vi.advanceTimersByTimeAsync(15_000);
  expect(seen).toEqual(["refused", "open"]);
  void stop();
});

test("where too many follow at once that is said, and it is tried again", async () => {
  const fetch = answers(429, 503);
  expect(await states()).toEqual(["crowded", "waiting", "refused"]);
  expect(fetch).toHaveBeenCalledTimes(3);
});

test("a stream that has ended is open no longer, also where its connection stays", async () => {
  const held = new ReadableStream({ start: controller => controller.enqueue(new TextEncoder().encode(EXPIRED)) });
  answers(held);
  expect(await states()).toEqual(["open", "waiting", "refused"]);
});

test("a stream that was refused for its token goes on with the next one, and not before", async () => {
  identify({ authorization: "Bearer old" });
  const fetch = answers(EXPIRED, 401, "event: open\ndata: {}\n\n");
  const { seen, stop } = listening();
  await vi.waitFor(() => expect(seen).toEqual(["open", "waiting", "refused"]), 5000);
  identify({ authorization: "Bearer old" });
  identify({ authorization: undefined });
  identify({ authorization: "Bearer new" });
  await vi.waitFor(() => expect(seen.slice(3)).toContain("open"), 5000);
  await stop();
  const tokens = fetch.mock.calls.map(([, { headers }]) => headers.get("authorization"));
  expect(tokens.slice(0, 3)).toEqual(["Bearer old", "Bearer old", "Bearer new"]);
});

test("whoever stops listening to a refused stream is told nothing more", async () => {
  identify({ authorization: "Bearer old" });
  const fetch = answers(401, "event: open\ndata: {}\n\n");
  const { seen, stop } = listening();
  await vi.waitFor(() => expect(seen).toEqual(["refused"]));
  await stop();
  identify({ authorization: "Bearer new" });
  expect(fetch).toHaveBeenCalledTimes(1);
});

test("a stream that ends as soon as it begins is opened ever more seldom", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const fetch = vi.fn(() => Promise.resolve(new Response("event: open\ndata: {}\n\n")));
  vi.stubGlobal("fetch", fetch);
  const { stop } = listening();
  for (let half = 0; half < 40; half++) await vi.advanceTimersByTimeAsync(500);
  // At once, and after 0.5, 1, 2, 4 and 8 seconds more.
  expect(fetch.mock.calls.length).toBeGreaterThan(2);
  expect(fetch.mock.calls.length).toBeLessThan(8);
  const stopped = stop();
  await vi.advanceTimersByTimeAsync(15_000);
  await stopped;
});
