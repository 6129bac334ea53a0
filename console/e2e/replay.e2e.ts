// A replay that takes its time: the page shows how far it is, stands still when it does, and finds its place after a reload. And the
// ways to one.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles } from "./pages";
import { Receiver } from "./receiver";
import { Server, until } from "./server";

/** Events, and how many of them are sent in a second: twelve seconds of work. */
const EVENTS = 120;
const RATE = 10;

let browser: Browser;
let server: Server;
let receiver: Receiver;

beforeAll(async () => {
  [server, receiver, browser] = await Promise.all([Server.start(), Receiver.start(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await receiver?.stop();
});

test("a replay shows its progress by push, pauses, resumes, and survives a reload", async () => {
  for (let index = 0; index < EVENTS; index++) await server.event("replayed", { index }, "orders.paid");
  const { url } = receiver;
  await server.call("POST", "/webhooks", { displayName: "Late", url, eventKeys: ["orders.*"] });

  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const found = troubles(page);
  let asked = 0;
  page.on("request", request => {
    if (/\/api\/v1\/jobs\/[0-9a-f-]{36}$/.test(request.url()) && request.method() === "GET") asked++;
  });
  const job = (state: string) => page.locator(`[data-job-state="${state}"]`).waitFor();
  const shown = async (): Promise<number> => {
    const text = await page.locator("[data-job-state]").getByRole("status").textContent();
    return Number(new RegExp(`^(\\d+) of ${EVENTS}$`).exec(text ?? "")?.[1]);
  };
  const share = async () => Number(await page.getByRole("progressbar").getAttribute("aria-valuenow"));
  const grows = (from: number) => until(async () => (await shown()) > from);

  await signIn(page, server, `/replays/new?tenant=replayed&rate=${RATE}`);
  await page.getByRole("checkbox", { name: "Late" }).check();
  await page.getByText(`${EVENTS} deliveries will be made.`).waitFor();
  await page.getByRole("button", { name: "Start replay" }).click();
  await job("running");
  await grows(0);
  const askedBefore = asked;
  const [first, firstShare] = [await shown(), await share()];
  await grows(first + 5);
  await until(async () => (await share()) > firstShare);
  expect(await share()).toBeLessThan(100);
  // It is told, and does not ask.
  expect(asked).toBe(askedBefore);

  await page.getByRole("button", { name: "Pause" }).click();
  await job("paused");
  const stands = await until(async () => {
    const { items } = await server.call("GET", "/jobs");
    return items[0].done === (await shown()) && items[0];
  });
  expect(stands).toMatchObject({ state: "paused", total: EVENTS });
  // What goes on meanwhile is not the replay's.
  for (let index = 0; index < RATE; index++) {
    const before = receiver.received.length;
    await server.event("other", { live: index }, "orders.paid");
    await until(async () => receiver.received.length > before);
  }
  expect(await shown()).toBe(stands.done);
  await page.reload();
  await job("paused");
  expect(await shown()).toBe(stands.done);
  expect(await share()).toBe(Math.round((stands.done / EVENTS) * 100));

  await page.getByRole("button", { name: "Resume" }).click();
  await job("running");
  await grows(stands.done);
  const before = await shown();
  await page.reload();
  await job("running");
  expect(await shown()).toBeGreaterThanOrEqual(before);
  await grows(before);

  await job("completed");
  expect(await shown()).toBe(EVENTS);
  expect(await share()).toBe(100);
  const replayed = () =>
    receiver.received.map(({ body }) => JSON.parse(body).index).filter(index => index !== undefined);
  await until(async () => replayed().length >= EVENTS);
  expect(replayed().sort((a, b) => a - b)).toEqual(Array.from({ length: EVENTS }, (_, index) => index));
  expect(found).toEqual([]);
  await context.close();
});

test("a replay is started from where it is needed, with what was looked at", async () => {
  const { url } = receiver;
  const webhook = await server.call("POST", "/webhooks", { displayName: "Needy", url, eventKeys: ["needs.*"] });
  await server.call("PATCH", `/webhooks/${webhook.id}`, { isActive: false });
  const ids: string[] = [];
  for (let needed = 0; needed < 3; needed++) {
    ids.push((await server.event("needy", { needed }, "needs.replay")).eventId);
  }
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const found = troubles(page);
  const discarded = page.getByText("3 deliveries were discarded while this webhook was disabled");
  const begin = async (count: string) => {
    await page.getByText(`${count} will be made.`).waitFor();
    await page.getByRole("button", { name: "Start replay" }).click();
    await page.locator('[data-job-state="completed"]').waitFor();
  };
  const got = () => receiver.received.map(({ body }) => JSON.parse(body).needed).filter(needed => needed !== undefined);

  // Nothing is sent to a webhook that is off.
  await signIn(page, server, `/webhooks/${webhook.id}`);
  await discarded.waitFor();
  await page.getByRole("link", { name: "Replay what this webhook has not got" }).click();
  await page.getByText("Enable the webhook first").waitFor();
  await server.call("PATCH", `/webhooks/${webhook.id}`, { isActive: true });

  await page.goto(`${server.url}/events?tenant=needy&event=needs.replay&since=24h&q=needed`);
  await page.getByRole("link", { name: "Replay events" }).click();
  await page.getByText("cannot be narrowed down by what the list was: text.").waitFor();
  expect(await page.getByLabel("Tenant").inputValue()).toBe("needy");
  await page.getByRole("checkbox", { name: "Needy" }).check();
  await page.getByText("3 deliveries will be made.").waitFor();

  await page.goto(`${server.url}/events/${ids[1]}`);
  await page.getByRole("link", { name: "Replay this event" }).click();
  await page.getByRole("checkbox", { name: "Needy" }).check();
  await begin("1 delivery");
  await page.getByRole("link", { name: ids[1] ?? "" }).waitFor();
  await until(async () => got().length === 1);
  expect(got()).toEqual([1]);

  await page.goto(`${server.url}/webhooks/${webhook.id}`);
  await discarded.waitFor();
  await page.getByRole("link", { name: "Replay what this webhook has not got" }).click();
  await begin("2 deliveries");
  await until(async () => got().length === 3);
  expect(got().sort()).toEqual([0, 1, 2]);
  await page.goto(`${server.url}/webhooks/${webhook.id}`);
  const link = page.getByRole("link", { name: "Replay to this webhook" });
  await link.waitFor();
  await until(async () => (await discarded.count()) === 0);
  await link.click();
  await page.getByText("3 deliveries will be made.").waitFor();
  expect(found).toEqual([]);
  await context.close();
});
