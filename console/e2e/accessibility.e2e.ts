// Every screen, with data and without, light and dark: no serious violation of accessibility.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles, violations } from "./pages";
import { type Filled, fill, screens } from "./screens";
import { Server } from "./server";

let browser: Browser;
let server: Server;
let filled: Filled;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  filled = await fill(server);
});
afterAll(async () => {
  await browser?.close();
  await filled?.stop();
  await server?.stop();
});

test.each(["light", "dark"] as const)(
  "no serious violation on any screen, %s",
  { timeout: 240_000 },
  async colorScheme => {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      colorScheme,
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const found = troubles(page);
    await page.goto(`${server.url}/sign-in`);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    expect(await violations(page), "sign-in").toEqual([]);
    await signIn(page, server);
    for (const screen of await screens(server, filled)) {
      await page.goto(screen.url);
      await page.getByText(screen.shows).filter({ visible: true }).first().waitFor();
      expect(await violations(page), screen.name).toEqual([]);
    }
    expect(found).toEqual([]);
    await context.close();
  },
);
