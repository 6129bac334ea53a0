// @vitest-environment jsdom
// Forms whose server takes the whole, or a part: what somebody else saved meanwhile stays.
import { cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EventTypePage } from "@/features/event-types/edit";
import { PortalSettingsPage } from "@/features/portal-settings/page";
import { IssuerCard } from "@/features/settings/issuer";
import { openScreen, standInForLayout } from "../../tests/screens";

const server = vi.hoisted(() => {
  const served = { has: {} as Record<string, unknown>, sent: [] as unknown[] };
  globalThis.fetch = async input => {
    const request = input as Request;
    const { pathname } = new URL(request.url);
    if (request.method === "GET") return Response.json(served.has[pathname] ?? { items: [] });
    const body = await request.json();
    served.sent.push(body);
    return Response.json(body);
  };
  return served;
});

vi.mock("@/ui/editor", () => ({ default: () => null }));
vi.mock("@/features/event-types/activity", () => ({ default: () => null }));

const PORTAL = "/api/v1/portal-settings";
const ISSUER = "/api/v1/trusted-issuer";
const portal = { webhooks: "always", allowedOrigins: ["https://a.example"], theme: { accent: "#112233", radius: 4 } };
const issuer = {
  issuer: "https://id.example",
  audience: "hooks",
  keyKind: "jwksUrl",
  jwksUrl: "https://id.example/jwks",
  tenantClaim: "tenantId",
  permissionsClaim: "permissions",
};
const type = {
  id: "t1",
  key: "orders.paid",
  displayName: "Order paid",
  description: "",
  category: "Orders",
  schemaMode: "off",
  schemaVersion: 0,
  isVisibleToTenants: true,
  updatedAt: "2026-06-15T12:00:00Z",
};

beforeEach(() => {
  server.has = { [PORTAL]: portal, [ISSUER]: issuer, "/api/v1/event-types": { items: [type] } };
  server.sent = [];
  standInForLayout();
});
afterEach(cleanup);

const open = (Screen: () => ReactNode, search: string) => openScreen("/$eventTypeId", ["tab"], Screen, `/t1${search}`);

async function save(label: string, value: string): Promise<unknown> {
  fireEvent.change(await screen.findByLabelText(label, { selector: "input:not([type=color])" }), { target: { value } });
  fireEvent.click(screen.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(server.sent).toHaveLength(1));
  return server.sent[0];
}

test("one member of the theme", async () => {
  open(PortalSettingsPage, "?tab=theme");
  await screen.findByLabelText("Font family");
  const now = { ...portal, webhooks: "hidden", theme: { accent: "#445566", radius: 4 } };
  server.has[PORTAL] = now;
  expect(await save("Font family", "Inter")).toEqual({ ...now, theme: { ...now.theme, fontFamily: "Inter" } });
});

test("one member of what an event type is", async () => {
  open(EventTypePage, "");
  expect(await save("Name", "Paid")).toEqual({ displayName: "Paid" });
});

test("one member of the identity provider's", async () => {
  open(IssuerCard, "");
  await screen.findByLabelText("Audience (aud)");
  server.has[ISSUER] = { ...issuer, issuer: "https://other.example", jwksUrl: "https://other.example/jwks" };
  expect(await save("Audience (aud)", "events")).toEqual({
    issuer: "https://other.example",
    audience: "events",
    jwksUrl: "https://other.example/jwks",
    tenantClaim: "tenantId",
    permissionsClaim: "permissions",
  });
});
