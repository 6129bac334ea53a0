// The filters of deliveries and of events, worked by hand while events come in all the while.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles } from "./pages";
import { Receiver } from "./receiver";
import { Server, until } from "./server";

/** How often an event comes in meanwhile. */
const EVERY_MS = 50;
const DEADLINE = { timeout: 40_000 };

let browser: Browser;
let context: BrowserContext;
let server: Server;
let good: Receiver;
let bad: Receiver;
let page: Page;
let found: string[];
/** The webhook that fails. */
let broken: string;
/** Ids of the events that the filters choose from. */
const events = { ada: "", globex: "", failed: "", unmatched: "" };
/** Ids of their deliveries. */
const deliveries = { ada: "", globex: "", failed: "" };

const connect = (displayName: string, url: string, eventKeys: string[]) =>
  server.call("POST", "/webhooks", { displayName, url, eventKeys, retryPolicy: { delaysInSeconds: [] } });

const ended = (eventId: string) =>
  until(async () => {
    const [delivery] = (await server.call("GET", `/events/${eventId}/deliveries`)).items;
    return ["delivered", "failed"].includes(delivery?.state) && (delivery.id as string);
  });

beforeAll(async () => {
  [server, browser, good, bad] = await Promise.all([Server.start(), launch(), Receiver.start(), Receiver.start()]);
  bad.answer = { status: 503 };
  await connect("CRM", good.url, ["frontegg.user.created"]);
  broken = (await connect("Broken", bad.url, ["frontegg.user.signedUp"])).id;
  await connect("Busy", good.url, ["traffic.*"]);
  events.ada = (await server.event("acme", { user: { email: "ada@example.com" } })).eventId;
  events.globex = (await server.event("globex", { user: { email: "grace@example.com" } })).eventId;
  events.failed = (await server.event("acme", {}, "frontegg.user.signedUp")).eventId;
  events.unmatched = (await server.event("initech", {}, "nobody.listens")).eventId;
  for (const name of ["ada", "globex", "failed"] as const) deliveries[name] = await ended(events[name]);
  context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await good?.stop();
  await bad?.stop();
});
beforeEach(async () => {
  page = await context.newPage();
  page.setDefaultTimeout(15_000);
  found = troubles(page);
});
afterEach(async () => {
  await page.close();
  expect(found).toEqual([]);
});

/** Lets events come in while something is done. */
async function underTraffic(act: () => Promise<void>): Promise<void> {
  let goesOn = true;
  const traffic = (async () => {
    while (goesOn) {
      await server.event("busy", {}, "traffic.tick");
      await new Promise(resolve => setTimeout(resolve, EVERY_MS));
    }
  })();
  try {
    await act();
  } finally {
    goesOn = false;
    await traffic;
  }
}

const filters = () => page.locator("search.filters");
const select = (name: string) => filters().getByRole("combobox", { name, exact: true });
const field = (name: string) => filters().getByRole("textbox", { name, exact: true });
const search = () => filters().getByRole("searchbox");
/** As a person types: letter by letter. */
const type = (into: ReturnType<typeof field>, text: string) => into.pressSequentially(text, { delay: 60 });
const query = () => Object.fromEntries(new URL(page.url()).searchParams);

const shownDeliveries = () =>
  page.locator("[data-delivery]").evaluateAll(rows => rows.map(row => row.getAttribute("data-delivery")));
const shownEvents = () =>
  page
    .locator("#content table a")
    .evaluateAll(links => links.map(link => new URL((link as HTMLAnchorElement).href).pathname.split("/").at(-1)));

/** Waits until these rows are shown, and no other, by this query of the URL. */
async function shows(shown: () => Promise<unknown[]>, ids: string[], asked: Record<string, string>): Promise<void> {
  const state = async () => ({ rows: (await shown()).sort(), query: query() });
  await expect.poll(state, { timeout: 15_000 }).toEqual({ rows: [...ids].sort(), query: asked });
}

test("deliveries are filtered by everything that there is, while new ones come", DEADLINE, async () => {
  const rows = (ids: string[], asked: Record<string, string>) => shows(shownDeliveries, ids, asked);
  await signIn(page, server, "/deliveries");
  await page.locator('[data-live="open"]').waitFor();
  await underTraffic(async () => {
    await page.getByText("traffic.tick").first().waitFor();

    await select("State").selectOption("failed");
    await rows([deliveries.failed], { state: "failed" });
    await select("State").selectOption("");

    await select("Event").selectOption("frontegg.user.created");
    await rows([deliveries.ada, deliveries.globex], { event: "frontegg.user.created" });
    await select("Event").selectOption("");

    await select("Webhook").selectOption({ label: "Broken" });
    await rows([deliveries.failed], { webhook: broken });
    await select("Webhook").selectOption("");

    await type(field("Tenant"), "globex");
    await rows([deliveries.globex], { tenant: "globex" });
    await select("Time").selectOption("1h");
    await rows([deliveries.globex], { tenant: "globex", since: "1h" });
    await select("Time").selectOption("range");
    await field("Tenant").fill("acme");
    await filters().getByLabel("From", { exact: true }).fill("2026-01-01T00:00");
    await filters().getByLabel("To", { exact: true }).fill("2099-01-01T00:00");
    await select("Status code").selectOption("exact");
    await type(field("Status code"), "503");
    const [from, to] = ["2026-01-01T00:00", "2099-01-01T00:00"].map(at => new Date(at).toISOString()) as [
      string,
      string,
    ];
    await rows([deliveries.failed], { tenant: "acme", since: "range", from, to, status: "503" });

    await page.reload();
    await rows([deliveries.failed], { tenant: "acme", since: "range", from, to, status: "503" });
    expect(await field("Tenant").inputValue()).toBe("acme");
    expect(await field("Status code").inputValue()).toBe("503");
    expect(await filters().getByLabel("To", { exact: true }).inputValue()).toBe("2099-01-01T00:00");

    await filters().getByLabel("From", { exact: true }).fill("2098-01-01T00:00");
    await page.getByText("No delivery matches these filters.").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.getByText("traffic.tick").first().waitFor();
    expect(query()).toEqual({});
    expect(await field("Tenant").inputValue()).toBe("");
    expect(await select("Time").inputValue()).toBe("");
  });
});

test("deliveries are searched by id and by what is in their bodies, while new ones come", DEADLINE, async () => {
  const rows = (ids: string[], asked: Record<string, string>) => shows(shownDeliveries, ids, asked);
  await page.goto(`${server.url}/deliveries`);
  await page.locator('[data-live="open"]').waitFor();
  await underTraffic(async () => {
    await page.getByText("traffic.tick").first().waitFor();
    await type(search(), deliveries.failed);
    await rows([deliveries.failed], { q: deliveries.failed });
    await search().fill("");
    await page.getByText("traffic.tick").first().waitFor();

    await type(search(), "grace@example");
    await rows([deliveries.globex], { q: "grace@example" });
    // What comes now may have that text: only the server can tell, and the screen says so.
    await page.locator('[data-live="searching"]').filter({ hasText: "not added while a text is searched" }).waitFor();
    const { eventId } = await server.event("globex", { user: { email: "grace@example.org" } });
    const another = await ended(eventId);
    await page.getByRole("button", { name: "Search again" }).click();
    await rows([deliveries.globex, another], { q: "grace@example" });
    await page.reload();
    await rows([deliveries.globex, another], { q: "grace@example" });
    expect(await search().inputValue()).toBe("grace@example");
  });
});

test("events are filtered and searched by everything that there is, while new ones come", DEADLINE, async () => {
  const rows = (ids: string[], asked: Record<string, string>) => shows(shownEvents, ids, asked);
  await page.goto(`${server.url}/events`);
  await page.getByRole("heading", { name: "Events", exact: true }).waitFor();
  await underTraffic(async () => {
    await page.getByRole("button", { name: "Show new events" }).waitFor();

    await select("Event").selectOption("frontegg.user.signedUp");
    await rows([events.failed], { event: "frontegg.user.signedUp" });
    await select("Event").selectOption("");

    await type(field("Tenant"), "acme");
    await rows([events.ada, events.failed], { tenant: "acme" });
    await select("State").selectOption("failed");
    await select("Webhook").selectOption({ label: "Broken" });
    await select("Status code").selectOption("exact");
    await type(field("Status code"), "503");
    await select("Time").selectOption("range");
    await filters().getByLabel("From", { exact: true }).fill("2026-01-01T00:00");
    const from = new Date("2026-01-01T00:00").toISOString();
    const all = { tenant: "acme", state: "failed", webhook: broken, status: "503", since: "range", from };
    await rows([events.failed], all);
    await page.reload();
    await rows([events.failed], all);
    expect(await select("State").inputValue()).toBe("failed");
    expect(await field("Status code").inputValue()).toBe("503");

    await select("Matched").selectOption("false");
    await page.getByText("No event matches these filters.").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.getByText("traffic.tick").first().waitFor();
    expect(query()).toEqual({});

    await type(search(), events.ada);
    await rows([events.ada], { q: events.ada });
    await search().fill("");
    await page.getByText("traffic.tick").first().waitFor();
    await type(search(), "ada@example");
    await rows([events.ada], { q: "ada@example" });
  });
});

test("an event that matched nothing is told of, where the filters want it", DEADLINE, async () => {
  await page.goto(`${server.url}/events?matched=false`);
  await shows(shownEvents, [events.unmatched], { matched: "false" });
  const { eventId } = await server.event("initech", {}, "nobody.listens");
  await page.getByRole("button", { name: "Show new events" }).click();
  await shows(shownEvents, [events.unmatched, eventId], { matched: "false" });
  await page.getByRole("button", { name: "Show new events" }).waitFor({ state: "detached" });
});
