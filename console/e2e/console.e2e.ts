// The console, from signing in for the first time on: the stories that it is there for.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles } from "./pages";
import { Receiver } from "./receiver";
import { Server, until } from "./server";

let browser: Browser;
let server: Server;
let receiver: Receiver;
let page: Page;
let found: string[];

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  receiver = await Receiver.start();
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    permissions: ["clipboard-read", "clipboard-write"],
  });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
  found = troubles(page);
});
afterEach(async () => {
  await page.context().close();
  await receiver.stop();
  expect(found).toEqual([]);
});

const connect = (more: object = {}) =>
  server.call("POST", "/webhooks", {
    displayName: "CRM",
    url: receiver.url,
    secret: "a-long-secret",
    eventKeys: ["frontegg.user.created"],
    ...more,
  });

test("from signing in for the first time to the first delivered webhook", async () => {
  await page.goto(server.url);
  await page.getByLabel("Client id").fill(server.clientId);
  await page.getByLabel("Secret").fill("not the secret");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "do not belong together" }).waitFor();
  await page.getByLabel("Secret").fill(server.secret);
  await page.getByRole("button", { name: "Sign in" }).click();

  await page.getByText("The way to the first webhook").waitFor();
  await page.getByRole("link", { name: "Connect", exact: true }).click();
  await page.getByLabel("Name").fill("CRM");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("searchbox", { name: "Search events" }).fill("user created");
  await page.getByRole("checkbox", { name: "User created", exact: true }).check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("URL").fill("nonsense");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("This is no URL.").waitFor();
  await page.getByLabel("URL").fill(receiver.url);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Send test" }).click();
  await page.getByText("It works.").waitFor();
  expect(receiver.received[0]?.headers["webhook-signature"]).toMatch(/^v1,/);
  await page.getByRole("button", { name: "Create webhook" }).click();
  await page.getByText("The webhook is connected.").waitFor();

  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByRole("link", { name: "Send one" }).click();
  await page.getByLabel("user.email").fill("ada@example.com");
  await page.getByRole("button", { name: "Send event" }).click();
  await page.getByText("It goes to 1 webhook.").waitFor();
  await page.getByRole("link", { name: "See what becomes of it" }).click();
  await page.getByRole("cell", { name: "Delivered" }).waitFor();
  expect(JSON.parse(receiver.received.at(-1)?.body ?? "").user.email).toBe("ada@example.com");
});

test("a payload with a script renders as text", async () => {
  const webhook = await connect({ displayName: "<img src=x onerror=alert(1)>" });
  receiver.answer = { status: 200, body: "<script>document.title='broken'</script>" };
  const { eventId } = await server.event("acme", { user: { name: "<script>document.title='broken'</script>" } });
  const delivery = await until(async () => {
    const { items } = await server.call("GET", `/deliveries?webhookId=${webhook.id}&eventId=${eventId}`);
    return items[0]?.state === "delivered" && items[0];
  });
  await signIn(page, server, `/deliveries/${delivery.id}`);
  await page.getByText("<script>document.title='broken'</script>").first().waitFor();
  await page.getByRole("tab", { name: "Request" }).click();
  await page.getByText("<script>document.title='broken'</script>").first().waitFor();
  await page.getByText("<img src=x onerror=alert(1)>").first().waitFor();
  await expect.poll(() => page.title(), { timeout: 15_000 }).toMatch(/^User created · Delivery · .+ · Postrider$/);
});

test("custom payload with live preview", async () => {
  const webhook = await connect({ displayName: "Chat" });
  await signIn(page, server, `/webhooks/${webhook.id}`);
  await page.getByRole("button", { name: "Customize payload" }).click();
  const editor = page.getByRole("textbox", { name: "Template" });
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText('{"text": "Hello {{ user.email }}"}');
  await page.getByTestId("preview").getByText("Hello ").waitFor();
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText('{"text": "{{ user.email "}');
  await page.getByRole("alert").waitFor();
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText('{"text": "Hello {{ user.email }}", "tenant": "{{ eventContext.tenantId }}"}');
  await page.getByRole("button", { name: "Save payload" }).click();
  await page.getByText("Saved.").waitFor();
  await server.event("acme", { user: { email: 'quo"te@example.com' } });
  const got = await until(async () => receiver.received[0]);
  expect(JSON.parse(got.body)).toEqual({ text: 'Hello quo"te@example.com', tenant: "acme" });
});

test("a template is tried with what really happened before it is saved", async () => {
  await server.event("acme", { order: { total: 1 } }, "shop.order.placed");
  await server.event("globex", { order: { total: 12.5 } }, "shop.order.placed");
  await server.event("acme", { unlike: true }, "shop.order.shipped");
  // It is new: nothing was ever delivered to it.
  const webhook = await connect({ displayName: "Shop", eventKeys: ["shop.order.placed"] });
  await server.call("PATCH", `/webhooks/${webhook.id}`, { payload: { template: "{}" } });
  await signIn(page, server, `/webhooks/${webhook.id}`);
  const editor = page.getByRole("textbox", { name: "Template" });
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText('{"text": "{{ eventContext.tenantId }} paid {{ order.total }}"}');
  // The newest by itself.
  await page.getByTestId("preview").getByText("globex paid 12.5").waitFor();
  await page.getByText("Tests what you see, unsaved: Custom payload.").waitFor();
  await page.getByRole("button", { name: "Send test" }).click();
  await page.getByText("It works.").waitFor();
  expect(JSON.parse(receiver.received[0]?.body ?? "")).toEqual({ text: "globex paid 12.5" });

  const choice = page.getByLabel("Test with");
  const older = await choice.locator("option", { hasText: "Event of acme" }).getAttribute("value");
  await choice.selectOption(older);
  await page.getByTestId("preview").getByText("acme paid 1").waitFor();
  expect(new URL(page.url()).searchParams.get("with")).toBe(older);
  expect((await server.call("GET", `/webhooks/${webhook.id}`)).payload.template).toBe("{}");
});

test("a failing endpoint, its reason in plain words, the fix, a bulk resend", async () => {
  const webhook = await connect({ displayName: "Broken", retryPolicy: { delaysInSeconds: [] } });
  receiver.answer = { status: 503, body: '{"error":"maintenance"}' };
  for (let index = 0; index < 3; index++) await server.event("acme", { index });
  await until(
    async () => (await server.call("GET", `/deliveries?webhookId=${webhook.id}&state=failed`)).items.length === 3,
  );
  await signIn(page, server, `/webhooks/${webhook.id}?tab=deliveries`);
  await page.getByRole("row").filter({ hasText: "Failed" }).first().getByRole("link").click();
  await page.getByText("every attempt that the retry policy allows has failed", { exact: false }).waitFor();
  await page.getByText("The endpoint answered 503.").waitFor();
  await page.getByText("maintenance").first().waitFor();
  await page.getByRole("button", { name: "Copy as cURL" }).click();
  await page.getByText("Copied, signed as of now.").waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("webhook-signature: v1,");

  receiver.answer = { status: 200 };
  await page.goto(`${server.url}/webhooks/${webhook.id}?tab=deliveries&state=failed`);
  await page.getByRole("button", { name: "Resend all" }).click();
  await page.getByText("3 deliveries are sent again.").waitFor();
  await page.getByRole("button", { name: "Resend 3" }).click();
  await page.getByRole("dialog").getByText("Completed").waitFor();
  // The keyboard's place is in the dialog all along, and in the page after it.
  const isFocusIn = (selector: string) =>
    page.evaluate(selector => document.activeElement?.closest(selector) != null, selector);
  await expect.poll(() => isFocusIn('[role="dialog"]'), { timeout: 15_000 }).toBe(true);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await expect.poll(() => isFocusIn("#content"), { timeout: 15_000 }).toBe(true);
  await until(
    async () => (await server.call("GET", `/deliveries?webhookId=${webhook.id}&state=delivered`)).items.length === 3,
  );
});

test("the live tail shows what happens, and says how much when it is off", async () => {
  const webhook = await connect({ displayName: "Live" });
  await signIn(page, server, `/webhooks/${webhook.id}?tab=deliveries`);
  await page.locator('[data-live="open"]').waitFor();
  await server.event("acme");
  await page.getByRole("row").filter({ hasText: "Delivered" }).first().waitFor();
  await page.getByRole("switch", { name: "Live tail" }).click();
  await page.getByText("Live tail is off").waitFor();
  await server.event("acme");
  await page.getByRole("button", { name: "Show 1 new delivery" }).click();
  await until(async () => (await page.getByRole("row").filter({ hasText: "Delivered" }).count()) === 2);
});

test("replay of a time range with progress", async () => {
  for (let index = 0; index < 5; index++) await server.event("replayed", { index }, "orders.paid");
  await connect({ displayName: "Late", eventKeys: ["orders.*"] });
  await signIn(page, server, "/replays/new?tenant=replayed");
  await page.getByRole("checkbox", { name: "Late" }).check();
  await page.getByText("5 deliveries will be made.").waitFor();
  await page.getByRole("button", { name: "Start replay" }).click();
  await page.getByRole("heading", { name: "Replay", exact: true }).waitFor();
  await page.locator('[data-job-state="completed"]').waitFor();
  await page.getByText("5 of 5").waitFor();
  await until(async () => receiver.received.length === 5);
});

test("a secret is rotated with an overlap", async () => {
  const webhook = await connect({ displayName: "Rotated" });
  await signIn(page, server, `/webhooks/${webhook.id}?tab=settings`);
  await page.getByRole("button", { name: "Reveal secret" }).click();
  await page.getByText("a-long-secret").waitFor();
  await page.getByRole("button", { name: "Rotate secret" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate secret" }).click();
  await page.getByText("The old secret is valid until").waitFor();
  await server.event("acme");
  const got = await until(async () => receiver.received[0]);
  expect(String(got.headers["webhook-signature"]).split(" ")).toHaveLength(2);
  await page.getByRole("button", { name: "End it now" }).click();
  await page.getByText("Only the new secret is valid.").waitFor();
});

test("secrets of the environment are made and revoked, and it is renamed", async () => {
  await signIn(page, server, "/settings?tab=credentials");
  const own = page.getByRole("row").filter({ hasText: "in use here" });
  await own.waitFor();
  expect(await own.getByRole("button", { name: "Revoke" }).count()).toBe(0);
  await page.getByRole("button", { name: "Create secret" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("billing service");
  await page.getByRole("dialog").getByRole("button", { name: "Create secret" }).click();
  const secret = (await page.getByTestId("new-secret").textContent()) ?? "";
  await page.getByRole("button", { name: "I have kept it" }).click();
  const signsIn = async () => {
    const body = JSON.stringify({ clientId: server.clientId, secret: secret.trim() });
    const headers = { "content-type": "application/json" };
    return (await fetch(`${server.url}/auth/vendor`, { method: "POST", headers, body })).status;
  };
  expect(await signsIn()).toBe(200);
  await page.getByRole("row").filter({ hasText: "billing service" }).getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("alertdialog").or(page.getByRole("dialog")).getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("row").filter({ hasText: "billing service" }).getByText("Revoked").waitFor();
  expect(await signsIn()).toBe(401);

  await page.getByRole("tab", { name: "Environment" }).click();
  const name = page.getByLabel("Name", { exact: true });
  const before = await name.inputValue();
  for (const next of ["Renamed", before]) {
    await name.fill(next);
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").first().waitFor();
    await until(async () => (await server.call("GET", `/environments/${server.clientId}`)).name === next);
    await page.getByText("Saved.").first().waitFor({ state: "detached" });
  }
});

test("an environment keeps its events for days of its own, and fewer are asked for once more", async () => {
  await signIn(page, server, "/settings");
  await page.getByText("A number of days of its own").click();
  await page.getByLabel("Days", { exact: true }).fill("7");
  await page.getByRole("button", { name: "Save" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("is deleted within minutes").waitFor();
  await dialog.getByRole("textbox").fill((await server.call("GET", `/environments/${server.clientId}`)).name);
  await dialog.getByRole("button", { name: "Delete what is older" }).click();
  await until(async () => (await server.call("GET", "/retention")).days === 7);
  await page.getByText("Saved.").first().waitFor({ state: "detached" });
  // More takes nothing away, and so asks nothing.
  await page.getByText("As the server is configured").click();
  await page.getByRole("button", { name: "Save" }).click();
  await until(async () => (await server.call("GET", "/retention")).days === null);
});

test("a URL that leads to another server asks for what is hidden once more", async () => {
  const webhook = await connect({
    displayName: "Hidden",
    headers: [{ name: "x-key", value: "s3cret", isSensitive: true }],
  });
  const other = await Receiver.start();
  await signIn(page, server, `/webhooks/${webhook.id}?tab=settings`);
  await page.getByLabel("URL").fill(other.url);
  await page.getByText("enter it again").waitFor();
  const save = page.getByRole("button", { name: "Save" }).first();
  await save.click();
  await page.getByText("This is needed.").waitFor();
  await page.getByLabel("x-key").fill("for the new one");
  await save.click();
  await until(async () => (await server.call("GET", `/webhooks/${webhook.id}`)).url === other.url);
  await server.event("acme");
  const got = await until(async () => other.received[0]);
  expect(got.headers["x-key"]).toBe("for the new one");
  await other.stop();
});

test("signing out ends the session", async () => {
  await signIn(page, server, "/events?matched=false");
  expect(new URL(page.url()).search).toBe("?matched=false");
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Lax" });

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto(`${server.url}/settings`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});
