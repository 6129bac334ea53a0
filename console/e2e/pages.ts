//! What every test does with a page.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Frame, Page } from "playwright-core";
import type { Server } from "./server";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function signIn(page: Page, server: Server, path = "/", secret = server.secret): Promise<void> {
  await page.goto(server.url + path);
  await fillSignIn(page, server, secret);
}

/** Signs in on the page that asks for it. */
export async function fillSignIn(page: Page, server: Server, secret = server.secret): Promise<void> {
  await page.getByLabel("Client id").fill(server.clientId);
  await page.getByLabel("Secret").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor({ state: "detached" });
  await page.locator("#content").waitFor();
}

/** What a page evaluates to have drawn what it was told. */
export const drawn = () =>
  new Promise<void>(resolve => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));

/** Everything that goes wrong on a page: errors of scripts, and what the policy of the page refuses. */
export function troubles(page: Page): string[] {
  const found: string[] = [];
  page.on("pageerror", error => found.push(`error: ${error.message}`));
  page.on("console", message => {
    const text = message.text();
    // Statuses are the tests' own business; Chromium writes each to the console.
    if (message.type() === "error" && !text.startsWith("Failed to load resource")) found.push(`console: ${text}`);
  });
  page.on("request", request => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1" && hostname !== "localhost")
      found.push(`third party: ${request.url()}`);
  });
  return found;
}

/** Serious and critical violations of accessibility, in words. */
export async function violations(page: Page | Frame): Promise<string[]> {
  // The page's policy refuses scripts that are added to it; the debugger may evaluate them.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  return page.evaluate(async () => {
    // What fades in is not yet in its own colours.
    const ends = (each: Animation) => each.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY;
    await Promise.allSettled(
      document
        .getAnimations()
        .filter(ends)
        .map(each => each.finished),
    );
    // What WCAG 2.2 asks of the size of targets is off by default.
    const options = { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } };
    // biome-ignore lint/suspicious/noExplicitAny: axe puts itself on the window
    const { violations } = await (window as any).axe.run(document, options);
    return violations
      .filter((each: { impact: string }) => each.impact === "serious" || each.impact === "critical")
      .map(
        (each: { id: string; nodes: { target: string[]; failureSummary: string }[] }) =>
          `${each.id}: ${each.nodes
            .slice(0, 3)
            .map(node => `${node.target.join(" ")} (${node.failureSummary.replace(/\s+/g, " ").slice(0, 200)})`)
            .join("; ")}`,
      );
  });
}
