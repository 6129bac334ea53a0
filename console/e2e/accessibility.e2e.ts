// Every screen, with data and without, light and dark, on a desk and on a telephone: no serious violation of accessibility.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { drawn, signIn, troubles, violations } from "./pages";
import { emptyScreens, type Filled, fill, screens, show } from "./screens";
import { Server } from "./server";

const DESK = { width: 1280, height: 900 };
const TELEPHONE = { width: 380, height: 900 };

let browser: Browser;
let server: Server;
let empty: Server;
let filled: Filled;

beforeAll(async () => {
  [server, empty, browser] = await Promise.all([Server.start(), Server.start(), launch()]);
  filled = await fill(server);
});
afterAll(async () => {
  await browser?.close();
  await filled?.stop();
  await server?.stop();
  await empty?.stop();
});

/** The page becomes that large, and has drawn itself anew. */
async function resize(page: Page, size: { width: number; height: number }): Promise<void> {
  await page.setViewportSize(size);
  await page.evaluate(drawn);
}

/** What is wrong with the screen that is shown. It is looked at in both sizes as it stands: to show it again takes longer. */
async function wrongWith(page: Page): Promise<string[]> {
  const onDesk = await violations(page);
  await resize(page, TELEPHONE);
  const onTelephone = await violations(page);
  await resize(page, DESK);
  return [...onDesk, ...onTelephone.map(each => `at ${TELEPHONE.width} px: ${each}`)];
}

test.each(["light", "dark"] as const)(
  "no serious violation on any screen, %s",
  { timeout: 480_000 },
  async colorScheme => {
    const context = await browser.newContext({ viewport: DESK, colorScheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const found = troubles(page);
    // All of them at once: a walk over all screens takes a while.
    const wrong: Record<string, string[]> = {};
    const look = async (name: string) => {
      const here = await wrongWith(page);
      if (here.length > 0) wrong[name] = here;
    };
    await page.goto(`${server.url}/sign-in`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await look("sign-in");
    for (const [each, all] of [
      [server, await screens(server, filled)],
      [empty, await emptyScreens(empty)],
    ] as const) {
      // Cookies know no ports: of two servers on one host the second signs the first one out.
      await context.clearCookies();
      await signIn(page, each);
      for (const screen of all) {
        await show(page, screen);
        await look(screen.name);
      }
    }
    expect(wrong).toEqual({});
    expect(found).toEqual([]);
    await context.close();
  },
);

test.each(["light", "dark"] as const)("no serious violation in the menu of a telephone, %s", async colorScheme => {
  const context = await browser.newContext({ viewport: TELEPHONE, colorScheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  await signIn(page, server, "/webhooks");
  await page.getByRole("link", { name: "Audit trail" }).waitFor();
  expect(await page.getByRole("link", { name: "Deliveries" }).count()).toBe(0);
  await page.getByRole("button", { name: "Open menu" }).click();
  await page.getByRole("link", { name: "Deliveries" }).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole("link", { name: "Deliveries" }).click();
  await page.getByRole("heading", { name: "Deliveries" }).waitFor();
  await page.getByRole("link", { name: "Overview" }).waitFor({ state: "hidden" });
  await context.close();
});
