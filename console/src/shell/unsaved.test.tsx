// @vitest-environment jsdom
// Every screen that edits something says so while it is not saved.
import { QueryClient } from "@tanstack/react-query";
import { cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import { type ComponentType, Suspense } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NewEventType } from "@/features/event-types/edit";
import { SendEvent } from "@/features/events/send";
import { PortalSettingsPage } from "@/features/portal-settings/page";
import { IssuerCard } from "@/features/settings/issuer";
import { Settings } from "@/features/settings/page";
import { RetentionCard } from "@/features/settings/retention";
import { openScreen, standInForLayout } from "../../tests/screens";
import { mayLeave } from "./drafts";
import { sessionQuery } from "./session";

vi.hoisted(() => {
  const answers: Record<string, unknown> = {
    "/api/v1/event-types": { items: [{ id: "t1", key: "orders.paid", displayName: "Order paid", category: "Orders" }] },
    "/api/v1/categories": { items: [] },
    "/api/v1/retention": { days: null, defaultDays: 30, effectiveDays: 30 },
    "/api/v1/source-addresses": { addresses: [] },
    "/api/v1/portal-settings": { webhooks: "hidden", allowedOrigins: [], theme: {} },
  };
  globalThis.fetch = async input => {
    const answer = answers[new URL((input as Request).url).pathname];
    return Response.json(answer ?? {}, { status: answer ? 200 : 404 });
  };
});

vi.mock("@/ui/editor", () => ({ default: () => null }));

beforeEach(standInForLayout);
afterEach(cleanup);

function open(Screen: ComponentType, search: string) {
  const component = () => (
    <Suspense>
      <Screen />
    </Suspense>
  );
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  queries.setQueryData(sessionQuery.queryKey, { environments: [{ id: "e1", name: "Development" }] } as never);
  openScreen("/", ["tab"], component, `/${search}`, { queries });
}

/** Whether leaving would be asked about. */
async function asks(): Promise<boolean> {
  let isAsked = true;
  void mayLeave().then(() => {
    isAsked = false;
  });
  // What is not asked about is answered at once.
  await new Promise(resolve => setTimeout(resolve, 0));
  return isAsked;
}

const fill = async (label: string, text: string) =>
  void fireEvent.change(await screen.findByLabelText(label), { target: { value: text } });
const choose = async (name: RegExp) => void fireEvent.click(await screen.findByRole("radio", { name }));

type Act = () => Promise<void>;

test.each<[what: string, Screen: ComponentType, search: string, edit: Act, undo: Act]>([
  ["an event type", NewEventType, "", () => fill("Name", "Order paid"), () => fill("Name", "")],
  ["an event", SendEvent, "", () => fill("Tenant", "globex"), () => fill("Tenant", "acme")],
  ["an environment's name", Settings, "", () => fill("Name", "Staging"), () => fill("Name", "Development")],
  ["the retention", RetentionCard, "", () => choose(/of its own/), () => choose(/as the server/i)],
  ["the issuer", IssuerCard, "", () => fill("Audience (aud)", "hooks"), () => fill("Audience (aud)", "")],
  ["who sees webhooks", PortalSettingsPage, "", () => choose(/by permission/i), () => choose(/nobody/i)],
  ["the theme", PortalSettingsPage, "?tab=theme", () => fill("Font family", "Inter"), () => fill("Font family", "")],
])("leaving is asked about while %s is edited, and only then", async (_, Screen, search, edit, undo) => {
  open(Screen, search);
  await edit();
  await waitFor(async () => expect(await asks()).toBe(true));
  await undo();
  await waitFor(async () => expect(await asks()).toBe(false));
});
