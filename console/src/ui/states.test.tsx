// @vitest-environment jsdom
import { cleanup, render } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiProblem } from "@/api/problem";
import { ErrorNotice } from "./states";

const server = vi.hoisted(() => {
  const server = { isDown: false, asked: 0 };
  globalThis.fetch = () => {
    server.asked += 1;
    return server.isDown ? Promise.reject(new TypeError("Failed to fetch")) : Promise.resolve(new Response("ok"));
  };
  return server;
});

const DAY_MS = 86_400_000;
let days = 0;

beforeEach(() => {
  // Long after what was tried before.
  days += 1;
  vi.useFakeTimers({ now: Date.now() + days * DAY_MS });
  Object.assign(server, { isDown: true, asked: 0 });
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

test("what could not reach the server is tried again by itself once the server answers, and not before", async () => {
  const [one, other] = [vi.fn(), vi.fn()];
  render(<ErrorNotice error={new TypeError("Failed to fetch")} onRetry={one} />);
  render(<ErrorNotice error={new ApiProblem(502, undefined)} onRetry={other} />);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(one).not.toHaveBeenCalled();
  // One look for both.
  expect(server.asked).toBeLessThan(5);
  server.isDown = false;
  await vi.advanceTimersByTimeAsync(4000);
  expect(one).toHaveBeenCalledTimes(1);
  expect(other).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(one).toHaveBeenCalledTimes(1);
});

test("what the server said no to is tried again by a person alone", async () => {
  const retry = vi.fn();
  server.isDown = false;
  render(<ErrorNotice error={new ApiProblem(403, { code: "forbidden", detail: "no" })} onRetry={retry} />);
  render(<ErrorNotice error={new ApiProblem(500, { code: "internal", detail: "no" })} onRetry={retry} />);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(server.asked).toBe(0);
  expect(retry).not.toHaveBeenCalled();
});

test("what does more than read is not tried again by itself", async () => {
  const retry = vi.fn();
  server.isDown = false;
  render(<ErrorNotice error={new TypeError("Failed to fetch")} byHand onRetry={retry} />);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(retry).not.toHaveBeenCalled();
});

test("who comes while a look is under way that nobody waits for any more does not make two of them", async () => {
  const fetch = globalThis.fetch;
  let release = () => {};
  globalThis.fetch = () =>
    new Promise((_, reject) => {
      release = () => reject(new TypeError("Failed to fetch"));
    });
  const failure = (retry: () => void) => <ErrorNotice error={new TypeError("Failed to fetch")} onRetry={retry} />;
  const { unmount } = render(failure(vi.fn()));
  await vi.advanceTimersByTimeAsync(5000);
  unmount();
  globalThis.fetch = fetch;
  render(failure(vi.fn()));
  release();
  await vi.advanceTimersByTimeAsync(30_000);
  // Every three seconds at most.
  expect(server.asked).toBeGreaterThan(0);
  expect(server.asked).toBeLessThanOrEqual(10);
});

test("what fails at once although the server answers is tried ever more seldom", async () => {
  server.isDown = false;
  const retry = vi.fn();
  // Each try fails anew.
  const errors = Array.from({ length: 60 }, () => new TypeError("Failed to fetch"));
  const failure = () => <ErrorNotice error={errors[retry.mock.calls.length]} onRetry={retry} />;
  const { rerender } = render(failure());
  for (let second = 1; second <= 60; second++) {
    await vi.advanceTimersByTimeAsync(1000);
    rerender(failure());
  }
  expect(retry.mock.calls.length).toBeGreaterThan(1);
  expect(retry.mock.calls.length).toBeLessThan(8);
});
