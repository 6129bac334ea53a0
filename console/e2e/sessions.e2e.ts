// Sessions that end while their pages are open: by a revoked secret, by a token's time, by a portal's.
import { createHmac } from "node:crypto";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { launch } from "./chromium";
import { drawn, fillSignIn, signIn, troubles } from "./pages";
import { startPage } from "./receiver";
import { Server, until } from "./server";

/** The shortest that a portal can be open, in seconds. */
const SHORTEST = 60;
/** How far the clock of an issuer of tokens may be from the server's, in seconds: so much longer a token counts. */
const LEEWAY = 60;
const ISSUER = { issuer: "https://issuer.example", secret: "a secret that is shared with the issuer" };

let browser: Browser;
let server: Server;
let product: Awaited<ReturnType<typeof startPage>>;
/** Pages of one portal that is open for a minute, from before the other tests on: one that follows what happens, one that does not. */
let short: BrowserContext;
let follows: Page;
let rests: Page;
let found: string[][];

const html = () => `<!doctype html><title>Product</title>
<script type="module" src="${server.url}/portal/embed.js"></script>
<postrider-portal portal="${server.url}/portal/${server.clientId}"></postrider-portal>
<script>
  window.expired = 0;
  document.querySelector("postrider-portal").addEventListener("postrider-expired", () => window.expired++);
</script>`;

async function opened(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  return page;
}

beforeAll(async () => {
  [server, browser, product] = await Promise.all([Server.start(), launch(), startPage(html)]);
  await server.call("PUT", "/portal-settings", { webhooks: "always", allowedOrigins: [product.origin] });
  await server.call("PUT", "/trusted-issuer", { ...ISSUER, audience: server.clientId });
  const form = { tenantId: "acme", permissions: ["fe.connectivity.*"], expiresInSeconds: SHORTEST };
  const { url } = await server.call("POST", "/portal-links", form);
  short = await browser.newContext();
  [follows, rests] = [await opened(short), await opened(short)];
  found = [troubles(follows), troubles(rests)];
  await follows.goto(url);
  await follows.getByText("No webhooks yet").waitFor();
  const session = new URL(follows.url()).searchParams.get("session");
  await rests.goto(`${server.url}/portal/${server.clientId}/event-types?session=${session}`);
  await rests.getByRole("heading", { name: "Event types", exact: true }).waitFor();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await product?.stop();
});

let contexts: BrowserContext[] = [];
afterEach(async () => {
  for (const context of contexts) await context.close();
  contexts = [];
});
async function newPage(): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  contexts.push(context);
  return opened(context);
}

/** A secret of the environment's, and how it is revoked. */
async function credential(name: string): Promise<{ secret: string; revoke: () => Promise<void> }> {
  const path = `/environments/${server.clientId}/credentials`;
  const { id, secret } = await server.call("POST", path, { name });
  return { secret, revoke: () => server.call("DELETE", `${path}/${id}`) };
}

test("a revoked secret leads a page that follows to signing in, and from there back to where it was", async () => {
  const page = await newPage();
  const wrong = troubles(page);
  const { secret, revoke } = await credential("a colleague's");
  await signIn(page, server, "/deliveries?state=failed&since=24h", secret);
  await page.locator('[data-live="open"]').waitFor();
  await revoke();
  // Nobody does anything on the page.
  await page.getByText("Your session has ended.").waitFor();
  expect(await page.locator("#content").count()).toBe(0);
  await fillSignIn(page, server);
  await page.locator('[data-live="open"]').waitFor();
  expect(page.url()).toBe(`${server.url}/deliveries?state=failed&since=24h`);
  expect(wrong).toEqual([]);
});

test("a page that does not follow finds out with what is done next, and goes on with that", async () => {
  const page = await newPage();
  const wrong = troubles(page);
  const { secret, revoke } = await credential("another colleague's");
  await signIn(page, server, "/settings", secret);
  await page.getByText("Source addresses").first().waitFor();
  await revoke();
  await page.getByRole("link", { name: "Webhooks", exact: true }).click();
  await page.getByText("Your session has ended.").waitFor();
  await fillSignIn(page, server);
  await page.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
  expect(wrong).toEqual([]);
});

/** A token of a user's that the server takes for so many seconds more. */
function tokenFor(seconds: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + seconds - LEEWAY;
  const claims = { iss: ISSUER.issuer, aud: server.clientId, sub: "ada", tenantId: "acme", exp };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", ISSUER.secret).update(signed).digest("base64url")}`;
}

/** The product gives the portal in it a token. */
const give = (page: Page, token: string) =>
  page.evaluate(given => {
    (document.querySelector("postrider-portal") as HTMLElement & { token: string }).token = given;
  }, token);

test("a token that is renewed in time goes on with the stream, and leaves alone what is being written", async () => {
  const page = await newPage();
  const wrong = troubles(page);
  const streams: string[] = [];
  page.on("request", request => {
    if (request.url().includes("/deliveries/stream")) streams.push(request.headers()["authorization"] ?? "");
  });
  await page.goto(product.origin);
  const portal = page.frameLocator("postrider-portal iframe");
  const [old, next] = [tokenFor(6), tokenFor(600)];
  await give(page, old);
  const connect = portal.getByRole("link", { name: /Connect/ }).first();
  await connect.waitFor();
  await until(async () => streams.length > 0);
  await give(page, next);
  // The old one ends by itself, and with it the stream that it opened.
  await until(async () => streams.length > 1);
  expect(streams).toEqual([`Bearer ${old}`, `Bearer ${next}`]);
  await server.call("POST", "/webhooks", {
    displayName: "Acme's",
    tenantId: "acme",
    url: "http://127.0.0.1:9/hooks",
    eventKeys: ["*"],
    retryPolicy: { delaysInSeconds: [] },
  });
  await server.event("acme");
  await portal.getByRole("link", { name: "Acme's" }).waitFor();

  await connect.click();
  const name = portal.getByLabel("Name");
  await name.fill("Half written");
  const looked = page.waitForResponse(response => response.url().endsWith("/api/v1/portal-session") && response.ok());
  await give(page, tokenFor(900));
  await looked;
  await name.evaluate(drawn);
  expect(await name.inputValue()).toBe("Half written");
  expect(wrong).toEqual([]);
});

test("a token that nobody renews ends the portal without a click, and the next one opens it again", async () => {
  const page = await newPage();
  const wrong = troubles(page);
  await page.goto(product.origin);
  const portal = page.frameLocator("postrider-portal iframe");
  await give(page, tokenFor(6));
  await portal.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
  await portal.getByText("This session has ended").waitFor();
  expect(await portal.getByRole("heading", { name: "Webhooks", exact: true }).count()).toBe(0);
  expect(await page.evaluate(() => (window as unknown as { expired: number }).expired)).toBe(1);
  await give(page, tokenFor(600));
  await portal.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
  expect(wrong).toEqual([]);
});

test("a portal whose time is over says so, at once where it follows", { timeout: 120_000 }, async () => {
  await follows.getByText("This session has ended").waitFor({ timeout: SHORTEST * 1000 + 20_000 });
  expect(await follows.getByRole("link").count()).toBe(0);
  // Who opens it again is told so, too.
  await follows.reload();
  await follows.getByText("This session has ended").waitFor();

  // Where nothing is followed, what is done next finds out.
  await rests.getByRole("link", { name: "Webhooks", exact: true }).click();
  await rests.getByText("This session has ended").waitFor();
  expect(await rests.getByRole("link").count()).toBe(0);
  expect(found.flat()).toEqual([]);
  await short.close();
});
