// Every screen, with data and without, light and dark, on a desk and on a telephone: no serious violation of accessibility. None on those
// that fail, either, which say what is wrong and can be tried again.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { failingScreens, SAYS, showFailing, tryAgain } from "./failing-screens";
import { type Filled, fill } from "./filled";
import { drawn, signIn, troubles, violations } from "./pages";
import { show, walks } from "./screens";
import { Server, until } from "./server";

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

/** A page of a context of its own, and what goes wrong on it. */
async function open(options: {
  colorScheme: "light" | "dark";
  locale?: string;
}): Promise<{ page: Page; found: string[] }> {
  const context = await browser.newContext({ viewport: DESK, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  return { page, found: troubles(page) };
}

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
    // All of them at once: a walk over all screens takes a while.
    const wrong: Record<string, string[]> = {};
    const found: string[] = [];
    for (const [index, walk] of walks(server, filled, empty).entries()) {
      // Words are as long and as clear in the dark.
      if (walk.locale !== "en" && colorScheme === "dark") continue;
      const { page, found: troubled } = await open({ colorScheme, locale: walk.locale });
      const look = async (name: string) => {
        const here = await wrongWith(page);
        if (here.length > 0) wrong[name] = here;
      };
      if (index === 0) {
        await page.goto(`${walk.server.url}/sign-in`);
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
        await look("sign-in");
      }
      await signIn(page, walk.server);
      for (const screen of await walk.screens()) {
        await show(page, screen);
        await look(screen.name);
      }
      found.push(...troubled);
      await page.context().close();
    }
    expect(wrong).toEqual({});
    expect(found).toEqual([]);
  },
);

// In one size and light alone: what is special in these screens is a notice, which others show in all of them. In all four ways they
// would take another two minutes.
test("every screen that cannot be read says so, keeps what is around it, and is there when it is tried again", {
  timeout: 240_000,
}, async () => {
  const { page, found } = await open({ colorScheme: "light" });
  await signIn(page, server);
  const wrong: Record<string, string[]> = {};
  for (const screen of await failingScreens(server, filled)) {
    await showFailing(page, screen);
    const { name, around } = screen;
    if (around !== undefined) {
      await page.locator("#content").getByText(around, { exact: true }).filter({ visible: true }).first().waitFor();
    }
    // Nothing goes on as if it were still to come.
    await until(async () => (await page.locator(".skeletons").count()) === 0);
    const here = await violations(page);
    if (here.length > 0) wrong[name] = here;
    await tryAgain(page, screen);
  }
  expect(wrong).toEqual({});
  // What a page could not be opened for is also written to the console.
  expect(found.filter(each => !each.toLowerCase().includes(SAYS.toLowerCase().slice(0, -1)))).toEqual([]);
  await page.context().close();
});

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
  await page.getByRole("heading", { name: "Deliveries", exact: true }).waitFor();
  await page.getByRole("link", { name: "Overview" }).waitFor({ state: "hidden" });
  await context.close();
});
