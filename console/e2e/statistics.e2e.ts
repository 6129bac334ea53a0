// Charts of a part of what happens.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
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
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(20_000);
  found = troubles(page);
  await server.call("POST", "/webhooks", {
    displayName: "CRM",
    url: receiver.url,
    secret: "a-long-secret",
    eventKeys: ["*"],
  });
  await server.event("acme");
  await server.event("acme");
  await server.event("globex", {}, "frontegg.user.signedUp");
  await until(async () => (await server.call("GET", "/statistics")).total.delivered === 3);
});
afterAll(async () => {
  await browser?.close();
  await receiver?.stop();
  await server?.stop();
  expect(found).toEqual([]);
});

const chart = (delivered: number) =>
  page.getByRole("img", { name: `Deliveries over time: ${delivered} delivered, 0 failed, 0 discarded` }).waitFor();

test("the overview's charts are of one tenant or one event type, as the URL says", async () => {
  await signIn(page, server);
  await chart(3);
  await page.getByLabel("Charts of").selectOption("tenant");
  await page.getByLabel("Tenant id").fill("acme");
  await chart(2);
  expect(new URL(page.url()).search).toBe("?tenant=acme");
  await page.getByRole("button", { name: "1 h", exact: true }).click();
  await chart(2);
  await page.reload();
  await chart(2);
  expect(await page.getByLabel("Tenant id").inputValue()).toBe("acme");
  await page.getByLabel("Charts of").selectOption("event frontegg.user.signedUp");
  await chart(1);
  const { searchParams } = new URL(page.url());
  expect([...searchParams.keys()].sort()).toEqual(["event", "range"]);
  await page.getByLabel("Charts of").selectOption("");
  await chart(3);
});

test("an event type's page shows what becomes of its deliveries", async () => {
  const { items } = await server.call("GET", "/event-types");
  const { id } = items.find((type: { key: string }) => type.key === "frontegg.user.signedUp");
  await page.goto(`${server.url}/event-types/${id}`);
  await chart(1);
  await page.getByRole("button", { name: "1 h", exact: true }).click();
  await until(async () => new URL(page.url()).search === "?range=1h");
  await chart(1);
});

test("what the server could not count is said", async () => {
  const statistics = /\/api\/v1\/statistics\?/;
  await page.route(statistics, async route => {
    const response = await route.fetch();
    const incomplete = [{ from: "2026-01-31T12:00:00.000Z", to: null }];
    await route.fulfill({ response, json: { ...(await response.json()), incomplete } });
  });
  await page.goto(server.url);
  await page.getByText(/What happened from .* to now is not counted in full/).waitFor();
  await page.unroute(statistics);
});
