// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { api } from "@/api/client";
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
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

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

test("event types that cannot be read are not said to be none, and are read again by a click", async () => {
  const get = vi.spyOn(api, "GET");
  get.mockResolvedValueOnce({ error: "<h1>Bad gateway</h1>", response: new Response(null, { status: 502 }) } as never);
  get.mockResolvedValueOnce({ data: { items: types }, response: new Response(null, { status: 200 }) } as never);
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      <Holder initial={[]} onValue={() => undefined} />
    </QueryClientProvider>,
  );
  expect((await screen.findByRole("alert")).textContent).toContain("The server answered 502.");
  expect(screen.queryByText("No event is called that.")).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByRole("button", { name: /User management/ });
  expect(screen.queryByRole("alert")).toBeNull();
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
