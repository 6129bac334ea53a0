import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeRenewal, PATIENCE_MS } from "./renewal";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const ended = () => Promise.resolve(false);

test("all calls of a session that has ended wait for one renewal, and are made once more", async () => {
  const onEnded = vi.fn(() => true);
  const renewal = makeRenewal(ended, onEnded);
  const calls = [renewal.wait(), renewal.wait()];
  await vi.advanceTimersByTimeAsync(100);
  expect(onEnded).toHaveBeenCalledTimes(1);
  renewal.end(true);
  expect(await Promise.all(calls)).toEqual([true, true]);
});

test("what one person asked for is not asked for somebody else", async () => {
  const renewal = makeRenewal(ended, () => true);
  const call = renewal.wait();
  await vi.advanceTimersByTimeAsync(100);
  renewal.end(false);
  expect(await call).toBe(false);
});

test("a call does not wait for ever, nor does one that comes later, until somebody is in", async () => {
  const onEnded = vi.fn(() => true);
  const renewal = makeRenewal(ended, onEnded);
  const call = renewal.wait();
  await vi.advanceTimersByTimeAsync(PATIENCE_MS);
  expect(await call).toBe(false);
  expect(await renewal.wait()).toBe(false);
  expect(onEnded).toHaveBeenCalledTimes(1);
  renewal.end(true);
  void renewal.wait();
  await vi.advanceTimersByTimeAsync(0);
  expect(onEnded).toHaveBeenCalledTimes(2);
});

test("a call that was overtaken by the renewal is made once more without another", async () => {
  const onEnded = vi.fn(() => true);
  expect(await makeRenewal(() => Promise.resolve(true), onEnded).wait()).toBe(true);
  expect(onEnded).not.toHaveBeenCalled();
});

test("where nobody can bring another session nothing waits", async () => {
  expect(await makeRenewal(ended, () => false).wait()).toBe(false);
});

test.each([true, false])(
  "what is said of the session before is not heard once somebody is in, the same: %s",
  async isSame => {
    let answer: (stands: boolean) => void = () => {};
    const onEnded = vi.fn(() => true);
    const renewal = makeRenewal(
      () =>
        new Promise(resolve => {
          answer = resolve;
        }),
      onEnded,
    );
    const call = renewal.wait();
    renewal.end(isSame);
    answer(!isSame);
    expect(await call).toBe(isSame);
    expect(onEnded).not.toHaveBeenCalled();
  },
);
