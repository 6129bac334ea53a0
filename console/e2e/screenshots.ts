// Screenshots of every screen at 1440 and 380 px, light and dark: `npm run screenshots`, into `screenshots/`. `SCREENS=overview,delivery`
// chooses some. Not a test: nothing is compared, somebody looks.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "vitest";
import { launch } from "./chromium";
import { signIn } from "./pages";
import { emptyScreens, fill, screens, show } from "./screens";
import { Server } from "./server";

const chosen = process.env["SCREENS"]?.split(",");
const folder = fileURLToPath(new URL("../screenshots/", import.meta.url));

test("screenshots", { timeout: 1_800_000 }, async () => {
  mkdirSync(folder, { recursive: true });
  const [server, empty, browser] = await Promise.all([Server.start(), Server.start(), launch()]);
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
        for (const [each, all] of [
          [server, await screens(server, filled)],
          [empty, await emptyScreens(empty)],
        ] as const) {
          await context.clearCookies();
          await signIn(page, each);
          for (const screen of all) {
            // The first screen of the portal is what opens it for the others.
            const opens = screen.name === "portal" && chosen?.some(name => name.startsWith("portal-"));
            if (chosen && !opens && !chosen.includes(screen.name)) continue;
            await show(page, screen);
            // What comes later: the editor, charts.
            await page.waitForLoadState("networkidle", { timeout: 1000 }).catch(() => undefined);
            await shoot(screen.name);
          }
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
