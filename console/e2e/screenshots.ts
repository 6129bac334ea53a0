// Screenshots of every screen at 1440 and 380 px, light and dark: `npm run screenshots`, into `screenshots/`. `SCREENS=overview,delivery`
// chooses some. Not a test: nothing is compared, somebody looks.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { test } from "vitest";
import { launch } from "./chromium";
import { failingScreens, showFailing } from "./failing-screens";
import { fill } from "./filled";
import { signIn } from "./pages";
import { type Screen, show, walks } from "./screens";
import { Server } from "./server";

const chosen = process.env["SCREENS"]?.split(",");
const folder = fileURLToPath(new URL("../screenshots/", import.meta.url));

/** The first screen of a portal is what opens it for the others. */
const OPENS = /^(portal|portal-german|failing-portal-webhooks)$/;

const isWanted = ({ name }: Screen) =>
  !chosen ||
  chosen.includes(name) ||
  (OPENS.test(name) && chosen.some(each => each.startsWith(name.replace("webhooks", ""))));

test("screenshots", { timeout: 1_800_000 }, async () => {
  mkdirSync(folder, { recursive: true });
  const [server, empty, browser] = await Promise.all([Server.start(), Server.start(), launch()]);
  const filled = await fill(server);
  try {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [1440, 380]) {
        const around = { viewport: { width, height: 900 }, colorScheme, reducedMotion: "reduce" } as const;
        const shoot = (page: Page, name: string) =>
          page.screenshot({
            path: `${folder}${name}-${width}-${colorScheme}.png`,
            fullPage: !name.includes("deliveries"),
          });
        for (const [index, walk] of walks(server, filled, empty).entries()) {
          const context = await browser.newContext({ ...around, locale: walk.locale });
          const page = await context.newPage();
          if (index === 0 && !chosen) {
            await page.goto(`${walk.server.url}/sign-in`);
            await page.getByRole("heading", { name: "Sign in" }).waitFor();
            await shoot(page, "sign-in");
          }
          await signIn(page, walk.server);
          for (const screen of (await walk.screens()).filter(isWanted)) {
            await show(page, screen);
            // What comes later: the editor, charts.
            await page.waitForLoadState("networkidle", { timeout: 1000 }).catch(() => undefined);
            await shoot(page, screen.name);
          }
          await context.close();
        }
        const context = await browser.newContext(around);
        const page = await context.newPage();
        await signIn(page, server);
        for (const screen of (await failingScreens(server, filled)).filter(isWanted)) {
          await showFailing(page, screen);
          await shoot(page, screen.name);
        }
        await context.close();
      }
    }
  } finally {
    await browser.close();
    await filled.stop();
    await server.stop();
    await empty.stop();
  }
});
