// A hundred thousand deliveries behind the table: however far one scrolls, the document stays small and the rows right.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles } from "./pages";
import { Server } from "./server";

const COUNT = 100_000;
const PAGE = 2000;

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const row = (index: number) => ({
  id: `01930000-0000-7000-8000-${String(COUNT - index).padStart(12, "0")}`,
  eventId: "01930000-0000-7000-8000-000000000000",
  webhookId: "01930000-0000-7000-8000-000000000001",
  eventKey: `row.${index}`,
  tenantId: "acme",
  state: "delivered",
  origin: "event",
  attempts: 1,
  createdAt: "2026-01-01T00:00:00Z",
  lastAttempt: { id: "01930000-0000-7000-8000-000000000002", startedAt: "2026-01-01T00:00:00Z", statusCode: 200 },
});

test("the table of deliveries holds 100,000 rows", { timeout: 180_000 }, async () => {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(30_000);
  const found = troubles(page);
  await page.route(/\/api\/v1\/deliveries\?/, async route => {
    const start = Number(new URL(route.request().url()).searchParams.get("cursor") ?? "0");
    const items = Array.from({ length: PAGE }, (_, index) => row(start + index));
    const next = start + PAGE;
    await route.fulfill({ json: { items, nextCursor: next < COUNT ? String(next) : null, searchedUntil: null } });
  });
  await signIn(page, server, "/deliveries");
  await page.getByText("row.0", { exact: true }).waitFor();
  // To the end, again and again, until there is no more.
  await page.waitForFunction(
    count => {
      window.scrollTo(0, document.documentElement.scrollHeight);
      return document.querySelector('[role="table"]')?.getAttribute("aria-rowcount") === String(count + 1);
    },
    COUNT,
    { polling: 30, timeout: 120_000 },
  );
  await page.getByText(`row.${COUNT - 1}`, { exact: true }).waitFor();
  expect(await page.locator("[data-delivery]").count()).toBeLessThan(100);
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight / 2));
  await page.waitForFunction(
    () => Number(document.querySelector("[data-delivery]")?.getAttribute("aria-rowindex")) > 40_000,
  );
  expect(await page.locator("[data-delivery]").count()).toBeLessThan(100);
  expect(found).toEqual([]);
});
