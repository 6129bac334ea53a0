// @vitest-environment jsdom
import { cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { consoleFace, type Face } from "@/shell/face";
import { openScreen, standInForLayout } from "../../../tests/screens";
import { Webhooks } from "./list";

const server = vi.hoisted(() => {
  const served = { statistics: async () => new Response() };
  const health = { state: "well", consecutiveFailures: 0 };
  const webhook = {
    id: "w1",
    displayName: "CRM",
    url: "https://example.com/",
    eventKeys: ["*"],
    isActive: true,
    health,
  };
  globalThis.fetch = async input => {
    const { pathname } = new URL((input as Request).url);
    if (pathname === "/api/v1/statistics/webhooks") return served.statistics();
    return Response.json({ items: pathname === "/api/v1/webhooks" ? [webhook] : [] });
  };
  return served;
});

vi.mock("@/api/stream", () => ({ listen: async () => undefined }));

const broken = async () => new Response(null, { status: 500 });
const read = async () => Response.json({ items: [{ webhookId: "w1", hours: [], successRate: 0.5 }] });
const UNREAD = "The figures of the last 24 hours could not be read.";

beforeEach(standInForLayout);
afterEach(cleanup);

async function open(face: Face = consoleFace) {
  const others = { "/webhooks/connect": Webhooks, "/webhooks/$webhookId": Webhooks };
  openScreen("/", [], Webhooks, "/", { others, face });
  await screen.findByRole("link", { name: "CRM" });
}

const headers = () => screen.getAllByRole("columnheader").map(header => header.textContent);

test("figures that cannot be read are told, in their columns too, until another try has read them", async () => {
  server.statistics = broken;
  await open();
  await screen.findByText(UNREAD);
  expect(headers()).toEqual(["Name", "URL", "Status", "Last 24 h", "Success"]);
  expect(screen.getAllByRole("img", { name: "Not known" })).toHaveLength(2);
  expect(screen.getByRole("link", { name: "CRM" })).toBeTruthy();
  let answer: (response: Response) => void = () => {};
  server.statistics = () => new Promise(resolve => (answer = resolve));
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await waitFor(() => expect(screen.getByRole("button", { name: "Try again" }).ariaBusy).toBe("true"));
  expect(screen.getByText(UNREAD)).toBeTruthy();
  answer(await read());
  await screen.findByText("50%");
  expect(screen.queryByText(UNREAD)).toBeNull();
  expect(screen.queryByRole("img", { name: "Not known" })).toBeNull();
});

test("who may not see deliveries is told of no figures", async () => {
  const asked = vi.fn(broken);
  server.statistics = asked;
  await open({ ...consoleFace, can: permission => permission !== "readDeliveries" });
  expect(headers()).toEqual(["Name", "URL", "Status"]);
  expect(asked).not.toHaveBeenCalled();
});
