// @vitest-environment jsdom
import { onlineManager } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";
import { makeQueryClient } from "@/shell/queries";
import { api, must } from "./client";
import { isUnreachable } from "./problem";

afterEach(() => {
  vi.unstubAllGlobals();
  onlineManager.setOnline(true);
});

/** A server that takes calls and never answers. */
const hang = (_: Request, { signal }: { signal: AbortSignal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });

test("a call that hangs fails in the end as one that did not reach the server", async () => {
  const deadline = new AbortController();
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(deadline.signal);
  vi.stubGlobal("fetch", hang);
  const call = must(api.GET("/api/v1/webhooks")).catch((error: unknown) => error);
  await new Promise<void>(done => setTimeout(done, 10));
  deadline.abort(new DOMException("too late", "TimeoutError"));
  expect(isUnreachable(await call)).toBe(true);
});

test("a call that nobody waits for any more ends before its deadline", async () => {
  const own = new AbortController();
  vi.stubGlobal("fetch", hang);
  const call = must(api.GET("/api/v1/webhooks", { signal: own.signal })).catch((error: unknown) => error);
  await new Promise<void>(done => setTimeout(done, 10));
  own.abort();
  expect((await call) as Error).toMatchObject({ name: "AbortError" });
});

test("a change that is asked for without a network fails, and does not wait for one", async () => {
  onlineManager.setOnline(false);
  const queries = makeQueryClient(() => undefined);
  const mutationFn = () => Promise.reject(new TypeError("Failed to fetch"));
  const change = queries.getMutationCache().build(queries, { mutationFn });
  await expect(change.execute(undefined)).rejects.toThrow("Failed to fetch");
});
