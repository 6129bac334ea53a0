// What is typed into fields that the address follows, letter by letter, and clicks that come twice.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles } from "./pages";
import { Receiver } from "./receiver";
import { Server, until } from "./server";

/** Between two letters, and between the clicks of a double click. */
const HUMAN_MS = 80;
/** Longer than typing has to rest before the address follows, so that what would still change has changed. */
const RESTED_MS = 600;
const START = "2026-11-26T12:00";

let browser: Browser;
let context: BrowserContext;
let server: Server;
let receiver: Receiver;
let webhookId: string;
let page: Page;
let found: string[];
let posted: string[];

beforeAll(async () => {
  [server, browser, receiver] = await Promise.all([Server.start(), launch(), Receiver.start()]);
  const { url } = receiver;
  webhookId = (await server.call("POST", "/webhooks", { displayName: "CRM", url, eventKeys: ["orders.*"] })).id;
  context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    locale: "en-US",
    timezoneId: "UTC",
  });
  page = await context.newPage();
  await signIn(page, server);
  await page.close();
});
afterAll(async () => {
  await browser?.close();
  await receiver?.stop();
  await server?.stop();
});
beforeEach(async () => {
  page = await context.newPage();
  page.setDefaultTimeout(15_000);
  found = troubles(page);
  posted = [];
  page.on("request", request => {
    if (request.method() === "POST") posted.push(new URL(request.url()).pathname);
  });
});
afterEach(async () => {
  await page.close();
  expect(found).toEqual([]);
});

const from = () => page.getByLabel("From", { exact: true });
const type = (text: string) => page.keyboard.type(text, { delay: HUMAN_MS });
const query = () => Object.fromEntries(new URL(page.url()).searchParams);

test.each(["/replays/new?", "/deliveries?", "/deliveries?since=range&", "/events?"])(
  "a date is typed part by part into %s",
  async path => {
    await page.goto(`${server.url}${path}from=${START}:00.000Z`);
    await from().focus();
    await type("1025");
    expect(await from().inputValue()).toBe("2026-10-25T12:00");
    await from().blur();
    await from().focus();
    for (const part of ["month", "day"]) {
      await page.keyboard.press("ArrowRight");
      expect(await from().inputValue(), part).toBe("2026-10-25T12:00");
    }
    // Slower than the typing has to rest.
    await page.keyboard.type("2025", { delay: 400 });
    expect(await from().inputValue()).toBe("2025-10-25T12:00");
    await expect.poll(() => query()["from"]).toBe("2025-10-25T12:00:00.000Z");
    await page.keyboard.press("Backspace");
    await page.waitForTimeout(RESTED_MS);
    expect(query()["from"]).toBe("2025-10-25T12:00:00.000Z");
    await type("2026");
    await expect.poll(() => query()["from"]).toBe("2026-10-25T12:00:00.000Z");
  },
);

test("a rate is emptied and typed anew", async () => {
  await page.goto(`${server.url}/replays/new?webhooks=${webhookId}&rate=100`);
  const rate = page.getByLabel("Deliveries per second");
  await rate.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Backspace");
  await expect.poll(() => query()["rate"]).toBeUndefined();
  expect(await rate.inputValue()).toBe("");
  await type("250");
  expect(await rate.inputValue()).toBe("250");
  await expect.poll(() => query()["rate"]).toBe("250");
});

test.each(["/webhooks", "/event-types", "/deliveries", "/replays/new"])(
  "the caret stays where it is in %s",
  async path => {
    await page.goto(server.url + path);
    const field =
      path === "/replays/new" ? page.getByLabel("Tenant", { exact: true }) : page.getByRole("searchbox").first();
    await field.click();
    await type("abcdef");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    await type("XYZ");
    await expect.poll(() => query()[path === "/replays/new" ? "tenant" : "q"]).toBe("aXYZbcdef");
    expect(await field.inputValue()).toBe("aXYZbcdef");
  },
);

test("filters that are cleared while one is typed are cleared", async () => {
  await page.goto(`${server.url}/deliveries?state=failed&tenant=nobody`);
  const clear = page.getByRole("button", { name: "Clear filters" });
  await clear.waitFor();
  await page.getByRole("searchbox").fill("zzz");
  await clear.click();
  await page.waitForTimeout(RESTED_MS);
  expect(query()).toEqual({});
  expect(await page.getByRole("searchbox").inputValue()).toBe("");
});

test("a secret is made once however often it is clicked, and is shown until it is kept", async () => {
  const credentials = `/api/v1/environments/${server.clientId}/credentials`;
  const dialog = page.getByRole("dialog");
  const begin = async (name: string) => {
    await page.goto(`${server.url}/settings?tab=credentials`);
    await page.getByRole("button", { name: "Create secret" }).click();
    await dialog.getByLabel("Name").fill(name);
    posted = [];
  };
  const keep = async () => {
    await page.getByTestId("new-secret").waitFor();
    expect(posted).toEqual([credentials]);
    await page.mouse.click(5, 400);
    await page.keyboard.press("Escape");
    expect(await page.getByTestId("new-secret").count()).toBe(1);
    await page.getByRole("button", { name: "I have kept it" }).click();
    await dialog.waitFor({ state: "detached" });
  };
  for (const gap of [0, HUMAN_MS, 2 * HUMAN_MS]) {
    await begin(`after ${gap}`);
    const { x, y, width, height } = (await dialog.getByRole("button", { name: "Create secret" }).boundingBox()) ?? {
      x: 0,
      y: 0,
      width: 0,
      height: 0,
    };
    await page.mouse.move(x + width / 2, y + height / 2);
    for (const clickCount of [1, 2]) {
      await page.mouse.down({ clickCount });
      await page.mouse.up({ clickCount });
      if (clickCount === 1) await page.waitForTimeout(gap);
    }
    await keep();
  }
  await begin("by the keyboard");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await keep();
});

test("a double click saves an event type and a category once, while the server takes its time", async () => {
  await page.route("**/api/v1/**", async route => {
    if (route.request().method() === "POST") await new Promise(resolve => setTimeout(resolve, 300));
    await route.continue();
  });
  await page.goto(`${server.url}/event-types/new`);
  await page.getByLabel("Key", { exact: true }).fill("twice.clicked");
  await page.getByLabel("Name", { exact: true }).fill("Twice clicked");
  await page.getByRole("button", { name: "Save" }).dblclick();
  await page.getByRole("heading", { name: "Twice clicked" }).waitFor();
  await page.goto(`${server.url}/event-types`);
  await page.getByRole("button", { name: "New category" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Twice");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(posted).toEqual(["/api/v1/event-types", "/api/v1/categories"]);
});

test("what was saved in another tab stays where something else is saved", async () => {
  const other = await context.newPage();
  const save = async (tab: Page, field: string, value: string) => {
    await tab.getByLabel(field, { exact: true }).fill(value);
    await tab.getByRole("button", { name: "Save" }).click();
    await tab.getByText("Saved.").waitFor();
  };
  for (const tab of [page, other]) {
    await tab.goto(`${server.url}/webhooks/${webhookId}?tab=settings`);
    await tab.getByLabel("Description").waitFor();
  }
  await save(page, "Description", "from the first");
  await save(other, "Name", "From the second");
  await until(async () => (await server.call("GET", `/webhooks/${webhookId}`)).displayName === "From the second");
  expect((await server.call("GET", `/webhooks/${webhookId}`)).description).toBe("from the first");
  await other.close();
});

test("the way back twice with something unsaved, and staying: a reload shows the same", async () => {
  // Both steps stay within the console.
  await page.goto(`${server.url}/deliveries`);
  await page.getByRole("link", { name: "Webhooks", exact: true }).click();
  await page.locator("#content table a").first().click();
  await page.getByRole("tab", { name: "Settings" }).click();
  await page.getByLabel("Description").fill("unsaved");
  const at = page.url();
  for (let time = 0; time < 2; time++) {
    await page.evaluate(() => history.back());
    await page.getByRole("button", { name: "Keep editing" }).waitFor();
  }
  await page.getByRole("button", { name: "Keep editing" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await expect.poll(() => page.url()).toBe(at);
  expect(await page.getByLabel("Description").inputValue()).toBe("unsaved");
});
