// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeAll, expect, test } from "vitest";
import { type EventType, eventTypesQuery } from "@/features/event-types/queries";
import { EventPicker } from "./event-picker";

const type = (id: string, key: string, displayName: string, category: string) =>
  ({
    id,
    key,
    displayName,
    category,
    categoryId: category,
    description: "",
    createdAt: "",
    updatedAt: "",
  }) as unknown as EventType;

const types = [
  type("1", "frontegg.user.created", "User created", "User management"),
  type("2", "frontegg.user.deleted", "User deleted", "User management"),
  type("3", "orders.paid", "Order paid", "Custom"),
];

beforeAll(() => {
  globalThis.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
});
afterEach(cleanup);

function Holder({ initial, onValue }: { initial: string[]; onValue: (value: string[]) => void }) {
  const [value, setValue] = useState(initial);
  onValue(value);
  return <EventPicker value={value} onChange={setValue} />;
}

function show(initial: string[]) {
  let latest = initial;
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  queries.setQueryData(eventTypesQuery.queryKey, types as never);
  render(
    <QueryClientProvider client={queries}>
      <Holder
        initial={initial}
        onValue={value => {
          latest = value;
        }}
      />
    </QueryClientProvider>,
  );
  return () => latest;
}

test("searching and ticking chooses one event; its category shows that it is chosen in part", () => {
  const chosen = show([]);
  fireEvent.change(screen.getByRole("searchbox"), { target: { value: "created" } });
  expect(screen.queryByText("Order paid")).toBeNull();
  fireEvent.click(screen.getByRole("checkbox", { name: "User created" }));
  expect(chosen()).toEqual(["frontegg.user.created"]);
  fireEvent.change(screen.getByRole("searchbox"), { target: { value: "" } });
  expect(screen.getByRole("checkbox", { name: "All of User management" }).getAttribute("data-state")).toBe(
    "indeterminate",
  );
});

test("a whole category is chosen by its name, and taken apart by unticking one of it", () => {
  const chosen = show([]);
  fireEvent.click(screen.getByRole("checkbox", { name: "All of User management" }));
  expect(chosen()).toEqual(["User management.*"]);
  fireEvent.click(screen.getByRole("button", { name: /User management/ }));
  fireEvent.click(screen.getByRole("checkbox", { name: "User created" }));
  expect(chosen()).toEqual(["frontegg.user.deleted"]);
});

test("a pattern of one's own is added, shown and removed", () => {
  const chosen = show(["frontegg.user.created"]);
  const field = screen.getByRole("textbox", { name: "Other keys and patterns" });
  fireEvent.change(field, { target: { value: " shop.* " } });
  fireEvent.keyDown(field, { key: "Enter" });
  expect(chosen()).toEqual(["frontegg.user.created", "shop.*"]);
  fireEvent.click(screen.getByRole("button", { name: "Remove shop.*" }));
  expect(chosen()).toEqual(["frontegg.user.created"]);
});
