// The portal in German: none of its own English words is left on the way from the empty list to a delivery.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { de } from "../src/i18n/de";
import { en } from "../src/i18n/en";
import { launch } from "./chromium";
import { troubles } from "./pages";
import { Receiver } from "./receiver";
import { Server, until } from "./server";

let browser: Browser;
let server: Server;
let receiver: Receiver;
let page: Page;

beforeAll(async () => {
  [server, browser, receiver] = await Promise.all([Server.start(), launch(), Receiver.start()]);
  await server.call("PUT", "/portal-settings", { webhooks: "always" });
  page = await (await browser.newContext({ locale: "de-DE", viewport: { width: 1100, height: 900 } })).newPage();
  page.setDefaultTimeout(20_000);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await receiver?.stop();
});

function phrases(words: unknown, path = ""): [path: string, phrase: string][] {
  if (typeof words === "string") return [[path, words]];
  if (typeof words !== "object" || words === null) return [];
  return Object.entries(words).flatMap(([name, member]) => phrases(member, `${path}.${name}`));
}

const german = new Map(phrases(de));
const isGerman = new Set(german.values());
/** What is said in another way in German, and is no German for anything else. */
const english = new Set(
  phrases(en).flatMap(([path, phrase]) => (german.get(path) === phrase || isGerman.has(phrase) ? [] : [phrase])),
);

/** Every text that is seen, or read out. */
const texts = () =>
  page.evaluate(() => {
    const found: string[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (!node.parentElement?.closest("script, style, pre, code")) found.push(node.textContent?.trim() ?? "");
    }
    for (const element of document.querySelectorAll("[aria-label], [title], [placeholder]")) {
      for (const name of ["aria-label", "title", "placeholder"]) found.push(element.getAttribute(name) ?? "");
    }
    return found.filter(text => text !== "");
  });

/** What categories and event types are called: the vendor's words, in the vendor's language. */
const vendors = new Set<string>();

async function expectGerman(where: string) {
  const left = (await texts()).filter(text => english.has(text) && !vendors.has(text));
  expect([...new Set(left)], where).toEqual([]);
}

test("the table tells German from English", () => {
  expect(english.has(en.webhooks.connect)).toBe(true);
  expect(english.size).toBeGreaterThan(200);
});

test("list, wizard, webhook, deliveries and a refusal are in German", async () => {
  const found = troubles(page);
  for (const each of (await server.call("GET", "/event-types")).items) {
    vendors.add(each.category);
    vendors.add(each.displayName);
  }
  const { url } = await server.call("POST", "/portal-links", { tenantId: "acme", permissions: ["fe.connectivity.*"] });
  await page.goto(url);
  await page.getByText(de.webhooks.none).waitFor();
  expect(await page.locator("html").getAttribute("lang")).toBe("de");
  await expectGerman("the empty list");

  const next = page.getByRole("button", { name: de.common.next });
  await page.getByRole("link", { name: de.webhooks.connect, exact: true }).click();
  await next.click();
  await page.getByText(de.common.required).waitFor();
  await expectGerman("the name");
  await page.getByLabel(de.webhooks.name).fill("CRM");
  await next.click();
  await page.getByRole("checkbox", { name: de.picker.everything, exact: true }).check();
  await expectGerman("the events");
  await next.click();
  await page.getByLabel("URL").fill(receiver.url);
  await expectGerman("the endpoint");
  await next.click();
  await page.getByRole("button", { name: de.test.send }).click();
  await page.getByText(de.test.worked).waitFor();
  await expectGerman("the test");
  await page.getByRole("button", { name: de.connect.save }).click();
  await page.getByText(de.connect.doneTitle).waitFor();
  await expectGerman("the end");

  const { eventId } = await server.event("acme", { user: { email: "ada@example.com" } });
  await until(async () => {
    const { items } = await server.call("GET", `/deliveries?eventId=${eventId}`);
    return items[0]?.state === "delivered";
  });
  await page.getByRole("link", { name: de.connect.open }).click();
  for (const tab of ["body", "settings", "health", "deliveries"] as const) {
    await page.getByRole("tab", { name: de.webhooks.tab[tab] }).click();
    await page.getByRole("tab", { name: de.webhooks.tab[tab], selected: true }).waitFor();
    await page.locator(".skeleton").first().waitFor({ state: "detached" });
    await expectGerman(tab);
  }
  await page.getByRole("row").filter({ hasText: de.states.delivered }).getByRole("link").first().click();
  await page.getByLabel(de.lifecycle.title).first().waitFor();
  await expectGerman("the delivery");

  await page.getByRole("link", { name: de.nav.webhooks, exact: true }).first().click();
  await page.getByRole("link", { name: "CRM" }).waitFor();
  await expectGerman("the list");
  await page.getByRole("link", { name: de.nav.replays }).click();
  await page.getByText(de.jobs.none).waitFor();
  await expectGerman("replays");

  // What the server refuses is told in German first, and quoted.
  await page.getByRole("link", { name: de.nav.webhooks, exact: true }).first().click();
  await page.getByRole("link", { name: "CRM" }).click();
  await page.getByRole("tab", { name: de.webhooks.tab.settings }).click();
  await page.getByLabel("URL").fill("http://10.0.0.1/hooks");
  await page.getByRole("button", { name: de.common.save }).first().click();
  await page
    .getByRole("alert")
    .getByText(de.problems.url_refused ?? "")
    .waitFor();
  await page.getByRole("alert").getByText("Der Server sagt dazu").waitFor();
  expect(found).toEqual([]);
});
