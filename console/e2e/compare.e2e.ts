// Two attempts of a delivery side by side: what was sent and what was answered, and what of it is another one's.
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
  // An answer of an endpoint that is well: its webhook is not paused, and tried again in time.
  receiver.answer = { status: 422, body: '{"error":"no total"}', headers: { "x-served-by": "old" } };
  page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(20_000);
  found = troubles(page);
});
afterEach(async () => {
  await page.context().close();
  await receiver.stop();
  expect(found).toEqual([]);
});

/** The delivery of an event that is refused once; what `between` does is done before it is tried again, which is delivered. */
async function triedTwice(eventKey: string, between: (webhookId: string) => Promise<unknown>): Promise<string> {
  const webhook = await server.call("POST", "/webhooks", {
    displayName: "CRM",
    url: receiver.url,
    eventKeys: [eventKey],
    headers: [{ name: "x-stage", value: "blue", isSensitive: false }],
    retryPolicy: { delaysInSeconds: [3] },
  });
  await server.event("acme", {}, eventKey);
  const delivery = async () => (await server.call("GET", `/deliveries?webhookId=${webhook.id}`)).items[0];
  await until(async () => (await delivery())?.attempts === 1);
  await between(webhook.id);
  await until(async () => (await delivery()).state === "delivered");
  return (await delivery()).id;
}

/** The names of the rows that are marked, of the request and of the response. */
const marked = () =>
  page.locator(".compare").evaluate(grid => {
    const names: Record<string, string[]> = {};
    let [part, name] = ["", ""];
    for (const cell of grid.children) {
      if (cell.tagName === "H3") {
        part = cell.textContent ?? "";
        names[part] = [];
      } else if (cell.classList.contains("soft")) name = cell.textContent ?? "";
      else if (cell.classList.contains("compare-differs") && !names[part]?.includes(name)) names[part]?.push(name);
    }
    return names;
  });

/** Both values of a row. */
const row = (name: string) =>
  page
    .locator(".compare > .soft", { hasText: new RegExp(`^${name}$`) })
    .first()
    .evaluate(cell =>
      [cell.nextElementSibling, cell.nextElementSibling?.nextElementSibling].map(at => at?.textContent),
    );

async function compare(deliveryId: string): Promise<void> {
  await signIn(page, server, `/deliveries/${deliveryId}`);
  await page.getByRole("checkbox", { name: "Compare attempt 1" }).click();
  await page.getByRole("checkbox", { name: "Compare attempt 2" }).click();
  await page.getByText("Two attempts side by side").waitFor();
}

const NOTE = "The webhook's settings were changed between these attempts.";

test("a webhook that was changed between two attempts is said to have been, and what it changed is marked", async () => {
  const other = await Receiver.start();
  other.answer = { status: 200, body: '{"ok":true}', headers: { "x-served-by": "new" } };
  const deliveryId = await triedTwice("orders.moved", webhookId =>
    server.call("PATCH", `/webhooks/${webhookId}`, {
      url: other.url,
      headers: [{ name: "x-stage", value: "green", isSensitive: false }],
    }),
  );
  await compare(deliveryId);
  await page.getByText(NOTE).waitFor();
  expect(await row("URL")).toEqual([receiver.url, other.url]);
  expect(await row("x-stage")).toEqual(["blue", "green"]);
  expect(await row("Status")).toEqual(["422", "200"]);
  expect(await row("x-served-by")).toEqual(["old", "new"]);
  expect(await row("Body")).toEqual(['{"error":"no total"}', '{"ok":true}']);
  const { Request: request, Response: response } = await marked();
  expect(request).toEqual(expect.arrayContaining(["URL", "x-stage"]));
  expect(request).not.toContain("Method");
  expect(response).toEqual(expect.arrayContaining(["Status", "x-served-by", "Body"]));

  // It is the page's URL that holds the two.
  await page.reload();
  await page.getByText(NOTE).waitFor();
  await page.getByRole("checkbox", { name: "Compare attempt 1" }).click();
  await page.getByText("Two attempts side by side").waitFor({ state: "detached" });
  await other.stop();
});

test("of two attempts of a webhook that stayed as it was the answers alone are marked", async () => {
  const deliveryId = await triedTwice("orders.kept", async () => {
    receiver.answer = { status: 200, body: '{"ok":true}', headers: { "x-served-by": "old" } };
  });
  await compare(deliveryId);
  const { Request: request, Response: response } = await marked();
  expect(request).toEqual([]);
  expect(response).toEqual(expect.arrayContaining(["Status", "Body"]));
  expect(response).not.toContain("x-served-by");
  expect(await page.getByText(NOTE).count()).toBe(0);
});
