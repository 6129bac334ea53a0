// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fromLocalInput, toLocalInput } from "@/logic/time";
import { ClearFilters, TypedMoment, TypedText } from "./typed";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const field = (value: string, onChange: (text: string) => void) => (
  // A function of its own each time, as screens have it.
  <TypedText label="Search" value={value} onChange={text => onChange(text)} as="search" />
);
const box = () => screen.getByRole<HTMLInputElement>("searchbox");
const type = (value: string) => fireEvent.change(box(), { target: { value } });
const clear = () => fireEvent.click(screen.getByRole("button", { name: "Clear filters" }));
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

test("a value from elsewhere leaves alone what somebody is typing, and comes in where nobody is", () => {
  const told: string[] = [];
  const { rerender } = render(field("acme", text => told.push(text)));
  act(() => box().focus());
  type("acme c");
  rerender(field("globex", text => told.push(text)));
  expect(box().value).toBe("acme c");
  pass(300);
  expect(told).toEqual(["acme c"]);
  rerender(field("acme c", text => told.push(text)));
  rerender(field("initech", text => told.push(text)));
  expect(box().value).toBe("initech");
});

test("filters that are cleared while one is typed are cleared", () => {
  const told: string[] = [];
  const cleared = vi.fn();
  render(
    <>
      {field("", text => told.push(text))}
      <ClearFilters onClear={cleared} />
    </>,
  );
  act(() => box().focus());
  type("zzz");
  pass(250);
  act(() => box().blur());
  // A click takes its time, too.
  pass(200);
  clear();
  expect(cleared).toHaveBeenCalledTimes(1);
  expect(box().value).toBe("");
  pass(1000);
  expect(told).toEqual([]);
});

function Trimmed({ told }: { told: string[] }) {
  const [value, setValue] = useState("");
  const tell = (text: string) => {
    told.push(text);
    setValue(text);
  };
  return <TypedText label="Search" value={value} read={text => text.trim()} onChange={tell} as="search" />;
}

test("what is told as something else than it was typed stays as it was typed", () => {
  const told: string[] = [];
  render(<Trimmed told={told} />);
  type("orders ");
  pass(300);
  expect([told, box().value]).toEqual([["orders"], "orders "]);
});

/** A date field of the URL, which follows a moment after it was told. */
function Dated({ start, told }: { start: string; told: (at: string) => void }) {
  const [at, setAt] = useState(start);
  const tell = (next: string) => {
    told(next);
    setTimeout(() => setAt(next), 50);
  };
  return <TypedMoment label="From" value={at} onChange={tell} />;
}

const START = fromLocalInput("2026-11-26T12:00") as string;
const from = () => screen.getByLabelText<HTMLInputElement>("From");
const date = (value: string) => fireEvent.change(from(), { target: { value } });
/** As browsers have a date of which a part is missing. */
function partial(isPartial: boolean): void {
  Object.defineProperty(from(), "validity", { configurable: true, value: { badInput: isPartial } });
}

test("a year is typed to its end, digit by digit and slowly, before the date is told", () => {
  const told = vi.fn();
  render(<Dated start={START} told={told} />);
  act(() => from().focus());
  for (const year of ["0002", "0020", "0202"]) {
    date(`${year}-11-26T12:00`);
    pass(400);
    expect(from().value).toBe(`${year}-11-26T12:00`);
  }
  expect(told).not.toHaveBeenCalled();
  date("2025-11-26T12:00");
  pass(400);
  expect(told.mock.calls).toEqual([[fromLocalInput("2025-11-26T12:00")]]);
  expect(from().value).toBe("2025-11-26T12:00");
});

test("a date of which a part is missing is not told as none, and the field says what it needs", () => {
  const told = vi.fn();
  render(<Dated start={START} told={told} />);
  act(() => from().focus());
  partial(true);
  date("");
  pass(1000);
  expect(screen.queryByRole("alert")).toBeNull();
  act(() => from().blur());
  expect(screen.getByRole("alert").textContent).toBe("Enter the whole date and time.");
  expect(told).not.toHaveBeenCalled();
  // The rest of it goes without a change of the value.
  act(() => from().focus());
  partial(false);
  fireEvent.keyUp(from(), { key: "Backspace" });
  pass(400);
  expect(told.mock.calls).toEqual([[""]]);
  expect(screen.queryByRole("alert")).toBeNull();
});

test("a date that is cleared from elsewhere goes, whatever was typed of another", () => {
  const shown = (value: string | undefined) => (
    <>
      <TypedMoment label="From" value={value} onChange={() => undefined} />
      <ClearFilters onClear={() => undefined} />
    </>
  );
  const { rerender } = render(shown(START));
  expect(from().value).toBe(toLocalInput(START));
  partial(true);
  date("");
  clear();
  rerender(shown(undefined));
  expect(from().value).toBe("");
  rerender(shown(START));
  expect(from().value).toBe(toLocalInput(START));
});
