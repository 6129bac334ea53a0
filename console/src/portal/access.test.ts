// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const SESSION = { id: "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f", tenantId: "acme", permissions: [] };
const MINUTE = 60_000;

interface Answer {
  status: number;
  body: unknown;
}

/** What is answered to a path, and with which token it was asked for; without an answer the connection breaks. */
let asked: { path: string; token: string | null }[];
let answer: (path: string, token: string | null) => Answer | undefined;

beforeEach(() => {
  vi.resetModules();
  localStorage.clear();
  sessionStorage.clear();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  asked = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const [path, token] = [new URL(request.url).pathname, request.headers.get("authorization")];
    asked.push({ path, token });
    const given = answer(path, token);
    if (!given) throw new TypeError("Failed to fetch");
    return new Response(JSON.stringify(given.body), {
      status: given.status,
      headers: { "content-type": "application/json" },
    });
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Time goes by, and what was asked for meanwhile is answered. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 5; turn++) await vi.advanceTimersByTimeAsync(0);
}

const tokenFor = (name: string, minutes: number): Answer => ({
  status: 200,
  body: { session: SESSION, token: name, tokenExpiresAt: new Date(Date.now() + minutes * MINUTE).toISOString() },
});

/** A portal in a browser that keeps no cookie of it: by the token `first`, for 15 minutes. */
async function open() {
  const access = await import("./access");
  answer = (path, token) => {
    if (token) return { status: 200, body: SESSION };
    if (path.endsWith("/portal-session") && asked.length === 1) return tokenFor("first", 15);
    return { status: 401, body: { code: "session_ended", detail: "the session has ended" } };
  };
  const found = await access.enter({ code: "c" });
  if (found.state !== "open" || !found.identity) throw new Error(`not open, but ${found.state}`);
  expect(found.session).toEqual(SESSION);
  access.assume(found.identity);
  asked = [];
}

test("a token that cannot be renewed for a broken connection is renewed a little later", async () => {
  await open();
  answer = () => undefined;
  await pass(14 * MINUTE);
  expect(asked).toEqual([{ path: "/api/v1/portal-session/token", token: "Bearer first" }]);
  answer = () => tokenFor("second", 15);
  await pass(5000);
  expect(asked).toHaveLength(2);
  // The one after it is asked for with what was given now.
  await pass(14 * MINUTE);
  expect(asked[2]).toEqual({ path: "/api/v1/portal-session/token", token: "Bearer second" });
});

test("a session that has ended is not asked for another token again", async () => {
  await open();
  answer = () => ({ status: 401, body: { code: "session_ended", detail: "the session has ended" } });
  await pass(30 * MINUTE);
  expect(asked).toHaveLength(1);
});
