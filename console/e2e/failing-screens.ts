//! Every screen that cannot read what it shows, or a part of it.
import type { Page } from "playwright-core";
import type { Filled } from "./filled";
import { click, portalOf, type Screen, show } from "./screens";
import type { Server } from "./server";

export interface Failing extends Screen {
  instead: NonNullable<Screen["instead"]>;
  /** A text of the page that stays; undefined: there is no page yet. */
  around: string | undefined;
  /** A text that is there once it was tried again, and was not before. */
  then: string;
}

/** What is refused is not asked for again by itself: a status of the server's own faults is, and each screen would take three seconds. */
const broken = (paths: RegExp): Failing["instead"] => ({
  paths,
  status: 422,
  body: {
    type: "urn:postrider:error:unavailable",
    title: "Not available at the moment",
    status: 422,
    code: "unavailable",
    detail: "this cannot be read at the moment",
    requestId: "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f",
  },
});

export const SAYS = "This cannot be read at the moment.";

/** Opens it, with no stream: one that opens reads lists again, and so would try again by itself. */
export async function showFailing(page: Page, screen: Failing): Promise<void> {
  await show(page, {
    ...screen,
    act: async () => {
      await screen.act?.(page);
      await page.getByRole("alert").getByText(SAYS).first().waitFor();
    },
    before: async () => {
      await page.route(/\/stream(\?|$)/, () => undefined);
    },
  });
}

/** Tries everything again that failed, until nothing does. */
export async function tryAgain(page: Page, { instead, then }: Failing): Promise<void> {
  await page.unroute(instead.paths);
  const again = page.getByRole("button", { name: "Try again" });
  // Several places may show what is read once.
  for (let left = await again.count(); left > 0; left = await again.count()) {
    await again.first().click();
    await again.nth(left - 1).waitFor({ state: "detached" });
  }
  await page.getByText(then).filter({ visible: true }).first().waitFor();
}

const ID = "[0-9a-f-]{36}";
const LIST = "(\\?|$)";
const at = (path: string) => new RegExp(`/api/v1/${path}`);

export async function failingScreens(server: Server, filled: Filled): Promise<Failing[]> {
  const portal = await portalOf(server, "acme");
  const failing = (
    name: string,
    url: string,
    paths: RegExp,
    around: string | undefined,
    then: string,
    more: Partial<Screen> = {},
  ): Failing => ({ name: `failing-${name}`, url, shows: "Try again", instead: broken(paths), around, then, ...more });
  type Row = [name: string, path: string, paths: RegExp, around: string | undefined, then: string];
  const webhook = `/webhooks/${filled.webhookId}`;
  const inConsole: Row[] = [
    ["session", "/", at("session$"), undefined, "Top failing webhooks"],
    ["overview", "/", at("statistics"), "Overview", "Top failing webhooks"],
    ["webhooks", "/webhooks", at(`webhooks${LIST}`), "Webhooks", "Audit trail"],
    ["webhook", webhook, at(`webhooks/${ID}$`), "Webhooks", "Billing"],
    ["webhook-body", webhook, at("event-types"), "Billing", "User management"],
    ["webhook-deliveries", `${webhook}?tab=deliveries`, at("deliveries\\?"), "Billing", "User created"],
    ["webhook-settings", `${webhook}?tab=settings`, at(`webhooks/${ID}$`), "Webhooks", "Verify signatures"],
    ["webhook-health", `${webhook}?tab=health`, at("statistics\\?"), "Failures in a row", "Time to delivery"],
    ["deliveries", "/deliveries", at("deliveries\\?"), "Deliveries", "User created"],
    ["delivery", `/deliveries/${filled.failedId}`, at(`deliveries/${ID}$`), "Deliveries", "Last attempt:"],
    ["delivery-attempts", `/deliveries/${filled.failedId}`, at(`deliveries/${ID}/attempts`), "Resend", "Last attempt:"],
    ["events", "/events", at(`events${LIST}`), "Events", "orders.paid"],
    ["event", `/events/${filled.eventId}`, at(`events/${ID}$`), "Events", "Accepted"],
    ["event-deliveries", `/events/${filled.eventId}`, at(`events/${ID}/deliveries`), "Body", "Audit trail"],
    ["send-event", "/events/send", at("event-types"), "Send an event", "user.email"],
    ["replays", "/replays", at(`jobs${LIST}`), "Replays", "Progress"],
    ["replay", `/replays/${filled.jobId}`, at(`jobs/${ID}$`), "Replays", "What was asked for"],
    ["replay-new", "/replays/new", at(`webhooks${LIST}`), "Deliveries per second", "Audit trail"],
    ["event-types", "/event-types", at("event-types"), "Event types", "User management"],
    ["event-type", `/event-types/${filled.eventTypeId}`, at("event-types"), "Event types", "Sample"],
    ["portal-access", "/portal-settings", at("portal-settings"), "Portal", "Who sees webhooks"],
    ["portal-sessions", "/portal-settings?tab=sessions", at("portal-sessions"), "Open portal", "Revoke"],
    ["settings", "/settings", at("(retention|source-addresses)"), "Source addresses", "Retention"],
    ["settings-credentials", "/settings?tab=credentials", at(".*/credentials$"), "Create secret", "in use here"],
    ["settings-issuer", "/settings?tab=issuer", at("trusted-issuer"), "Settings", "Issuer (iss)"],
  ];
  const tenants = `/webhooks/${filled.tenantsId}`;
  const inPortal: Row[] = [
    ["webhooks", "/webhooks", at(`webhooks${LIST}`), "Webhooks", "Acme's own"],
    ["webhook", tenants, at(`webhooks/${ID}$`), "Webhooks", "Acme's own"],
    ["webhook-body", tenants, at("event-types"), "Acme's own", "User management"],
    ["webhook-deliveries", `${tenants}?tab=deliveries`, at("deliveries\\?"), "Acme's own", "User created"],
    ["webhook-settings", `${tenants}?tab=settings`, at(`webhooks/${ID}$`), "Webhooks", "Verify signatures"],
    ["webhook-health", `${tenants}?tab=health`, at("statistics\\?"), "Failures in a row", "Time to delivery"],
    ["delivery", `/deliveries/${filled.tenantsFailedId}`, at(`deliveries/${ID}$`), "Webhooks", "Last attempt:"],
    ["replays", "/replays", at(`jobs${LIST}`), "Replays", "Nothing was replayed yet"],
    ["event-types", "/event-types", at("event-types"), "Event types", "User management"],
    ["session", "/webhooks", at("portal-session$"), undefined, "Acme's own"],
  ];
  return [
    ...inConsole.map(([name, path, ...row]) => failing(name, server.url + path, ...row)),
    failing(
      "webhook-presets",
      `${server.url}/webhooks/${filled.plainId}`,
      at("presets"),
      "Newsletter",
      "Content type",
      {
        shows: "Customize payload",
        act: click("Customize payload", SAYS),
      },
    ),
    ...inPortal.map(([name, path, ...row], index) => {
      // The first one opens the session that the others are in: what opens it is not what fails.
      return failing(`portal-${name}`, index === 0 ? portal.url : portal.at(path), ...row);
    }),
  ];
}
