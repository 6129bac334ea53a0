// The console of somebody who signed in with a credential that only looks: everything is there but what changes something.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { troubles, violations } from "./pages";
import { Receiver } from "./receiver";
import { Server } from "./server";

let browser: Browser;
let server: Server;
let receiver: Receiver;

beforeAll(async () => {
  [server, browser, receiver] = await Promise.all([Server.start(), launch(), Receiver.start()]);
});
afterAll(async () => {
  await browser?.close();
  await receiver?.stop();
  await server?.stop();
});

const credential = (scope: string) =>
  server.call("POST", `/environments/${server.clientId}/credentials`, { name: `to ${scope}`, scope });

test("with a credential that looks nothing can be changed, and the console says so", async () => {
  const webhook = await server.call("POST", "/webhooks", {
    displayName: "CRM",
    url: receiver.url,
    secret: "a-long-secret",
    eventKeys: ["frontegg.user.created"],
  });
  const { secret } = await credential("read");
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(20_000);
  const found = troubles(page);
  await page.goto(server.url);
  await page.getByLabel("Client id").fill(server.clientId);
  await page.getByLabel("Secret").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("looks and changes nothing").waitFor();
  expect(await violations(page)).toEqual([]);

  const nothing = async (path: string, shown: string, names: string[]) => {
    await page.goto(server.url + path);
    await page.locator("#content").getByText(shown).first().waitFor();
    for (const name of names) {
      expect(await page.getByRole("button", { name }).count(), `${path}: ${name}`).toBe(0);
      expect(await page.getByRole("link", { name }).count(), `${path}: ${name}`).toBe(0);
    }
  };
  await nothing("/webhooks", "CRM", ["Connect"]);
  await nothing(`/webhooks/${webhook.id}?tab=settings`, "Deadline", [
    "Save",
    "Rotate secret",
    "Reveal secret",
    "Delete",
  ]);
  await nothing("/events", "Events", ["Send event"]);
  await nothing("/event-types", "User created", ["New event type", "New category"]);
  await nothing("/portal-settings", "Who sees webhooks", ["Save"]);
  await nothing("/portal-settings?tab=sessions", "No sessions", ["Revoke", "Open"]);
  await nothing("/settings?tab=credentials", "configuration", ["Create secret", "Revoke"]);
  await nothing("/settings?tab=issuer", "Issuer (iss)", ["Save"]);
  for (const path of ["/events/send", "/webhooks/connect", "/event-types/new", "/replays/new"]) {
    await page.goto(server.url + path);
    await page.getByText("You can look around here, and change nothing").waitFor();
    expect(await page.locator("#content").locator("input, textarea, select, button").count(), path).toBe(0);
  }
  expect(found).toEqual([]);
  await page.context().close();
});

test("a tenant's user who only looks gets no form by its address", async () => {
  await server.call("PUT", "/portal-settings", { webhooks: "always" });
  const form = { tenantId: "acme", permissions: ["fe.connectivity.read.*"] };
  const { url } = await server.call("POST", "/portal-links", form);
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(url);
  await page.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
  const session = new URL(page.url()).searchParams.get("session");
  for (const path of ["webhooks/connect", "replays/new"]) {
    await page.goto(`${server.url}/portal/${server.clientId}/${path}?session=${session}`);
    await page.getByText("You can look around here, and change nothing").waitFor();
  }
  await page.context().close();
});

test("a credential that reports events does not sign in, and is told why", async () => {
  const { secret } = await credential("events");
  const page = await (await browser.newContext()).newPage();
  await page.goto(server.url);
  await page.getByLabel("Client id").fill(server.clientId);
  await page.getByLabel("Secret").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "it reports events and shows nothing" }).waitFor();
  await page.context().close();
});
