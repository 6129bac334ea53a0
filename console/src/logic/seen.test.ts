// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HIDDEN_MS, whileSeen } from "./seen";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function show(state: DocumentVisibilityState) {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
}

test("what runs is stopped when the page is hidden for a while, and begins anew when it is seen", () => {
  show("visible");
  const stop = vi.fn();
  const start = vi.fn(() => stop);
  const end = whileSeen(start);
  show("hidden");
  vi.advanceTimersByTime(HIDDEN_MS - 1);
  show("visible");
  vi.advanceTimersByTime(HIDDEN_MS * 2);
  expect([start.mock.calls.length, stop.mock.calls.length]).toEqual([1, 0]);
  show("hidden");
  vi.advanceTimersByTime(HIDDEN_MS);
  expect([start.mock.calls.length, stop.mock.calls.length]).toEqual([1, 1]);
  show("visible");
  expect([start.mock.calls.length, stop.mock.calls.length]).toEqual([2, 1]);
  end();
  expect(stop).toHaveBeenCalledTimes(2);
  show("hidden");
  show("visible");
  expect(start).toHaveBeenCalledTimes(2);
});

test("a page that opens in the background follows nothing for long", () => {
  show("hidden");
  const stop = vi.fn();
  const end = whileSeen(() => stop);
  vi.advanceTimersByTime(HIDDEN_MS);
  expect(stop).toHaveBeenCalledTimes(1);
  end();
  expect(stop).toHaveBeenCalledTimes(1);
});
