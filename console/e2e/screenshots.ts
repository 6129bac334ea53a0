// Screenshots of every screen at 1440 and 380 px, light and dark: `npm run screenshots`, into `screenshots/`. `SCREENS=overview,delivery`
// chooses some. Not a test: nothing is compared, somebody looks.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "vitest";
import { launch } from "./chromium";
import { signIn } from "./pages";
import { fill, screens } from "./screens";
import { Server } from "./server";

const chosen = process.env["SCREENS"]?.split(",");
const folder = fileURLToPath(new URL("../screenshots/", import.meta.url));

test("screenshots", { timeout: 600_000 }, async () => {
  mkdirSync(folder, { recursive: true });
  const [server, browser] = await Promise.all([Server.start(), launch()]);
  const filled = await fill(server);
  try {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [1440, 380]) {
        const context = await browser.newContext({
          viewport: { width, height: 900 },
          colorScheme,
          reducedMotion: "reduce",
        });
        const page = await context.newPage();
        const shoot = (name: string) =>
          page.screenshot({
            path: `${folder}${name}-${width}-${colorScheme}.png`,
            fullPage: !name.includes("deliveries"),
          });
        await page.goto(`${server.url}/sign-in`);
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
        if (!chosen) await shoot("sign-in");
        await signIn(page, server);
        for (const screen of await screens(server, filled)) {
          if (chosen && !chosen.includes(screen.name)) continue;
          await page.goto(screen.url);
          await page.getByText(screen.shows).filter({ visible: true }).first().waitFor();
          // What comes later: the editor, charts.
          await page.waitForLoadState("networkidle", { timeout: 2000 }).catch(() => undefined);
          await shoot(screen.name);
        }
        await context.close();
      }
    }
  } finally {
    await browser.close();
    await filled.stop();
    await server.stop();
  }
});
