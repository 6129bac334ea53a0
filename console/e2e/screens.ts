//! Every screen, with data, without, and failing: for the tests of accessibility, and for screenshots.
import type { Page } from "playwright-core";
import { Receiver } from "./receiver";
import { type Server, until } from "./server";

export interface Filled {
  webhookId: string;
  customId: string;
  hiddenId: string;
  tenantsId: string;
  tenantsFailedId: string;
  /** A URL that answers. */
  endpoint: string;
  failedId: string;
  eventId: string;
  eventTypeId: string;
  jobId: string;
  stop: () => Promise<void>;
}

export interface Screen {
  name: string;
  url: string;
  /** A text that is there once the screen is. */
  shows: string;
  /** What is done there, until what it leads to is there. */
  act?: (page: Page) => Promise<void>;
  /** What the server answers to calls of these paths, in place of its own answers. */
  instead?: { paths: RegExp; status: number; body: object };
}

/** Opens a screen, and waits until it is there. */
export async function show(page: Page, { url, shows, act, instead }: Screen): Promise<void> {
  if (instead) {
    const { paths, status, body } = instead;
    await page.route(paths, route => route.fulfill({ status, json: body, contentType: "application/problem+json" }));
  }
  await page.goto(url);
  await page.getByText(shows).filter({ visible: true }).first().waitFor();
  await act?.(page);
  if (instead) await page.unroute(instead.paths);
}

const broken = (paths: RegExp): NonNullable<Screen["instead"]> => ({
  paths,
  status: 503,
  body: {
    type: "urn:postrider:error:unavailable",
    title: "Not available at the moment",
    status: 503,
    code: "unavailable",
    detail: "the store cannot be read or written at the moment",
    requestId: "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f",
  },
});

const click = (name: string | RegExp, then: string) => async (page: Page) => {
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

/** An environment as it looks after a while: webhooks that are well and not, events, failures, a replay. */
export async function fill(server: Server): Promise<Filled> {
  const [good, bad] = await Promise.all([Receiver.start(), Receiver.start()]);
  bad.answer = { status: 503, body: '{"error":"The database is down for maintenance"}' };
  const make = (displayName: string, more: object) =>
    server.call("POST", "/webhooks", { displayName, url: good.url, secret: "a-long-secret", ...more });
  const crm = await make("CRM", {
    eventKeys: ["frontegg.user.created", "frontegg.user.deleted", "Tenant.*"],
    description: "Keeps contacts up to date",
  });
  const billing = await make("Billing", {
    url: bad.url,
    eventKeys: ["frontegg.user.*"],
    retryPolicy: { delaysInSeconds: [1, 1, 3600] },
  });
  const failing = await make("Audit trail", { url: bad.url, eventKeys: ["*"], retryPolicy: { delaysInSeconds: [] } });
  const tenants = await make("Acme's own", { eventKeys: ["User management.*"], tenantId: "acme" });
  const unreachable = await make("Acme's old one", {
    url: "http://127.0.0.1:9/hooks",
    eventKeys: ["*"],
    tenantId: "acme",
    retryPolicy: { delaysInSeconds: [] },
  });
  const hidden = await make("Warehouse", {
    eventKeys: ["orders.*"],
    headers: [{ name: "x-api-key", value: "s3cret", isSensitive: true }],
    authentication: { type: "basic", username: "postrider", password: "s3cret" },
    signature: "ed25519",
  });
  await make("Old warehouse", { eventKeys: ["*"], isActive: false });
  const custom = await make("Welcome channel", {
    eventKeys: ["frontegg.user.signedUp"],
    payload: { template: '{\n  "text": "{{ user.name }} ({{ user.email }}) has signed up"\n}' },
  });
  const people = ["ada", "grace", "edsger", "barbara", "donald", "margaret"];
  const keys = [
    "frontegg.user.created",
    "frontegg.user.authenticated",
    "frontegg.tenant.updated",
    "frontegg.user.signedUp",
    "orders.paid",
  ];
  let eventId = "";
  for (let index = 0; index < 60; index++) {
    const name = people[index % people.length] ?? "ada";
    const accepted = await server.event(
      index % 3 ? "acme" : "globex",
      { user: { id: `u-${index}`, name, email: `${name}@example.com` } },
      keys[index % keys.length],
    );
    if (index === 0) eventId = accepted.eventId;
  }
  await server.call("PUT", "/portal-settings", {
    webhooks: "always",
    allowedOrigins: ["https://app.example.com"],
    theme: {},
  });
  const failed = await until(async () => {
    const { items } = await server.call("GET", `/deliveries?webhookId=${failing.id}&state=failed`);
    return items[0];
  });
  const tenantsFailed = await until(async () => {
    const { items } = await server.call("GET", `/deliveries?webhookId=${unreachable.id}&state=failed`);
    return items[0];
  });
  const job = await server.call(
    "POST",
    "/jobs",
    { kind: "replay", webhookIds: [crm.id], from: "2020-01-01T00:00:00Z" },
    { "idempotency-key": "screens" },
  );
  const { items: types } = await server.call("GET", "/event-types");
  return {
    webhookId: billing.id,
    customId: custom.id,
    hiddenId: hidden.id,
    tenantsId: tenants.id,
    tenantsFailedId: tenantsFailed.id,
    endpoint: good.url,
    failedId: failed.id,
    eventId,
    eventTypeId: types.find((type: { key: string }) => type.key === "frontegg.user.created").id,
    jobId: job.id,
    stop: async () => {
      await Promise.all([good.stop(), bad.stop()]);
    },
  };
}

export async function screens(server: Server, filled: Filled): Promise<Screen[]> {
  const link = async (tenantId: string): Promise<string> => {
    const form = { tenantId, userId: "ada", permissions: ["fe.connectivity.*"], expiresInSeconds: 3600 };
    return (await server.call("POST", "/portal-links", form)).url;
  };
  const [url, another] = [await link("acme"), await link("globex")];
  const [opened = ""] = url.split("#");
  const [base = "", session = ""] = opened.split("?");
  const portal = (name: string, path: string, shows: string, act?: Screen["act"]): Screen => ({
    name: `portal-${name}`,
    url: `${base}${path}${path.includes("?") ? "&" : "?"}${session}`,
    shows,
    ...(act ? { act } : {}),
  });
  const nobody = `${base}?session=018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f`;
  const hidden = { code: "portal_hidden", detail: "hidden", status: 403, title: "", type: "", requestId: "" };
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
    console_("settings-credentials", "/settings?tab=credentials", "Last used"),
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
      ...console_("dialog-credential", "/settings?tab=credentials", "Last used"),
      act: click("Create secret", "Programs sign in with"),
    },
    console_("event-type-new", "/event-types/new", "It never changes."),
    { ...console_("failing-overview", "/", "Try again"), instead: broken(/\/api\/v1\/statistics/) },
    { ...console_("failing-webhooks", "/webhooks", "Try again"), instead: broken(/\/api\/v1\/webhooks/) },
    { ...console_("failing-deliveries", "/deliveries", "Try again"), instead: broken(/\/api\/v1\/deliveries\?/) },
    {
      ...console_("failing-delivery", `/deliveries/${filled.failedId}`, "Try again"),
      instead: broken(/\/api\/v1\/deliveries\/[0-9a-f-]{36}$/),
    },
    console_("not-found", "/nothing-is-here", "There is no such page"),
    { name: "portal", url, shows: "Acme's own" },
    portal("webhook-body", `/webhooks/${filled.tenantsId}`, "Payload"),
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
    { name: "portal-other", url: another, shows: "You have another portal open" },
    { name: "portal-ended", url: nobody, shows: "This session has ended" },
    { name: "portal-bad-link", url: `${base}#code=x`, shows: "This link does not work any more" },
    {
      name: "portal-hidden",
      url: nobody,
      shows: "Webhooks are not available",
      instead: { paths: /\/api\/v1\/portal-session/, status: 403, body: hidden },
    },
    { name: "portal-nobody", url: base, shows: "The portal is opened from your product" },
  ];
}

/** What a server shows on which nothing has happened yet. */
export async function emptyScreens(server: Server): Promise<Screen[]> {
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
  ];
}
