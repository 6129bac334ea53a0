//! An environment as it looks after a while, for the screens that are looked at.
import { Receiver } from "./receiver";
import { type Server, until } from "./server";

export interface Filled {
  webhookId: string;
  customId: string;
  hiddenId: string;
  /** A webhook of one event type, without a payload of its own. */
  plainId: string;
  tenantsId: string;
  tenantsCustomId: string;
  tenantsFailedId: string;
  /** A URL that answers. */
  endpoint: string;
  failedId: string;
  /** A delivery with several attempts, and two of these. */
  triedId: string;
  attemptIds: [string, string];
  eventId: string;
  eventTypeId: string;
  jobId: string;
  stop: () => Promise<void>;
}

/** An environment as it looks after a while: webhooks that are well and not, events, failures, a replay. */
export async function fill(server: Server): Promise<Filled> {
  const [good, bad, strict] = await Promise.all([Receiver.start(), Receiver.start(), Receiver.start()]);
  bad.answer = { status: 503, body: '{"error":"The database is down for maintenance"}' };
  strict.answer = { status: 422, body: '{"error":"The order has no total"}' };
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
  // An answer of an endpoint that is well, so that nothing pauses and its second attempts come in time.
  const ledger = await make("Ledger", {
    url: strict.url,
    eventKeys: ["orders.paid"],
    retryPolicy: { delaysInSeconds: [1, 3600] },
  });
  const plain = await make("Newsletter", { eventKeys: ["frontegg.user.signedUp"] });
  const tenantsCustom = await make("Acme's chat", {
    eventKeys: ["frontegg.user.signedUp"],
    tenantId: "acme",
    payload: { template: '{\n  "text": "{{ user.name }} has signed up"\n}' },
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
  const tried = await until(async () => {
    const { items } = await server.call("GET", `/deliveries?webhookId=${ledger.id}&state=retrying`);
    return items.find((delivery: { attempts: number }) => delivery.attempts > 1);
  });
  const { items: attempts } = await server.call("GET", `/deliveries/${tried.id}/attempts`);
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
    plainId: plain.id,
    tenantsId: tenants.id,
    tenantsCustomId: tenantsCustom.id,
    tenantsFailedId: tenantsFailed.id,
    endpoint: good.url,
    failedId: failed.id,
    triedId: tried.id,
    attemptIds: [attempts[0].id, attempts[1].id],
    eventId,
    eventTypeId: types.find((type: { key: string }) => type.key === "frontegg.user.created").id,
    jobId: job.id,
    stop: async () => {
      await Promise.all([good.stop(), bad.stop(), strict.stop()]);
    },
  };
}
