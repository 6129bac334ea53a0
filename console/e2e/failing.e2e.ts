// Lists that cannot be read: what is wrong is said in words, and tried again by a click.
import type { Browser, Page, Route } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles } from "./pages";
import { Receiver } from "./receiver";
import { deliveryRow } from "./rows";
import { Server, until } from "./server";

let browser: Browser;
let server: Server;
let receiver: Receiver;
let page: Page;
let found: string[];

beforeAll(async () => {
  [server, receiver, browser] = await Promise.all([Server.start(), Receiver.start(), launch()]);
  await server.call("POST", "/webhooks", { displayName: "CRM", url: receiver.url, eventKeys: ["*"] });
  await server.event("acme");
  await until(async () => (await server.call("GET", "/deliveries?state=delivered")).items.length === 1);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await receiver?.stop();
});
beforeEach(async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
  found = troubles(page);
});
afterEach(async () => {
  await page.context().close();
  expect(found).toEqual([]);
});

const refused = (route: Route, status: number, code: string, detail: string) =>
  route.fulfill({
    status,
    contentType: "application/problem+json",
    json: { type: `urn:postrider:error:${code}`, title: "", status, code, detail, requestId: "018f3c5e" },
  });

test.each([
  {
    path: "/deliveries",
    call: /\/api\/v1\/deliveries\?/,
    fail: (route: Route) => refused(route, 503, "unavailable", "the store cannot be read at the moment"),
    says: ["The store cannot be read at the moment.", "Request 018f3c5e: the server's log has more about it."],
    row: "Delivered",
  },
  {
    path: "/webhooks",
    call: /\/api\/v1\/webhooks(\?|$)/,
    fail: (route: Route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" }),
    says: ["The server answered 502."],
    row: "CRM",
  },
  {
    path: "/events",
    call: /\/api\/v1\/events\?/,
    fail: (route: Route) => route.abort("connectionrefused"),
    says: ["The server cannot be reached."],
    row: "User created",
  },
])("a list that cannot be read says why, and can be tried again: $path", async ({ path, call, fail, says, row }) => {
  // It is tried again by itself where the server answers, which is another test's business.
  await page.route(/\/healthz$/, route => route.abort("connectionrefused"));
  await page.route(call, fail);
  await signIn(page, server, path);
  const alert = page.locator("#content").getByRole("alert");
  for (const words of says) await alert.getByText(words).waitFor();
  // The page around it is there.
  await page.locator("#content").getByRole("heading", { level: 1 }).waitFor();
  await page.unroute(call);
  await alert.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("row").filter({ hasText: row }).first().waitFor();
  expect(await alert.count()).toBe(0);
});

test("a page that could not reach the server is tried again by itself once the server answers", async () => {
  const everything = /\/api\/v1\/events\?|\/healthz$/;
  await page.route(everything, route => route.abort("connectionrefused"));
  await signIn(page, server, "/events");
  await page.locator("#content").getByRole("alert").getByText("The server cannot be reached.").waitFor();
  await page.unroute(everything);
  await page.getByRole("row").filter({ hasText: "User created" }).first().waitFor();
  expect(await page.locator("#content").getByRole("alert").count()).toBe(0);
});

test("a next page that cannot be read leaves the rows that are there, and is asked for by a click", async () => {
  const half = 20;
  let isBroken = true;
  let asked = 0;
  await page.route(/\/api\/v1\/deliveries\?/, async route => {
    const cursor = new URL(route.request().url()).searchParams.get("cursor");
    if (cursor && isBroken) {
      asked++;
      return refused(route, 422, "invalid_parameter", "the cursor is none of this list's");
    }
    const start = Number(cursor ?? "0");
    const items = Array.from({ length: half }, (_, index) => deliveryRow(start + index, 2 * half));
    await route.fulfill({ json: { items, nextCursor: cursor ? null : String(half), searchedUntil: null } });
  });
  await signIn(page, server, "/deliveries");
  await page.locator('[data-live="open"]').waitFor();
  const alert = page.locator("#content").getByRole("alert");
  await alert.filter({ hasText: "The cursor is none of this list's." }).waitFor();
  await page.getByText("row.0", { exact: true }).waitFor();
  // With the list, and again where that is read anew as the stream opens.
  expect(asked).toBeLessThan(5);
  isBroken = false;
  await alert.getByRole("button", { name: "Try again" }).click();
  await page.locator(`[role="table"][aria-rowcount="${2 * half + 1}"]`).waitFor();
  expect(await alert.count()).toBe(0);
});

/** What the browser writes about code that it could not get is what those tests are about. */
function expectMissingCodeAlone() {
  expect(found.filter(each => !/code of this page|Failed to fetch|preload CSS/.test(each))).toEqual([]);
  found.length = 0;
}

test("a page whose code cannot be had says that the server cannot be reached, and is opened by a click", async () => {
  await signIn(page, server, "/settings");
  await page.getByText("Source addresses").first().waitFor();
  const everything = /./;
  await page.route(everything, route => route.abort("connectionrefused"));
  await page.getByRole("link", { name: "Event types", exact: true }).click();
  const alert = page.locator("#content").getByRole("alert").filter({ hasText: "The server cannot be reached." });
  await alert.waitFor();
  await page.unroute(everything);
  await alert.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Event types", exact: true }).waitFor();
  expect(await page.getByRole("alert").count()).toBe(0);
  expectMissingCodeAlone();
});

test("a part of a page whose code cannot be had is opened by a click as well", async () => {
  const { items } = await server.call("GET", "/webhooks");
  await signIn(page, server, `/webhooks/${items[0].id}`);
  await page.getByRole("tab", { name: "Body", selected: true }).waitFor();
  const code = /\/healthz$|\.js$/;
  await page.route(code, route => route.abort("connectionrefused"));
  await page.getByRole("tab", { name: "Health" }).click();
  const alert = page.locator("#content").getByRole("alert").filter({ hasText: "The server cannot be reached." });
  await alert.waitFor();
  await page.unroute(code);
  await alert.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Answers", exact: true }).waitFor();
  expect(await page.getByRole("alert").count()).toBe(0);
  expectMissingCodeAlone();
});

test.each(["state=bogus", "since=foo", "from=garbage"])("a filter that is none is refused: %s", async asked => {
  await signIn(page, server, `/deliveries?${asked}`);
  await page.locator("#content").getByRole("alert").waitFor();
  expect(await page.getByRole("row").count()).toBe(0);
});

test("a tab that there is not is the first one", async () => {
  const { items } = await server.call("GET", "/webhooks");
  await signIn(page, server, `/webhooks/${items[0].id}?tab=nonsense`);
  await page.getByRole("tab", { name: "Body", selected: true }).waitFor();
  await page.goto(`${server.url}/settings?tab=nonsense`);
  await page.getByText("Source addresses").first().waitFor();
});
