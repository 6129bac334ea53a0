// What a delivery and an event show of themselves, and what is copied from them.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles } from "./pages";
import { Receiver } from "./receiver";
import { Server, until } from "./server";

let browser: Browser;
let server: Server;
let receiver: Receiver;
let page: Page;
let found: string[];

beforeAll(async () => {
  [server, browser, receiver] = await Promise.all([Server.start(), launch(), Receiver.start()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await receiver?.stop();
});
beforeEach(async () => {
  const permissions = ["clipboard-read", "clipboard-write"];
  page = await (await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions })).newPage();
  page.setDefaultTimeout(20_000);
  found = troubles(page);
});
afterEach(async () => {
  await page.context().close();
  expect(found).toEqual([]);
});

const connect = (eventKey: string, more: object = {}) =>
  server.call("POST", "/webhooks", {
    displayName: eventKey,
    url: receiver.url,
    secret: "a-long-secret",
    eventKeys: [eventKey],
    retryPolicy: { delaysInSeconds: [] },
    ...more,
  });

/** An event whose deliveries have all ended; the newest of these. */
async function ended(eventKey: string, payload: object = {}) {
  const { eventId } = await server.event("acme", payload, eventKey);
  return until(async () => {
    const { items } = await server.call("GET", `/events/${eventId}/deliveries`);
    return items.every((each: { state: string }) => ["delivered", "failed"].includes(each.state)) && items[0];
  });
}

const clipboard = () => page.evaluate(() => navigator.clipboard.readText());

test("a request is copied with the headers that it had, and what is hidden is named", async () => {
  await connect("orders.paid", {
    headers: [
      { name: "x-team", value: "blue", isSensitive: false },
      { name: "x-key", value: "s3cret", isSensitive: true },
    ],
  });
  const delivery = await ended("orders.paid");
  await signIn(page, server, `/deliveries/${delivery.id}?tab=request`);
  await page.getByRole("button", { name: "Copy as cURL" }).click();
  await page.getByText("Copied, signed as of now. Left out, for the value is not shown: x-key.").waitFor();
  const command = await clipboard();
  expect(command).toContain("-H 'x-team: blue'");
  expect(command).toMatch(/-H 'webhook-signature: v1,/);
  expect(command.split("\n")[0]).toContain("'x-key'");
  expect(command).not.toContain("s3cret");

  await page.getByRole("button", { name: "Copy URL" }).click();
  await expect.poll(clipboard).toBe(receiver.url);
});

test("a request without a signature is copied without one, and says so", async () => {
  await connect("orders.unsigned", { secret: null });
  const delivery = await ended("orders.unsigned");
  await signIn(page, server, `/deliveries/${delivery.id}?tab=request`);
  await page.getByRole("button", { name: "Copy as cURL" }).click();
  await page.getByText("It carries no signature").waitFor();
  expect(await clipboard()).not.toContain("webhook-signature");
});

test("a body is copied as it was sent, to the byte", async () => {
  await connect("orders.shipped");
  const delivery = await ended("orders.shipped", { total: 12 });
  await signIn(page, server, `/deliveries/${delivery.id}?tab=request`);
  const body = page.getByRole("region", { name: "Body" });
  await body.getByRole("button", { name: "Copy", exact: true }).click();
  const sent = receiver.received.at(-1)?.body ?? "";
  await expect.poll(clipboard).toBe(sent);
  await body.getByRole("button", { name: "Copy indented" }).click();
  await expect.poll(clipboard).toBe(JSON.stringify(JSON.parse(sent), null, 2));
});

test("all deliveries of an event are there, page by page", async () => {
  for (const displayName of ["First", "Second", "Third"]) await connect("orders.many", { displayName });
  const { eventId } = await ended("orders.many");
  // The server's own pages, each of two.
  await page.route(/\/api\/v1\/events\/[^/]+\/deliveries\?/, route => {
    const url = new URL(route.request().url());
    url.searchParams.set("limit", "2");
    return route.continue({ url: url.href });
  });
  await signIn(page, server, `/events/${eventId}`);
  const table = page.getByRole("table", { name: "Deliveries" });
  const names = async () => (await table.getByRole("link").allTextContents()).sort();
  await expect.poll(async () => (await names()).length, { timeout: 15_000 }).toBe(2);
  await page.getByRole("button", { name: "Load more" }).click();
  await expect.poll(names, { timeout: 15_000 }).toEqual(["First", "Second", "Third"]);
  await page.getByRole("button", { name: "Load more" }).waitFor({ state: "detached" });
});

test("a webhook's health shows its exact status codes, and leads to the deliveries that have them", async () => {
  const webhook = await connect("orders.refused");
  receiver.answer = { status: 418 };
  const delivery = await ended("orders.refused");
  receiver.answer = { status: 200 };
  await signIn(page, server, `/webhooks/${webhook.id}?tab=health`);
  await page.getByRole("link", { name: "418" }).click();
  await page.locator(`[data-delivery="${delivery.id}"]`).waitFor();
  expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({ tab: "deliveries", status: "418" });
});

test("a double click sends a delivery again once", async () => {
  await connect("orders.again");
  const delivery = await ended("orders.again");
  const sent: string[] = [];
  page.on("request", request => {
    if (request.url().endsWith("/resend")) sent.push(request.url());
  });
  await signIn(page, server, `/deliveries/${delivery.id}`);
  const resend = page.getByRole("button", { name: "Resend" });
  await resend.waitFor();
  const first = page.url();
  await resend.dblclick();
  await page.waitForURL(url => url.href !== first);
  await expect.poll(() => resend.isEnabled(), { timeout: 15_000 }).toBe(true);
  expect(sent).toHaveLength(1);
  expect((await server.call("GET", `/events/${delivery.eventId}/deliveries`)).items).toHaveLength(2);
});
