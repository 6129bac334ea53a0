// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test, vi } from "vitest";
import type { Subject } from "@/logic/subject";
import { SubjectChoice } from "./subject";

vi.mock("@/features/event-types/queries", () => ({
  useEventTypes: () => [{ id: "t1", key: "orders.paid", displayName: "Order paid" }],
}));
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

function Charts({ chosen }: { chosen: (subject: Subject) => void }) {
  const [subject, setSubject] = useState<Subject>({});
  const choose = (next: Subject) => {
    chosen(next);
    setSubject(next);
  };
  return <SubjectChoice subject={subject} choose={choose} />;
}

test("charts can be of events whose key has no type, and of one subject at a time", () => {
  vi.useFakeTimers();
  const chosen = vi.fn();
  render(<Charts chosen={chosen} />);
  const choice = screen.getByRole<HTMLSelectElement>("combobox", { name: "Charts of" });
  const pick = (value: string) => fireEvent.change(choice, { target: { value } });
  const type = (name: string, value: string) => {
    fireEvent.change(screen.getByRole("textbox", { name }), { target: { value } });
    act(() => void vi.advanceTimersByTime(300));
  };
  pick("event ");
  type("Event key", "nobody.listens");
  pick("tenant");
  type("Tenant id", "acme");
  expect(screen.queryByRole("textbox", { name: "Event key" })).toBeNull();
  pick("event orders.paid");
  expect(screen.queryByRole("textbox")).toBeNull();
  expect(chosen.mock.calls.flat()).toEqual([
    {},
    { eventKey: "nobody.listens" },
    {},
    { tenantId: "acme" },
    { eventKey: "orders.paid" },
  ]);
});
