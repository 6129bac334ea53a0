// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Times } from "@/logic/deliveries";
import { StateSelect, StatusFilter, TimeFilter } from "./filters";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function Filter() {
  const [search, setSearch] = useState<Times>({ from: "2026-11-26T12:00:00.000Z" });
  return <TimeFilter search={search} change={patch => setSearch(before => ({ ...before, ...patch }))} />;
}

test("the fields of a time stay while the only one that is filled in is emptied", () => {
  render(<Filter />);
  const from = screen.getByLabelText<HTMLInputElement>("From");
  fireEvent.change(from, { target: { value: "" } });
  act(() => void vi.advanceTimersByTime(300));
  expect(screen.getByLabelText("From")).toBe(from);
  expect(screen.getByRole<HTMLSelectElement>("combobox").value).toBe("range");
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
