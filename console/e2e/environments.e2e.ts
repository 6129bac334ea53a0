// Two environments in one console, one of them production: which one is worked in is seen, and what belongs to the other is not.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles } from "./pages";
import { Server, until } from "./server";

let browser: Browser;
let server: Server;
let production: { clientId: string; secret: string };

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
  production = JSON.parse(await server.command("environment", "create", "Production"));
  const webhook = { displayName: "Of development", url: "http://127.0.0.1:9/hooks", eventKeys: ["*"] };
  await server.call("POST", "/webhooks", webhook);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const choose = async (page: Page, from: string, to: string) => {
  await page.getByRole("button", { name: `Environment: ${from}` }).click();
  await page.getByRole("menuitem", { name: to, exact: true }).click();
  await page.getByRole("button", { name: `Environment: ${to}` }).waitFor();
};

test("production looks different, and each environment shows its own webhooks", async () => {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(20_000);
  const found = troubles(page);
  const looksLikeProduction = async () => (await page.locator(".shell-production").count()) === 1;
  await signIn(page, server, "/webhooks");
  await page.getByRole("link", { name: "Of development" }).waitFor();
  const { name } = await server.call("GET", `/environments/${server.clientId}`);
  expect(await looksLikeProduction()).toBe(false);

  await page.getByRole("button", { name: `Environment: ${name}` }).click();
  await page.getByRole("menuitem", { name: "Sign in to another…" }).click();
  await page.getByLabel("Client id").fill(production.clientId);
  await page.getByLabel("Secret").fill(production.secret);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Environment: Production" }).waitFor();
  await until(looksLikeProduction);
  await page.getByRole("link", { name: "Webhooks", exact: true }).first().click();
  await page.getByText("No webhooks yet").waitFor();
  // On a narrow screen, where the side is a drawer, the bar says it in a word.
  await page.setViewportSize({ width: 380, height: 800 });
  await page.getByRole("banner").getByText("Production", { exact: true }).waitFor();
  // Whoever chooses another one in the drawer finds the page behind it usable.
  await page.getByRole("button", { name: "Open menu" }).click();
  await page.locator("#content[inert]").waitFor();
  await page.getByRole("button", { name: "Environment: Production" }).click();
  await page.getByRole("menuitem", { name, exact: true }).click();
  await page.locator("#content:not([inert])").waitFor();
  await page.setViewportSize({ width: 1280, height: 900 });
  await choose(page, name, "Production");
  await until(looksLikeProduction);

  await choose(page, "Production", name);
  await until(async () => !(await looksLikeProduction()));
  await page.getByRole("link", { name: "Webhooks", exact: true }).first().click();
  await page.getByRole("link", { name: "Of development" }).waitFor();
  // Each tab stays where it is.
  await page.reload();
  await page.getByRole("link", { name: "Of development" }).waitFor();
  expect(found).toEqual([]);
  await page.context().close();
});

test("leaving a page or a tab with something unsaved asks first", async () => {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(20_000);
  const [webhook] = (await server.call("GET", "/webhooks")).items;
  await signIn(page, server, `/webhooks/${webhook.id}?tab=settings`);
  await page.getByLabel("Name", { exact: true }).fill("Half of a na");
  await page.getByRole("link", { name: "Deliveries", exact: true }).click();
  await page.getByRole("button", { name: "Keep editing" }).click();
  await page.getByRole("tab", { name: "Body" }).click();
  await page.getByRole("button", { name: "Keep editing" }).click();
  expect(await page.getByLabel("Name", { exact: true }).inputValue()).toBe("Half of a na");
  await page.getByRole("link", { name: "Deliveries", exact: true }).click();
  await page.getByRole("button", { name: "Leave and lose them" }).click();
  await page.getByRole("heading", { name: "Deliveries", exact: true }).waitFor();
  await page.context().close();
});
