// A hundred thousand deliveries behind the table: however far one scrolls, and while new ones come, the document stays small, the rows
// right, and how evenly it is drawn is told in the output.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles } from "./pages";
import { Receiver } from "./receiver";
import { deliveryRow } from "./rows";
import { Server } from "./server";

const COUNT = 100_000;
const PAGE = 2000;
/** Frames that are measured, and how far each scrolls, in pixels: eight rows. */
const FRAMES = 240;
const STEP = 400;
/** New deliveries while the table is at its top. */
const NEW = 60;

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

/** The times between so many frames, in milliseconds, while each scrolls by so many pixels. */
const framesOf = (page: Page, count: number, step: number): Promise<number[]> =>
  page.evaluate(
    ([count, step]) =>
      new Promise<number[]>(resolve => {
        const times: number[] = [];
        let last: number | undefined;
        const next = (now: number) => {
          if (last !== undefined) times.push(now - last);
          last = now;
          if (times.length >= count) return resolve(times);
          window.scrollBy(0, step);
          requestAnimationFrame(next);
        };
        requestAnimationFrame(next);
      }),
    [count, step] as const,
  );

/** For docs/performance.md. Not asserted: it says as much about the machine as about the table. */
function tell(what: string, times: number[]): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => (sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN).toFixed(1);
  // biome-ignore lint/suspicious/noConsole: the figure is what is wanted
  console.log(`${what}: ${times.length} frames, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms`);
}

test("the table of deliveries holds 100,000 rows", { timeout: 180_000 }, async () => {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(30_000);
  const found = troubles(page);
  const rowsInDocument = () => page.locator("[data-delivery]").count();
  await page.route(/\/api\/v1\/deliveries\?/, async route => {
    const start = Number(new URL(route.request().url()).searchParams.get("cursor") ?? "0");
    const items = Array.from({ length: PAGE }, (_, index) => deliveryRow(start + index, COUNT));
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
  expect(await rowsInDocument()).toBeLessThan(100);
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight / 2));
  await page.waitForFunction(
    () => Number(document.querySelector("[data-delivery]")?.getAttribute("aria-rowindex")) > 40_000,
  );
  expect(await rowsInDocument()).toBeLessThan(100);

  tell("scrolling through 100,000 rows", await framesOf(page, FRAMES, STEP));
  expect(await rowsInDocument()).toBeLessThan(100);

  await page.evaluate(() => window.scrollTo(0, 0));
  await page.getByText("row.0", { exact: true }).waitFor();
  await server.call("POST", "/webhooks", { displayName: "Busy", url: receiver.url, eventKeys: ["*"] });
  await page.locator('[data-live="open"]').waitFor();
  const tailing = framesOf(page, FRAMES, 0);
  for (let index = 0; index < NEW; index++) await server.event("acme", { index }, `new.${index}`);
  tell(`${NEW} new deliveries on top of 100,000 rows`, await tailing);
  await page.getByText(`new.${NEW - 1}`, { exact: true }).waitFor();
  expect(await rowsInDocument()).toBeLessThan(100);
  expect(found).toEqual([]);
});
