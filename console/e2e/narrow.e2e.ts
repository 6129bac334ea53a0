// The console on a telephone: what stands side by side on a desk does not overlap, is not cut off, and is not squeezed to letters.
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launch } from "./chromium";
import { drawn, signIn, troubles, violations } from "./pages";
import { Server, until } from "./server";

const TELEPHONE = { width: 375, height: 812 };

let browser: Browser;
let server: Server;
let page: Page;
let found: string[];
let webhookId: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  const webhook = await server.call("POST", "/webhooks", {
    displayName: "CRM",
    url: "https://crm.example.com/hooks",
    eventKeys: ["frontegg.user.created", "frontegg.user.deleted"],
  });
  webhookId = webhook.id;
  // One that goes nowhere.
  await server.event("acme", {}, "a.type.with.a.long.key.that.no.webhook.subscribes.to");
  await server.call("POST", `/environments/${server.clientId}/credentials`, { name: "Billing", scope: "events" });
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  page = await (await browser.newContext({ viewport: TELEPHONE, reducedMotion: "reduce" })).newPage();
  page.setDefaultTimeout(20_000);
  found = troubles(page);
});
afterEach(async () => {
  await page.context().close();
  expect(found).toEqual([]);
});

/** Where the text of an element is drawn, also where it leaves the element. */
const drawnAt = (what: Locator) =>
  what.evaluate(element => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const { left, right, top, bottom } = range.getBoundingClientRect();
    return { left, right, top, bottom };
  });

type Drawn = Awaited<ReturnType<typeof drawnAt>>;

const overlap = (a: Drawn, b: Drawn): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

test("a card's title and the note beside it do not overlap", async () => {
  await signIn(page, server, `/webhooks/${webhookId}`);
  const note = page.getByText("A custom payload needs a webhook of one event type.");
  await note.waitFor();
  const title = page.getByRole("heading", { name: "Payload", exact: true });
  expect(overlap(await drawnAt(title), await drawnAt(note))).toBe(false);
});

test("the list of events is no wider than the window", async () => {
  await signIn(page, server, "/events");
  const table = page.getByRole("table", { name: "Events" });
  await table.getByRole("link").first().waitFor();
  expect(await table.evaluate(each => each.getBoundingClientRect().width)).toBeLessThanOrEqual(TELEPHONE.width);
});

test("the tab that a link leads to is shown whole", async () => {
  // Where words are longer, as in German, a telephone's width comes to this.
  await page.setViewportSize({ width: 280, height: 812 });
  await signIn(page, server, `/webhooks/${webhookId}?tab=health`);
  const tab = page.getByRole("tab", { name: "Health", selected: true });
  await tab.waitFor();
  const cut = await tab.evaluate(each => {
    const list = each.parentElement as HTMLElement;
    if (list.scrollWidth <= list.clientWidth) throw new Error("the tabs have room enough");
    return each.getBoundingClientRect().right - list.getBoundingClientRect().right;
  });
  expect(cut).toBeLessThan(1);
});

test("the preview of a theme has its URL and its state apart", async () => {
  await signIn(page, server, "/portal-settings?tab=theme");
  const row = page.locator(".theme-row").first();
  await row.waitFor();
  const state = await row.locator(".badge").boundingBox();
  const url = await drawnAt(row.getByText("https://crm.example.com/hooks"));
  expect(url.right).toBeLessThanOrEqual(state?.x ?? 0);
});

test("a credential's name keeps its words whole", async () => {
  await signIn(page, server, "/settings?tab=credentials");
  const name = page.getByText("Billing", { exact: true });
  await name.waitFor();
  const { top, bottom } = await drawnAt(name);
  // A line is 20 px high.
  expect(bottom - top).toBeLessThan(30);
});

test("the menu holds the focus while it is open, and Escape closes it and gives the focus back", async () => {
  await signIn(page, server, "/events");
  const opener = page.getByRole("button", { name: "Open menu" });
  await opener.click();
  await page.getByRole("link", { name: "Deliveries" }).waitFor();
  const focused = () =>
    page.evaluate(() => {
      const { activeElement, body } = document;
      if (activeElement?.closest(".side")) return "the drawer";
      // Between the last element and the first one the browser itself has it.
      return !activeElement || activeElement === body ? "the browser" : activeElement.outerHTML;
    });
  await expect.poll(focused, { timeout: 15_000 }).toBe("the drawer");
  // Once around, and on.
  const steps: string[] = [];
  for (let step = 0; step < 20; step++) {
    await page.keyboard.press("Tab");
    steps.push(await focused());
  }
  expect(steps.filter(each => each !== "the drawer" && each !== "the browser")).toEqual([]);
  expect(steps.filter(each => each === "the drawer").length).toBeGreaterThan(15);
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Deliveries" }).waitFor({ state: "hidden" });
  await expect.poll(() => opener.evaluate(button => button === document.activeElement), { timeout: 15_000 }).toBe(true);
  // What was behind is there again.
  await page.getByRole("searchbox").first().fill("anything");
});

test("the menu is closed by its own button, and by going elsewhere", async () => {
  await signIn(page, server, "/events");
  const opener = page.getByRole("button", { name: "Open menu" });
  const drawer = page.locator(".side[data-open]");
  await opener.click();
  await drawer.getByRole("button", { name: "Close menu" }).click();
  await drawer.waitFor({ state: "detached" });
  await expect.poll(() => opener.evaluate(button => button === document.activeElement), { timeout: 15_000 }).toBe(true);
  await opener.click();
  await drawer.getByRole("link", { name: "Deliveries" }).click();
  await page.getByRole("heading", { name: "Deliveries", exact: true }).waitFor();
  await opener.click();
  await drawer.waitFor();
  await page.goBack();
  await drawer.waitFor({ state: "detached" });
  await page.locator("#content:not([inert])").waitFor();
});

test("a long name leaves room for what stands beside it, on a telephone and on a desk", async () => {
  const webhook = await server.call("POST", "/webhooks", {
    displayName: "LongName".repeat(12),
    url: "http://127.0.0.1:9/hooks",
    eventKeys: ["long.name"],
    retryPolicy: { delaysInSeconds: [] },
  });
  const { eventId } = await server.event("acme", {}, "long.name");
  const failed = `/deliveries?webhookId=${webhook.id}&state=failed`;
  await until(async () => (await server.call("GET", failed)).items.length === 1);
  await signIn(page, server, `/events/${eventId}`);
  for (const path of [`/events/${eventId}`, "/"]) {
    await page.goto(server.url + path);
    const table = page.locator(".table-scroll").filter({ hasText: "LongName" }).first();
    await table.waitFor();
    for (const width of [380, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      await page.evaluate(drawn);
      const outside = await table.evaluate(element => element.scrollWidth - element.clientWidth);
      expect(outside, `${path} at ${width}`).toBeLessThanOrEqual(0);
    }
  }
});

test("the list of events that is opened directly looks as it does from elsewhere, and its sizes stay in a line", async () => {
  await page.setViewportSize({ width: 1280, height: 900 });
  await signIn(page, server, "/events");
  const choice = page.locator("select.filter-long").first();
  await choice.waitFor();
  expect((await choice.boundingBox())?.width).toBeLessThanOrEqual(180);
  const size = page.locator("td .numeric").first();
  await size.waitFor();
  const lines = await size.evaluate(element => element.getClientRects().length);
  expect(lines).toBe(1);
});

test("boxes of hidden values can be hit", async () => {
  const hidden = await server.call("POST", "/webhooks", {
    displayName: "With headers",
    url: "https://crm.example.com/hooks",
    eventKeys: ["*"],
    headers: [{ name: "x-key", value: "k", isSensitive: false }],
  });
  await page.setViewportSize({ width: 380, height: 900 });
  await signIn(page, server, `/webhooks/${hidden.id}?tab=settings`);
  const box = page.getByRole("checkbox", { name: "Hide value" }).first();
  await box.waitFor();
  const { width, height } = (await box.boundingBox()) ?? { width: 0, height: 0 };
  expect(Math.min(width, height)).toBeGreaterThanOrEqual(24);
  expect(await violations(page)).toEqual([]);
});

test("what tells how the keyboard leaves an editor is seen while the editor has the focus", async () => {
  await signIn(page, server, "/events/send?as=json");
  const hint = page.getByText("Escape, then Tab, leaves the editor.");
  await hint.waitFor({ state: "attached" });
  expect(await hint.isVisible()).toBe(false);
  await page.locator(".cm-content").focus();
  await hint.waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  expect(await page.locator(".cm-content").evaluate(element => element === document.activeElement)).toBe(false);
});
