// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EventKeySelect } from "./filters";

vi.mock("@/features/event-types/queries", () => ({
  useEventTypes: () => [{ id: "t1", key: "orders.paid", displayName: "Order paid" }],
}));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function Filter({ start, told }: { start: string; told: (key: string) => void }) {
  const [value, setValue] = useState(start);
  const change = (key: string) => {
    told(key);
    setValue(key);
  };
  return <EventKeySelect value={value} onChange={change} />;
}

const choice = () => screen.getByRole<HTMLSelectElement>("combobox", { name: "Event" });
const typed = () => screen.queryByRole<HTMLInputElement>("textbox", { name: "Event key" });
const chosen = () => choice().selectedOptions[0]?.textContent;

test("the key of events that have no type is typed", () => {
  const told = vi.fn();
  render(<Filter start="" told={told} />);
  expect(typed()).toBeNull();
  fireEvent.change(choice(), { target: { value: "orders.paid" } });
  expect([chosen(), typed()]).toEqual(["Order paid", null]);
  fireEvent.change(choice(), { target: { value: "another key" } });
  fireEvent.change(typed() as HTMLElement, { target: { value: " nobody.listens " } });
  act(() => void vi.advanceTimersByTime(300));
  expect(told.mock.calls.flat()).toEqual(["orders.paid", "", "nobody.listens"]);
  expect(chosen()).toBe("Another key…");
  // A key that happens to have a type is typed to its end all the same.
  fireEvent.change(typed() as HTMLElement, { target: { value: "orders.paid" } });
  act(() => void vi.advanceTimersByTime(300));
  expect([told.mock.lastCall, typed()?.value]).toEqual([["orders.paid"], "orders.paid"]);
  fireEvent.change(choice(), { target: { value: "" } });
  expect([told.mock.lastCall, typed()]).toEqual([[""], null]);
});

test("a key of the address that has no type is shown as it is", () => {
  render(<Filter start="nobody.listens" told={() => {}} />);
  expect([chosen(), typed()?.value]).toEqual(["Another key…", "nobody.listens"]);
});
