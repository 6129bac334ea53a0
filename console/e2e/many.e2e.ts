// A hundred thousand deliveries behind the table: however far one scrolls, and while new ones come, the document stays small and the rows
// right, pages are read as one comes to them, and a new row leaves the others alone. How evenly it is drawn is told in the output.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { drawn, signIn, troubles } from "./pages";
import { Receiver } from "./receiver";
import { deliveryRow, ROWS } from "./rows";
import { Server } from "./server";

const COUNT = 100_000;
const PAGE = 2000;
/** Frames that are measured, and how far each scrolls, in pixels: eight rows. */
const FRAMES = 240;
const STEP = 400;
/** Rows that there may be in the document: what a screen shows and a little around it, however many there are. */
const MOST = 100;
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

interface Watched {
  /** The most rows that were in the document at a time. */
  most: number;
  /** The deliveries whose rows were put into the document, once for each time. */
  added: string[];
  /** The deliveries in whose rows anything changed; that a row is moved is not meant. */
  changed: string[];
}

/** Watches the rows of the table from now on. What it gives tells what has happened, and stops watching. */
async function watchRows(page: Page): Promise<() => Promise<Watched>> {
  const watch = await page.evaluateHandle(() => {
    const seen: Watched = { most: 0, added: [], changed: [] };
    const take = (records: MutationRecord[]) => {
      seen.most = Math.max(seen.most, document.querySelectorAll("[data-delivery]").length);
      for (const { target, addedNodes } of records) {
        const element = target instanceof Element ? target : target.parentElement;
        const row = element?.closest("[data-delivery]")?.getAttribute("data-delivery");
        if (row) seen.changed.push(row);
        for (const node of addedNodes) {
          const id = node instanceof Element && node.getAttribute("data-delivery");
          if (id) seen.added.push(id);
        }
      }
    };
    const observer = new MutationObserver(take);
    observer.observe(document.body, { childList: true, subtree: true, characterData: true });
    return () => {
      take(observer.takeRecords());
      observer.disconnect();
      return seen;
    };
  });
  return () => watch.evaluate(stop => stop());
}

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
  const fetched: number[] = [];
  const rowsInDocument = () => page.locator("[data-delivery]").count();
  await page.route(/\/api\/v1\/deliveries\?/, async route => {
    const start = Number(new URL(route.request().url()).searchParams.get("cursor") ?? "0");
    fetched.push(start);
    const items = Array.from({ length: PAGE }, (_, index) => deliveryRow(start + index, COUNT));
    const next = start + PAGE;
    await route.fulfill({ json: { items, nextCursor: next < COUNT ? String(next) : null, searchedUntil: null } });
  });
  await signIn(page, server, "/deliveries");
  await page.getByText("row.0", { exact: true }).waitFor();
  // It reads the list once more as it opens.
  await page.locator('[data-live="open"]').waitFor();
  // The first page alone: no other is read before one comes near its end.
  expect(new Set(fetched)).toEqual(new Set([0]));
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
  expect(await rowsInDocument()).toBeLessThan(MOST);
  expect(new Set(fetched).size).toBe(COUNT / PAGE);
  const pages = fetched.length;
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight / 2));
  await page.waitForFunction(
    () => Number(document.querySelector("[data-delivery]")?.getAttribute("aria-rowindex")) > 40_000,
  );
  expect(await rowsInDocument()).toBeLessThan(MOST);

  const scrolled = await watchRows(page);
  tell("scrolling through 100,000 rows", await framesOf(page, FRAMES, STEP));
  expect((await scrolled()).most).toBeLessThan(MOST);

  await page.evaluate(() => window.scrollTo(0, 0));
  await page.getByText("row.0", { exact: true }).waitFor();
  await server.call("POST", "/webhooks", { displayName: "Busy", url: receiver.url, eventKeys: ["*"] });
  await page.evaluate(drawn);
  const watched = await watchRows(page);
  const tailing = framesOf(page, FRAMES, 0);
  for (let index = 0; index < NEW; index++) await server.event("acme", { index }, `new.${index}`);
  tell(`${NEW} new deliveries on top of 100,000 rows`, await tailing);
  await page.getByText(`new.${NEW - 1}`, { exact: true }).waitFor();
  const { most, added, changed } = await watched();
  expect(most).toBeLessThan(MOST);
  // Each new row is made once. The others are moved: none is made anew, and nothing in them changes.
  expect(added.length).toBeLessThanOrEqual(NEW);
  expect(new Set(added).size).toBe(added.length);
  expect([...added, ...changed].filter(id => id.startsWith(ROWS))).toEqual([]);
  // What was read once was not read again, neither on the way back nor for what is new.
  expect(fetched.length).toBe(pages);
  expect(found).toEqual([]);
});
