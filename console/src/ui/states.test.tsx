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

beforeEach(() => {
  vi.useFakeTimers();
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
