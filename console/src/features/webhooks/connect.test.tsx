// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keep, parseSearch, stringifySearch } from "@/shell/search";
import { Connect } from "./connect";

// The client takes hold of `fetch` when it is loaded.
vi.hoisted(() => {
  globalThis.fetch = async () => Response.json({ items: [] });
});

beforeEach(() => {
  globalThis.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  window.scrollTo = () => {};
});
afterEach(cleanup);

function open(search: string) {
  const root = createRootRoute();
  const page = (path: string) =>
    createRoute({ getParentRoute: () => root, path, component: () => <p>Another page</p> });
  const connect = createRoute({
    getParentRoute: () => root,
    path: "/webhooks/connect",
    validateSearch: keep("step", "language", "webhook"),
    component: Connect,
  });
  const router = createRouter({
    routeTree: root.addChildren([page("/webhooks"), page("/webhooks/$webhookId"), connect]),
    history: createMemoryHistory({ initialEntries: [`/webhooks/connect${search}`] }),
    parseSearch,
    stringifySearch,
  });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
  return () => router.state.location.href;
}

test("a reload in the middle begins at the first step that is missing something, and the address says so", async () => {
  const at = open("?step=endpoint");
  await screen.findByLabelText("Name");
  await waitFor(() => expect(at()).toBe("/webhooks/connect"));
});

test("a step is in the address as it is reached, and the one after it cannot be", async () => {
  const at = open("");
  fireEvent.change(await screen.findByLabelText("Name"), { target: { value: "CRM" } });
  fireEvent.click(screen.getByRole("button", { name: "Continue" }));
  await screen.findByText("Which events should be sent?");
  expect(at()).toBe("/webhooks/connect?step=events");
  fireEvent.click(screen.getByRole("button", { name: "Continue" }));
  await screen.findByText("Choose at least one event.");
  expect(at()).toBe("/webhooks/connect?step=events");
});

test.each([
  ["?step=done&webhook=w1", "/webhooks/w1"],
  ["?step=done", "/webhooks"],
])("a reload of the last step goes on to what was made: %s", async (search, page) => {
  const at = open(search);
  await screen.findByText("Another page");
  expect(at()).toBe(page);
});
