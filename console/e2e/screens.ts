//! Every screen, with data and without: for the tests of accessibility, and for screenshots. Those that fail: `failing-screens.ts`.
import type { Page } from "playwright-core";
import type { Filled } from "./filled";
import type { Server } from "./server";

export interface Screen {
  name: string;
  url: string;
  /** A text that is there once the screen is. */
  shows: string;
  /** What is set at the server before. */
  before?: () => Promise<unknown>;
  /** What is done there, until what it leads to is there. */
  act?: (page: Page) => Promise<void>;
  /** What the server answers to calls of these paths, in place of its own answers. */
  instead?: { paths: RegExp; status: number; body: object };
}

/** Opens a screen, and waits until it is there. What the server answers instead of its own answers it does until the next one. */
export async function show(page: Page, { url, shows, before, act, instead }: Screen): Promise<void> {
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await before?.();
  if (instead) {
    const { paths, status, body } = instead;
    await page.route(paths, route => route.fulfill({ status, json: body, contentType: "application/problem+json" }));
  }
  await page.goto(url);
  await page.getByText(shows).filter({ visible: true }).first().waitFor();
  await act?.(page);
}

export const click = (name: string | RegExp, then: string) => async (page: Page) => {
  await page.getByRole("button", { name }).first().click();
  await page.getByText(then).filter({ visible: true }).first().waitFor();
};

/** The wizard as far as that step. */
const wizard = (url: string, upTo: "events" | "endpoint" | "test" | "done") => async (page: Page) => {
  const next = () => page.getByRole("button", { name: "Continue" }).click();
  await page.getByLabel("Name").fill(`Connected ${upTo}`);
  await next();
  const everything = page.getByRole("checkbox", { name: "Everything" });
  await everything.waitFor();
  if (upTo === "events") return;
  await everything.check();
  await next();
  await page.getByLabel("URL").fill(url);
  if (upTo === "endpoint") return;
  await next();
  await page.getByRole("button", { name: "Send test" }).click();
  await page.getByTestId("test-result").waitFor();
  if (upTo === "test") return;
  await page.getByRole("button", { name: "Create webhook" }).click();
  await page.getByText("The webhook is connected.").waitFor();
};

/** A document of which an import would take over one event type. */
const OPENAPI = JSON.stringify({
  openapi: "3.1.0",
  info: { title: "Orders", version: "1" },
  webhooks: { "orders.shipped": { post: { summary: "Order shipped", responses: {} } } },
});

/** As far as what an import would change. */
async function importing(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Import and export" }).click();
  await page.getByRole("menuitem", { name: "Import from OpenAPI" }).click();
  const file = { name: "orders.json", mimeType: "application/json", buffer: Buffer.from(OPENAPI) };
  await page.getByLabel("Document").setInputFiles(file);
  await page.getByText("1 new, 0 changed").waitFor();
}

const PLAIN = { webhooks: "always", allowedOrigins: ["https://app.example.com"], theme: {} };
const THEMED = { ...PLAIN, theme: { accent: "#b3261e", radius: 12, fontFamily: "Georgia, serif" } };

/** The pages of a tenant's portal at their paths, in a session that is new and opened by `url`. */
export async function portalOf(server: Server, tenantId: string, purpose: "tenant" | "support" = "tenant") {
  const form = { tenantId, userId: "ada", permissions: ["fe.connectivity.*"], expiresInSeconds: 3600, purpose };
  const url: string = (await server.call("POST", "/portal-links", form)).url;
  const [opened = ""] = url.split("#");
  const [base = "", session = ""] = opened.split("?");
  const at = (path: string) => `${base}${path}${path.includes("?") ? "&" : "?"}${session}`;
  return { url, base, at };
}

/** The console's. */
function screens(server: Server, filled: Filled): Screen[] {
  const console_ = (name: string, path: string, shows: string): Screen => ({ name, url: server.url + path, shows });
  return [
    console_("overview", "/", "Top failing webhooks"),
    console_("overview-tenant", "/?tenant=acme&range=1h", "Time to delivery"),
    console_("webhooks", "/webhooks", "Audit trail"),
    console_("webhooks-nothing-found", "/webhooks?q=nothing-is-called-that", "Nothing found"),
    console_("connect", "/webhooks/connect", "Whose events"),
    console_("webhook-body", `/webhooks/${filled.webhookId}`, "Payload"),
    console_("webhook-payload", `/webhooks/${filled.customId}`, "has signed up"),
    console_("webhook-deliveries", `/webhooks/${filled.webhookId}?tab=deliveries`, "User created"),
    console_("webhook-settings", `/webhooks/${filled.webhookId}?tab=settings`, "Verify signatures"),
    console_("webhook-health", `/webhooks/${filled.webhookId}?tab=health`, "Failures in a row"),
    console_("deliveries", "/deliveries", "User created"),
    console_("delivery", `/deliveries/${filled.failedId}`, "Last attempt:"),
    console_("compare", `/deliveries/${filled.triedId}?compare=${filled.attemptIds.join(",")}`, "side by side"),
    console_("events", "/events", "orders.paid"),
    console_("event", `/events/${filled.eventId}`, "Deliveries"),
    console_("send-event", "/events/send", "user.email"),
    console_("replays", "/replays", "Replay"),
    console_("replay", `/replays/${filled.jobId}`, "What was asked for"),
    console_("replay-new", "/replays/new", "Deliveries per second"),
    console_("event-types", "/event-types", "User management"),
    console_("event-type", `/event-types/${filled.eventTypeId}`, "Sample"),
    console_("portal-access", "/portal-settings", "Who sees webhooks"),
    console_("portal-theme", "/portal-settings?tab=theme", "Preview"),
    console_("portal-embed", "/portal-settings?tab=embed", "Your page shows it"),
    console_("portal-sessions", "/portal-settings?tab=sessions", "as support"),
    console_("settings", "/settings", "Source addresses"),
    console_("settings-credentials", "/settings?tab=credentials", "in use here"),
    console_("settings-issuer", "/settings?tab=issuer", "Issuer (iss)"),
    { ...console_("connect-events", "/webhooks/connect", "Whose events"), act: wizard(filled.endpoint, "events") },
    { ...console_("connect-endpoint", "/webhooks/connect", "Whose events"), act: wizard(filled.endpoint, "endpoint") },
    { ...console_("connect-test", "/webhooks/connect", "Whose events"), act: wizard(filled.endpoint, "test") },
    { ...console_("connect-done", "/webhooks/connect", "Whose events"), act: wizard(filled.endpoint, "done") },
    {
      ...console_("webhook-hidden-again", `/webhooks/${filled.hiddenId}?tab=settings`, "Verify signatures"),
      act: async page => {
        await page.getByLabel("URL").fill("https://another.example.com/hooks");
        await page.getByText("enter it again").waitFor();
      },
    },
    {
      ...console_("dialog-rotate", `/webhooks/${filled.webhookId}?tab=settings`, "Verify signatures"),
      act: click("Rotate secret", "Both secrets sign for a while"),
    },
    {
      ...console_("dialog-delete", `/webhooks/${filled.webhookId}?tab=settings`, "Verify signatures"),
      act: click("Delete webhook", "to go on"),
    },
    {
      ...console_("dialog-test", `/webhooks/${filled.webhookId}`, "Payload"),
      act: click("Test", "It is recorded nowhere."),
    },
    {
      ...console_("dialog-resend", `/webhooks/${filled.webhookId}?tab=deliveries`, "User created"),
      act: click(/Resend all/, "All that the filters match"),
    },
    {
      ...console_("dialog-credential", "/settings?tab=credentials", "in use here"),
      act: click("Create secret", "Programs sign in with"),
    },
    console_("event-type-new", "/event-types/new", "It never changes."),
    { ...console_("dialog-import", "/event-types", "User management"), act: importing },
    console_("not-found", "/nothing-is-here", "There is no such page"),
  ];
}

/** Those of tenants' portals. The links that open the first ones hold for five minutes. */
async function portalScreens(server: Server, filled: Filled): Promise<Screen[]> {
  const setPortal = (settings: object) => () => server.call("PUT", "/portal-settings", settings);
  await setPortal(PLAIN)();
  const { url, base, at } = await portalOf(server, "acme");
  const [another, support] = [await portalOf(server, "globex"), await portalOf(server, "acme", "support")];
  const portal = (name: string, path: string, shows: string, act?: Screen["act"]): Screen => ({
    name: `portal-${name}`,
    url: at(path),
    shows,
    ...(act ? { act } : {}),
  });
  const nobody = `${base}?session=018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f`;
  const hidden = { code: "portal_hidden", detail: "hidden", status: 403, title: "", type: "", requestId: "" };
  return [
    { name: "portal", url, shows: "Acme's own" },
    portal("webhook-body", `/webhooks/${filled.tenantsId}`, "Payload"),
    portal("webhook-payload", `/webhooks/${filled.tenantsCustomId}`, "has signed up"),
    portal("webhook-deliveries", `/webhooks/${filled.tenantsId}?tab=deliveries`, "User created"),
    portal("webhook-settings", `/webhooks/${filled.tenantsId}?tab=settings`, "Verify signatures"),
    portal("webhook-health", `/webhooks/${filled.tenantsId}?tab=health`, "Failures in a row"),
    portal("delivery", `/deliveries/${filled.tenantsFailedId}`, "Last attempt:"),
    portal("connect", "/webhooks/connect", "Description"),
    portal("connect-events", "/webhooks/connect", "Description", wizard(filled.endpoint, "events")),
    portal("connect-endpoint", "/webhooks/connect", "Description", wizard(filled.endpoint, "endpoint")),
    portal("connect-test", "/webhooks/connect", "Description", wizard(filled.endpoint, "test")),
    portal("replays", "/replays", "Nothing was replayed yet"),
    portal("replay-new", "/replays/new", "Deliveries per second"),
    portal("event-types", "/event-types", "User management"),
    portal("event-type", `/event-types/${filled.eventTypeId}`, "Sample"),
    { name: "portal-other", url: another.url, shows: "You have another portal open" },
    { name: "portal-ended", url: nobody, shows: "This session has ended" },
    { name: "portal-bad-link", url: `${base}#code=x`, shows: "This link does not work any more" },
    {
      name: "portal-hidden",
      url: nobody,
      shows: "Webhooks are not available",
      instead: { paths: /\/api\/v1\/portal-session/, status: 403, body: hidden },
    },
    { name: "portal-nobody", url: base, shows: "The portal is opened from your product" },
    { name: "portal-support", url: support.url, shows: "Support view of acme" },
    { ...portal("themed", "/webhooks", "Acme's own"), before: setPortal(THEMED) },
    portal("themed-settings", `/webhooks/${filled.tenantsId}?tab=settings`, "Verify signatures"),
    { ...portal("themed-connect", "/webhooks/connect", "Description"), act: wizard(filled.endpoint, "events") },
  ];
}

/** The portal of somebody who reads German. */
async function germanScreens(server: Server, filled: Filled): Promise<Screen[]> {
  await server.call("PUT", "/portal-settings", PLAIN);
  const { url, at } = await portalOf(server, "acme");
  const german = (name: string, path: string, shows: string): Screen => ({
    name: `portal-german-${name}`,
    url: at(path),
    shows,
  });
  const webhook = `/webhooks/${filled.tenantsId}`;
  return [
    { name: "portal-german", url, shows: "Acme's own" },
    german("webhook-body", webhook, "Inhalt"),
    german("webhook-deliveries", `${webhook}?tab=deliveries`, "Zugestellt"),
    german("webhook-settings", `${webhook}?tab=settings`, "Signaturen prüfen"),
    german("webhook-health", `${webhook}?tab=health`, "Fehlschläge in Folge"),
    german("delivery", `/deliveries/${filled.tenantsFailedId}`, "Letzter Versuch:"),
    german("connect", "/webhooks/connect", "Beschreibung"),
    german("replay-new", "/replays/new", "Zustellungen je Sekunde"),
    german("event-types", "/event-types", "User management"),
  ];
}

/** What a server shows on which nothing has happened yet. */
async function emptyScreens(server: Server): Promise<Screen[]> {
  const environment = `/environments/${server.clientId}`;
  await server.call("PATCH", environment, { name: "Development" });
  await server.call("PUT", "/portal-settings", { webhooks: "always" });
  const form = { tenantId: "acme", permissions: ["fe.connectivity.*"] };
  const { url } = await server.call("POST", "/portal-links", form);
  const empty = (name: string, path: string, shows: string): Screen => ({
    name: `empty-${name}`,
    url: server.url + path,
    shows,
  });
  return [
    empty("overview", "/", "The way to the first webhook"),
    empty("webhooks", "/webhooks", "No webhooks yet"),
    empty("deliveries", "/deliveries", "No deliveries yet"),
    empty("events", "/events", "No events yet"),
    empty("replays", "/replays", "Nothing was replayed yet"),
    empty("portal-sessions", "/portal-settings?tab=sessions", "as support"),
    { name: "empty-portal", url, shows: "No webhooks yet" },
    {
      name: "production",
      url: `${server.url}/webhooks`,
      shows: "No webhooks yet",
      before: () => server.call("PATCH", environment, { name: "Production" }),
    },
  ];
}

export interface Walk {
  server: Server;
  locale: "en" | "de";
  /** Asked for when it is gone: links to portals do not hold for long. */
  screens: () => Promise<Screen[]>;
}

/** All of them, in an order in which none changes what another shows. Each walk is for a context of the browser of its own. */
export const walks = (server: Server, filled: Filled, empty: Server): Walk[] => [
  { server, locale: "en", screens: async () => screens(server, filled) },
  { server, locale: "en", screens: () => portalScreens(server, filled) },
  { server, locale: "de", screens: () => germanScreens(server, filled) },
  { server: empty, locale: "en", screens: () => emptyScreens(empty) },
];
