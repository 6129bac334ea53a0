// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createBrowserHistory,
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from "@tanstack/react-router";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LeaveGuard } from "@/shell/drafts";
import { keep, parseSearch, stringifySearch } from "@/shell/search";
import { WebhookPage } from "./page";

const server = vi.hoisted(() => {
  const served = { answer: (_method: string, _path: string, _body: unknown): unknown => undefined };
  globalThis.fetch = async input => {
    const request = input as Request;
    const text = await request.text();
    const { pathname, search } = new URL(request.url);
    const answer = served.answer(request.method, pathname + search, text ? JSON.parse(text) : undefined);
    return Response.json(answer, { status: answer === undefined ? 404 : 200 });
  };
  return served;
});

vi.mock("@/ui/editor", () => ({
  default: ({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) => (
    <textarea aria-label={label} value={value} onChange={event => onChange(event.target.value)} />
  ),
}));

const KEY = "frontegg.user.created";
const EVENT = "01990000-0000-7000-8000-000000000002";
let webhook: Record<string, unknown>;
let tested: unknown[];
let patches: unknown[];

beforeEach(() => {
  globalThis.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  window.scrollTo = () => {};
  tested = [];
  patches = [];
  webhook = {
    id: "w1",
    environmentId: "e1",
    displayName: "CRM",
    description: "",
    url: "https://example.com/hooks",
    method: "POST",
    eventKeys: [KEY],
    headers: [],
    isActive: true,
    isSigned: false,
    signature: "hmac",
    deadlineSeconds: 15,
    retryPolicy: { preset: "standard" },
    payload: { template: "{}", contentType: "application/json" },
    health: { state: "well", consecutiveFailures: 0, inFlight: 0, share: 1, waitingInMemory: 0 },
    createdAt: "2026-06-15T12:00:00Z",
    updatedAt: "2026-06-15T12:00:00Z",
  };
  server.answer = (method, path, body) => {
    if (path === "/api/v1/webhooks/w1") {
      if (method === "DELETE") return {};
      if (method === "PATCH") patches.push(body);
      if (method === "PATCH") webhook = { ...webhook, ...(body as object), updatedAt: new Date().toISOString() };
      return webhook;
    }
    if (path === "/api/v1/webhooks/w1/preview") return { method: "POST", url: "", headers: [], body: "{}" };
    if (path === "/api/v1/webhooks/w1/test") {
      tested.push(body);
      return { webhookId: EVENT, isSuccess: true, statusCode: 200, headers: [], timings: { totalMs: 1 } };
    }
    if (path === `/api/v1/events?limit=10&eventKey=${KEY}`) {
      const older = EVENT.replace(/2$/, "1");
      return {
        items: [older, EVENT].map(id => ({ id, eventKey: KEY, tenantId: "acme", acceptedAt: "2026-06-15T12:00:00Z" })),
      };
    }
    return { items: [] };
  };
});
afterEach(cleanup);

async function open(
  tab: string,
  history = createMemoryHistory({ initialEntries: [`/webhooks/w1?tab=${tab}`] }),
  goThere?: (router: { navigate: (to: never) => Promise<void> }) => Promise<void>,
) {
  const root = createRootRoute({
    component: () => (
      <>
        <Outlet />
        <LeaveGuard />
      </>
    ),
  });
  const routes = [
    createRoute({ getParentRoute: () => root, path: "/webhooks", component: () => <p>The list</p> }),
    createRoute({
      getParentRoute: () => root,
      path: "/webhooks/$webhookId",
      validateSearch: keep("tab", "with", "type", "view", "language"),
      component: WebhookPage,
    }),
  ];
  const router = createRouter({
    routeTree: root.addChildren(routes),
    history,
    parseSearch,
    stringifySearch,
  });
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
  await goThere?.(router);
  await screen.findByRole("heading", { name: "CRM" });
  return router;
}

const field = <T extends HTMLElement>(name: string) => screen.findByLabelText<T>(name);
const type = (element: HTMLElement, value: string) => fireEvent.change(element, { target: { value } });

test("saving one card keeps the draft of another, and shows what was saved", async () => {
  await open("settings");
  type(await field("Condition"), "user.id == 1");
  type(await field("Name"), " Billing ");
  fireEvent.click(screen.getAllByRole("button", { name: "Save" })[0] as HTMLElement);
  await screen.findByRole("heading", { name: "Billing" });
  // The server's value, without the spaces, and nothing left to save in that card.
  await waitFor(() => expect(screen.getByLabelText<HTMLInputElement>("Name").value).toBe("Billing"));
  expect(screen.getAllByRole("button", { name: "Save" })).toHaveLength(1);
  expect((await field<HTMLTextAreaElement>("Condition")).value).toBe("user.id == 1");
});

test.each<[what: string, edit: [name: string, value: string], sent: object]>([
  ["a name", ["Name", "Billing"], { displayName: "Billing" }],
  ["a deadline", ["Deadline in seconds", "5"], { deadlineSeconds: 5 }],
  ["a method", ["Method", "PUT"], { method: "PUT" }],
  ["a certificate", ["Certificate (PEM)", "PEM"], { clientCertificate: { certificate: "PEM" } }],
  ["days", ["Disable after failing for days", "3"], { disableAfterDays: 3 }],
])("what somebody else saved meanwhile stays where %s is saved", async (_, [name, value], sent) => {
  await open("settings");
  type(await field(name), value);
  fireEvent.click(await screen.findByRole("button", { name: "Save" }));
  await waitFor(() => expect(patches).toEqual([sent]));
});

test("the way back twice, and staying: the address is that of what is shown", async () => {
  window.history.replaceState(null, "", "/webhooks?before=1");
  const router = await open("settings", createBrowserHistory(), async ({ navigate }) => {
    await screen.findByText("The list");
    void navigate({ to: "/webhooks", search: {} } as never);
    await waitFor(() => expect(window.location.search).toBe(""));
    void navigate({ to: "/webhooks/$webhookId", params: { webhookId: "w1" }, search: { tab: "settings" } } as never);
  });
  type(await field("Condition"), "user.id == 1");
  const back = async () => {
    const told = new Promise(resolve => window.addEventListener("popstate", resolve, { once: true }));
    window.history.back();
    await told;
  };
  const go = vi.spyOn(window.history, "go");
  for (const times of [1, 2]) {
    go.mockClear();
    for (let time = 0; time < times; time++) await back();
    fireEvent.click(await screen.findByRole("button", { name: "Keep editing" }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await waitFor(() => expect(window.location.pathname + window.location.search).toBe("/webhooks/w1?tab=settings"));
    // In one: browsers drop one of two that are under way.
    expect(go.mock.calls).toEqual([[times]]);
    expect(router.state.location.pathname).toBe("/webhooks/w1");
    expect((await field<HTMLTextAreaElement>("Condition")).value).toBe("user.id == 1");
  }
  await back();
  await back();
  fireEvent.click(await screen.findByRole("button", { name: "Leave and lose them" }));
  await screen.findByText("The list");
  await waitFor(() => expect(window.location.search).toBe("?before=1"));
});

test("enabling the webhook keeps the template that is being edited", async () => {
  webhook["isActive"] = false;
  await open("body");
  type(await field("Template"), '{"draft": true}');
  fireEvent.click(screen.getByRole("switch", { name: "Webhook enabled" }));
  await screen.findByText("Enabled");
  expect((await field<HTMLTextAreaElement>("Template")).value).toBe('{"draft": true}');
});

test("a test sends the template that is being edited, with the newest event that happened", async () => {
  await open("body");
  type(await field("Template"), '{"draft": true}');
  await screen.findByText("Tests what you see, unsaved: Custom payload.");
  const chosen = await field<HTMLSelectElement>("Test with");
  expect(chosen.value).toBe(EVENT);
  fireEvent.click(screen.getByRole("button", { name: "Send test" }));
  await screen.findByText("It works.");
  const settings = { payload: { template: '{"draft": true}', contentType: "application/json" } };
  expect(tested).toEqual([{ withHeaders: true, eventId: EVENT, settings }]);
  type(chosen, "sample");
  await waitFor(() => expect(screen.getByLabelText<HTMLSelectElement>("Test with").value).toBe("sample"));
  fireEvent.click(screen.getByRole("button", { name: "Send test" }));
  await waitFor(() => expect(tested[1]).toEqual({ withHeaders: true, eventKey: KEY, settings }));
});

test("leaving with unsaved edits asks first: for a link, and for another tab", async () => {
  const router = await open("settings");
  type(await field("Condition"), "user.id == 1");
  void router.navigate({ to: "/webhooks/w1", search: { tab: "body" } } as never);
  fireEvent.click(await screen.findByRole("button", { name: "Keep editing" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect((await field<HTMLTextAreaElement>("Condition")).value).toBe("user.id == 1");
  fireEvent.click(screen.getByRole("link", { name: "Webhooks" }));
  fireEvent.click(await screen.findByRole("button", { name: "Leave and lose them" }));
  await screen.findByText("The list");
});

test("the end of the page is asked about as long as something is unsaved", async () => {
  window.history.replaceState(null, "", "/webhooks/w1?tab=settings");
  await open("settings", createBrowserHistory());
  const ends = () => !window.dispatchEvent(new Event("beforeunload", { cancelable: true }));
  expect(ends()).toBe(false);
  type(await field("Condition"), "user.id == 1");
  await waitFor(() => expect(ends()).toBe(true));
  fireEvent.click(screen.getByRole("button", { name: "Discard" }));
  await waitFor(() => expect(ends()).toBe(false));
});

test("the test from the page's head sends what the cards of the settings show", async () => {
  await open("settings");
  type(await field("Method"), "PUT");
  fireEvent.click(screen.getByRole("button", { name: "Test" }));
  await screen.findByText("Tests what you see, unsaved: Request.");
  fireEvent.click(screen.getByRole("button", { name: "Send test" }));
  await screen.findByText("It works.");
  expect(tested).toEqual([{ withHeaders: true, settings: { method: "PUT", headers: [] } }]);
});

test("a test says which edits it does not send", async () => {
  await open("settings");
  type(await field("URL"), "https://example.com/new");
  type(await field("Deadline in seconds"), "5");
  fireEvent.click(screen.getByRole("button", { name: "Test" }));
  await screen.findByText("Tested as saved: URL and Deadline in seconds. Save first to test what you entered.");
  fireEvent.click(screen.getByRole("button", { name: "Send test" }));
  await screen.findByText("It works.");
  expect(tested).toEqual([{ withHeaders: true }]);
});

test("a webhook that is deleted leaves nothing to be asked about", async () => {
  await open("settings");
  type(await field("Condition"), "user.id == 1");
  fireEvent.click(screen.getByRole("button", { name: "Delete webhook" }));
  type(await screen.findByLabelText("Type “CRM” to go on"), "CRM");
  fireEvent.submit(screen.getByRole("dialog"));
  await screen.findByText("The list");
  expect(screen.queryByRole("dialog")).toBeNull();
});
