// The portal in frames of somebody else's page: two tenants side by side.
import type { Browser, Frame, FrameLocator, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { launch } from "./chromium";
import { signIn, troubles } from "./pages";
import { Receiver, startPage } from "./receiver";
import { Server } from "./server";

let browser: Browser;
let server: Server;
let receiver: Receiver;
let links: Record<string, string> = {};
let product: Awaited<ReturnType<typeof startPage>>;

const html = () => `<!doctype html><title>Product</title>
<h1>A product</h1>
<script type="module" src="${server.url}/portal/embed.js"></script>
${Object.entries(links)
  .map(
    ([tenant, link]) =>
      `<h2>${tenant}</h2><postrider-portal id="${tenant}" label="${tenant}" link="${link.replaceAll("&", "&amp;")}"></postrider-portal>`,
  )
  .join("\n")}`;

beforeAll(async () => {
  [server, browser, receiver, product] = await Promise.all([
    Server.start(),
    launch(),
    Receiver.start(),
    startPage(html),
  ]);
  await server.call("PUT", "/portal-settings", {
    webhooks: "byPermissions",
    allowedOrigins: [product.origin],
    theme: { accent: "#0a7d5a", radius: 4 },
  });
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await receiver?.stop();
  await product?.stop();
});

const link = async (tenantId: string, permissions = ["fe.connectivity.*"]): Promise<string> =>
  (await server.call("POST", "/portal-links", { tenantId, permissions })).url;

const portal = (page: Page, tenant: string): FrameLocator =>
  page.frameLocator(`#${tenant} iframe, iframe[title="${tenant}"]`);

async function open(tenants: Record<string, string>): Promise<{ page: Page; found: string[] }> {
  links = tenants;
  const context = await browser.newContext({ viewport: { width: 1000, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const found = troubles(page);
  await page.goto(product.origin);
  return { page, found };
}

/** A page whose session calls are made with: of a portal's, by its id; of the console, the environment that the test has. */
interface Called {
  frame: Frame;
  session?: string;
}

/** What the server answers to such a page, whatever the page offers. */
const statusOf = ({ frame, session }: Called, method: string, path: string, body?: unknown): Promise<number> =>
  frame.evaluate(
    async ([method, path, body, headers]) => {
      const json = body === undefined ? {} : { body: JSON.stringify(body) };
      return (await fetch(`/api/v1/${path}`, { method, headers, ...json })).status;
    },
    [
      method,
      path,
      body,
      {
        "content-type": "application/json",
        "x-postrider-csrf": "1",
        "postrider-environment": server.clientId,
        ...(session === undefined ? {} : { "postrider-session": session }),
      },
    ] as const,
  );

async function connect(frame: FrameLocator, name: string): Promise<void> {
  await frame
    .getByRole("link", { name: /Connect/ })
    .first()
    .click();
  await frame.getByLabel("Name").fill(name);
  await frame.getByRole("button", { name: "Continue" }).click();
  // A frame that grows moves the other one, and a click on its way misses.
  await vi.waitFor(() => frame.getByRole("checkbox", { name: "Everything" }).check(), 10_000);
  await frame.getByRole("button", { name: "Continue" }).click();
  await frame.getByLabel("URL").fill(receiver.url);
  await frame.getByRole("button", { name: "Continue" }).click();
  await frame.getByRole("button", { name: "Create webhook" }).click();
  await frame.getByText("The webhook is connected.").waitFor();
  await frame.getByRole("link", { name: "To the list" }).click();
  await frame.getByRole("link", { name }).waitFor();
}

test("two tenants in one page of another origin do not see each other", async () => {
  const { page, found } = await open({ acme: await link("acme"), globex: await link("globex") });
  const [acme, globex] = [portal(page, "acme"), portal(page, "globex")];
  await connect(acme, "Only Acme's");
  await connect(globex, "Only Globex's");
  await acme.getByRole("link", { name: "Only Acme's" }).waitFor();
  await globex.getByRole("link", { name: "Only Globex's" }).waitFor();
  expect(await acme.getByText("Only Globex's").count()).toBe(0);
  expect(await globex.getByText("Only Acme's").count()).toBe(0);

  await server.event("acme", { secret: "of acme alone" });
  await acme.getByRole("link", { name: "Only Acme's" }).click();
  await acme.getByRole("tab", { name: "Deliveries" }).click();
  await acme.getByRole("row").filter({ hasText: "Delivered" }).waitFor();
  await globex.getByRole("link", { name: "Only Globex's" }).click();
  await globex.getByRole("tab", { name: "Deliveries" }).click();
  await globex.getByText("No deliveries yet").waitFor();

  // The vendor's colour, and a frame as high as what is in it.
  expect(await acme.locator("html").evaluate(root => root.style.getPropertyValue("--accent"))).toBe("#0a7d5a");
  const height = await page.locator("#acme").evaluate(element => element.getBoundingClientRect().height);
  expect(height).toBeGreaterThan(240);
  expect(found).toEqual([]);
  await page.context().close();
});

/** Whether all of it lies within the window of the page around the frame. */
async function isInWindow(page: Page, what: Locator): Promise<boolean> {
  const [box, size] = [await what.boundingBox(), page.viewportSize()];
  return box !== null && size !== null && box.y >= 0 && box.y + box.height <= size.height;
}

test("dialogs and notices open where the page around the portal is scrolled to, and another page begins at its top", async () => {
  await server.call("POST", "/webhooks", {
    displayName: "Long page",
    tenantId: "initech",
    url: receiver.url,
    eventKeys: ["*"],
  });
  const { page, found } = await open({ initech: await link("initech") });
  const initech = portal(page, "initech");
  const scrolled = () => page.evaluate(() => scrollY);
  await initech.getByRole("link", { name: "Long page" }).click();
  await initech.getByRole("tab", { name: "Settings" }).click();

  // Far down.
  const remove = initech.getByRole("button", { name: "Delete webhook" });
  await remove.click();
  const dialog = initech.getByRole("dialog");
  await dialog.waitFor();
  expect(await scrolled()).toBeGreaterThan(900);
  await expect.poll(() => isInWindow(page, dialog), { timeout: 15_000 }).toBe(true);
  // The page around it is still scrolled from within.
  const before = await scrolled();
  await dialog.hover();
  await page.mouse.wheel(0, -300);
  await expect.poll(scrolled, { timeout: 15_000 }).toBeLessThan(before);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await expect.poll(() => remove.evaluate(button => button === document.activeElement), { timeout: 15_000 }).toBe(true);

  // At the top: the frame's end is far below.
  await initech.getByLabel("Name", { exact: true }).first().fill("Renamed");
  await initech.getByRole("button", { name: "Save" }).first().click();
  const notice = initech.getByText("Saved.").first();
  await notice.waitFor();
  await expect.poll(() => isInWindow(page, notice), { timeout: 3000 }).toBe(true);

  // Enough below the portal that the page stays scrolled where it is, however short the portal becomes.
  await page.evaluate(() => {
    document.body.style.paddingBottom = "8000px";
  });
  await initech.getByRole("link", { name: "Event types" }).click();
  await initech.locator('a[href*="/event-types/"]').nth(40).click();
  await initech.locator('a[href*="/event-types/"]').nth(40).waitFor({ state: "detached" });
  const top = () => page.locator("#initech").evaluate(element => element.getBoundingClientRect().top);
  // Up to a fraction of a pixel.
  await expect.poll(top, { timeout: 15_000 }).toBeGreaterThan(-1);
  expect(found).toEqual([]);
  await page.context().close();
});

test("a link works once, and a session is found again after a reload of the frame", async () => {
  const used = await link("acme");
  const { page, found } = await open({ acme: used });
  const acme = portal(page, "acme");
  await acme.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
  const frame = page.frames().find(each => each.url().startsWith(`${server.url}/portal/`));
  if (!frame) throw new Error("the portal is in no frame");
  // What a reload leaves behind is not taken for what it brings.
  await frame.evaluate(() => document.documentElement.setAttribute("data-before", ""));
  const asked = page.waitForResponse(response => response.url().endsWith("/api/v1/portal-session") && response.ok());
  await frame.evaluate(() => location.reload());
  expect((await asked).request().method()).toBe("GET");
  await acme.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
  expect(await acme.locator("html[data-before]").count()).toBe(0);
  expect(found).toEqual([]);
  await page.context().close();
  const stolen = await open({ acme: used });
  await portal(stolen.page, "acme").getByText("This link does not work any more").waitFor();
  await stolen.page.context().close();
});

test("permissions are the server's: who may only read is offered nothing else, and refused it all the same", async () => {
  const webhook = await server.call("POST", "/webhooks", {
    displayName: "Read by Acme",
    tenantId: "acme",
    url: receiver.url,
    eventKeys: ["*"],
  });
  const { page } = await open({ acme: await link("acme", ["fe.connectivity.read.*"]) });
  const acme = portal(page, "acme");
  await acme.getByRole("link", { name: "Read by Acme" }).waitFor();
  expect(await acme.getByRole("link", { name: /Connect/ }).count()).toBe(0);
  const frame = page.frames().find(each => each.url().startsWith(`${server.url}/portal/`));
  if (!frame) throw new Error("the portal is in no frame");
  const as: Called = { frame, session: new URL(frame.url()).searchParams.get("session") ?? "" };
  const path = `webhooks/${webhook.id}`;
  // Its reading is not what is refused.
  expect(await statusOf(as, "GET", path)).toBe(200);
  const changes = [
    ["POST", "webhooks", { displayName: "Another", url: receiver.url, eventKeys: ["*"] }],
    ["PATCH", path, { isActive: false }],
    ["POST", `${path}/secret/rotate`, {}],
    ["POST", "jobs", { kind: "resend", filter: { webhookId: webhook.id } }],
    ["DELETE", path, undefined],
  ] as const;
  for (const [method, changed, body] of changes) {
    expect(await statusOf(as, method, changed, body), `${method} ${changed}`).toBe(403);
  }
  expect(await server.call("GET", `/${path}`)).toMatchObject({ isActive: true, displayName: "Read by Acme" });
  await page.context().close();
});

test("what is being written in a portal outlives its session, and a live tail outlives that webhooks were hidden", async () => {
  const webhook = await server.call("POST", "/webhooks", {
    displayName: "Of Hooli",
    tenantId: "hooli",
    url: receiver.url,
    eventKeys: ["*"],
  });
  const { page, found } = await open({ hooli: await link("hooli") });
  await page.exposeFunction("another", () => link("hooli"));
  await page.evaluate(() => {
    const element = document.querySelector("#hooli") as HTMLElement & { renew: unknown };
    element.renew = (window as unknown as { another: unknown }).another;
  });
  const hooli = portal(page, "hooli");
  await hooli.getByRole("link", { name: "Of Hooli" }).click();
  await hooli.getByRole("tab", { name: "Settings" }).click();
  const description = hooli.getByLabel("Description");
  await description.fill("Half written");
  await server.call("DELETE", "/portal-sessions?tenantId=hooli");
  await hooli.getByRole("button", { name: "Save" }).first().click();
  await hooli.getByText("Saved.").first().waitFor();
  expect(await description.inputValue()).toBe("Half written");
  expect(await server.call("GET", `/webhooks/${webhook.id}`)).toMatchObject({ description: "Half written" });
  // A reload finds the session that is in force.
  const frame = page.frames().find(each => each.url().startsWith(`${server.url}/portal/`));
  const { items } = await server.call("GET", "/portal-sessions?tenantId=hooli");
  expect(new URL(frame?.url() ?? "").searchParams.get("session")).toBe(items[0].id);

  await hooli.getByRole("tab", { name: "Deliveries" }).click();
  await hooli.locator('[data-live="open"]').waitFor();
  const { allowedOrigins, theme } = await server.call("GET", "/portal-settings");
  const showing = (webhooks: string) => server.call("PUT", "/portal-settings", { webhooks, allowedOrigins, theme });
  await showing("hidden");
  await hooli.getByText("Webhooks are not available").waitFor();
  expect(await hooli.getByRole("tab").count()).toBe(0);
  await showing("byPermissions");
  await hooli.locator('[data-live="open"]').waitFor({ timeout: 30_000 });
  await server.event("hooli", { after: "hidden" });
  await hooli.getByRole("row").filter({ hasText: "Delivered" }).waitFor();
  expect(found).toEqual([]);
  await page.context().close();
});

test("a link of somebody else's does not take the place of an open portal unseen", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(await link("acme"));
  await page.getByText("acme", { exact: true }).waitFor();
  const own = page.url();
  // Another user of the same kind of page, in another tab: what a link in a message would do.
  const lured = await context.newPage();
  await lured.goto(await link("evil"));
  await lured.getByText("You have another portal open").waitFor();
  expect(await lured.getByRole("heading", { name: "Webhooks", exact: true }).count()).toBe(0);
  await lured.reload();
  await lured.getByRole("button", { name: "Stay with acme" }).click();
  await lured.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
  await lured.getByText("acme", { exact: true }).waitFor();
  // Whoever means it gets there, and is not asked again in that tab.
  const meant = await context.newPage();
  await meant.goto(await link("globex"));
  await meant.getByRole("button", { name: "Open that of globex" }).click();
  await meant.getByText("globex", { exact: true }).waitFor();
  await meant.reload();
  await meant.getByText("globex", { exact: true }).waitFor();
  // The page of another environment's portal shows nothing of it.
  const elsewhere = own.replace(server.clientId, "018f3c5e-7c1a-7b6e-9d2a-000000000000");
  await page.goto(elsewhere);
  await page.getByText("This session has ended").waitFor();
  // Nobody's token is taken out of a link at the top of a window.
  await page.goto(`${server.url}/portal/${server.clientId}#token=a.b.c`);
  await page.getByText("The portal is opened from your product").waitFor();
  await context.close();
});

/** What is the vendor's alone. Bodies are none that could be taken, so that nobody changes anything here. */
const VENDORS = [
  ["GET", "session"],
  ["PATCH", "environments/:environment"],
  ["GET", "environments/:environment/credentials"],
  ["POST", "environments/:environment/credentials"],
  ["GET", "events"],
  ["POST", "events"],
  ["POST", "events/batch"],
  ["POST", "event-types"],
  ["POST", "event-types/import"],
  ["POST", "categories"],
  ["GET", "portal-settings"],
  ["PUT", "portal-settings"],
  ["POST", "portal-links"],
  ["GET", "portal-sessions"],
  ["GET", "retention"],
  ["PUT", "retention"],
  ["PUT", "trusted-issuer"],
  ["GET", "statistics/summary"],
] as const;

test("a tenant's session reaches nothing of the console's API", async () => {
  const [tenants, vendors] = [await browser.newContext(), await browser.newContext()];
  const [page, console_] = [await tenants.newPage(), await vendors.newPage()];
  await page.goto(await link("acme"));
  await page.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
  await signIn(console_, server);
  const tenant: Called = {
    frame: page.mainFrame(),
    session: new URL(page.url()).searchParams.get("session") ?? "",
  };
  const vendor: Called = { frame: console_.mainFrame() };
  // The session is one, and what is the tenant's it reaches.
  expect(await statusOf(tenant, "GET", "webhooks")).toBe(200);
  for (const [method, at] of VENDORS) {
    const path = at.replace(":environment", server.clientId);
    const body = method === "GET" ? undefined : "nothing of the kind";
    // The console's own session gets there: it is told what it asks for, or what is wrong with the body.
    const allowed = await statusOf(vendor, method, path, body);
    expect(method === "GET" ? [200] : [400, 422], `the vendor's ${method} ${at}`).toContain(allowed);
    // No cookie of a portal's is one of the console's.
    const refused = at === "session" ? 401 : 403;
    expect(await statusOf(tenant, method, path, body), `a tenant's ${method} ${at}`).toBe(refused);
  }
  await tenants.close();
  await vendors.close();
});
