// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Debounced, StateSelect, StatusFilter, TimeFilter } from "./filters";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const field = (value: string, onChange: (text: string) => void) => (
  // A function of its own each time, as screens have it.
  <Debounced label="Search" value={value} onChange={text => onChange(text)} as="search" />
);
const box = () => screen.getByRole<HTMLInputElement>("searchbox");
const type = (value: string) => fireEvent.change(box(), { target: { value } });
const pass = (ms: number) => act(() => void vi.advanceTimersByTime(ms));

test("what was typed is told once, however often the screen is drawn meanwhile", () => {
  const told: string[] = [];
  const { rerender } = render(field("", text => told.push(text)));
  type("ada");
  for (let drawn = 0; drawn < 10; drawn++) {
    pass(100);
    rerender(field("", text => told.push(text)));
  }
  expect(told).toEqual(["ada"]);
});

test("the function of the newest drawing is told, when the typing rests", () => {
  const told: string[] = [];
  const { rerender } = render(field("", text => told.push(`old ${text}`)));
  type("a");
  pass(200);
  type("ad");
  pass(200);
  expect(told).toEqual([]);
  rerender(field("", text => told.push(`new ${text}`)));
  pass(100);
  expect(told).toEqual(["new ad"]);
});

test("what is typed while the value comes back stays, and a value from elsewhere replaces it", () => {
  const told: string[] = [];
  const { rerender } = render(field("", text => told.push(text)));
  type("ab");
  pass(300);
  type("abc");
  rerender(field("ab", text => told.push(text)));
  expect(box().value).toBe("abc");
  pass(300);
  expect(told).toEqual(["ab", "abc"]);
  rerender(field("", text => told.push(text)));
  expect(box().value).toBe("");
  pass(300);
  expect(told).toEqual(["ab", "abc"]);
});

test("a filter that there is not is shown as what is chosen, and can be cleared", () => {
  const told: unknown[] = [];
  const tell = (value: unknown) => void told.push(value);
  render(
    <>
      <StateSelect value="bogus" onChange={tell} />
      <StatusFilter value="6xx" onChange={tell} />
      <TimeFilter search={{ since: "foo" }} change={tell} />
    </>,
  );
  const filters = screen.getAllByRole<HTMLSelectElement>("combobox");
  expect(filters.map(filter => filter.value)).toEqual(["bogus", "6xx", "foo"]);
  for (const filter of filters) fireEvent.change(filter, { target: { value: "" } });
  expect(told).toEqual(["", "", { since: "", from: "", to: "" }]);
});

test("a filter that there is has no option twice", () => {
  render(
    <>
      <StateSelect value="pending,retrying" onChange={() => undefined} />
      <StatusFilter value="404" onChange={() => undefined} />
      <TimeFilter search={{ since: "24h" }} change={() => undefined} />
    </>,
  );
  for (const filter of screen.getAllByRole<HTMLSelectElement>("combobox")) {
    const values = [...filter.options].map(option => option.value);
    expect(values).toEqual([...new Set(values)]);
  }
});
