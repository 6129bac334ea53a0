// Every screen, with data and without, light and dark: no serious violation of accessibility.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles, violations } from "./pages";
import { emptyScreens, type Filled, fill, screens, show } from "./screens";
import { Server } from "./server";

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

test.each(["light", "dark"] as const)(
  "no serious violation on any screen, %s",
  { timeout: 480_000 },
  async colorScheme => {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      colorScheme,
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const found = troubles(page);
    // All of them at once: a walk over all screens takes a while.
    const wrong: Record<string, string[]> = {};
    await page.goto(`${server.url}/sign-in`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await violations(page), "sign-in").toEqual([]);
    for (const [each, all] of [
      [server, await screens(server, filled)],
      [empty, await emptyScreens(empty)],
    ] as const) {
      // Cookies know no ports: of two servers on one host the second signs the first one out.
      await context.clearCookies();
      await signIn(page, each);
      for (const screen of all) {
        await show(page, screen);
        const here = await violations(page);
        if (here.length > 0) wrong[screen.name] = here;
      }
    }
    expect(wrong).toEqual({});
    expect(found).toEqual([]);
    await context.close();
  },
);
