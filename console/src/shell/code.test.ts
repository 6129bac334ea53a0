// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fetched, loadAnew, Outdated } from "./code";

const gone = () => new TypeError("Failed to fetch dynamically imported module: http://localhost/assets/page.js");

let health: () => Promise<Response>;
let asked: string[];
beforeEach(() => {
  asked = [];
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(url);
    return health();
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  sessionStorage.clear();
});

test("where the server cannot be reached that is what is said, and another try asks for the code again", async () => {
  const answers = [() => Promise.reject(gone()), () => Promise.reject(gone()), () => Promise.resolve("the page")];
  const load = fetched(() => (answers.shift() as () => Promise<string>)());
  health = () => Promise.reject(new TypeError("Failed to fetch"));
  const failed = await load().catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(TypeError);
  // The router takes an error of such words for a reason to load the window anew.
  expect((failed as Error).message).not.toMatch(/^Failed to fetch/);
  // As a proxy in front says it.
  health = () => Promise.resolve(new Response("", { status: 502 }));
  await expect(load()).rejects.toBeInstanceOf(TypeError);
  await expect(load()).resolves.toBe("the page");
  expect(asked).toEqual(["/healthz", "/healthz"]);
});

test("where the server is there the code is another version's", async () => {
  health = () => Promise.resolve(new Response("ok"));
  await expect(fetched(() => Promise.reject(gone()))()).rejects.toBeInstanceOf(Outdated);
});

test("a page whose styles could not be had does not come without them", async () => {
  let loads = 0;
  const load = fetched(() => {
    loads += 1;
    if (loads > 1) return Promise.resolve("a page without styles");
    return Promise.reject(new Error("Unable to preload CSS for http://localhost/assets/page.css"));
  });
  health = () => Promise.reject(new TypeError("Failed to fetch"));
  await expect(load()).rejects.toBeInstanceOf(TypeError);
  health = () => Promise.resolve(new Response("ok"));
  await expect(load()).rejects.toBeInstanceOf(Outdated);
  expect(loads).toBe(1);
});

test("the page is loaded anew once, and again only after a while", () => {
  const reload = vi.fn();
  for (const now of [1_000_000, 1_000_500, 1_059_000]) loadAnew(reload, now);
  expect(reload).toHaveBeenCalledTimes(1);
  loadAnew(reload, 1_061_000);
  expect(reload).toHaveBeenCalledTimes(2);
});
