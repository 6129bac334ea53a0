//! Every screen with data in it: for the tests of accessibility, and for screenshots.
import { Receiver } from "./receiver";
import { type Server, until } from "./server";

export interface Filled {
  webhookId: string;
  customId: string;
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
}

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
  await make("Acme's own", { eventKeys: ["User management.*"], tenantId: "acme" });
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
  const { url } = await server.call("POST", "/portal-links", { tenantId: "acme", permissions: ["fe.connectivity.*"] });
  const console_ = (name: string, path: string, shows: string): Screen => ({ name, url: server.url + path, shows });
  return [
    console_("overview", "/", "Top failing webhooks"),
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
    { name: "portal", url, shows: "Acme's own" },
  ];
}
