// @vitest-environment jsdom
import { act, cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NewEventType } from "@/features/event-types/edit";
import { SendEvent } from "@/features/events/send";
import { Connect } from "@/features/webhooks/connect";
import { fromLocalInput } from "@/logic/time";
import { consoleFace, type Face, lookingFace } from "@/shell/face";
import { openScreen, standInForLayout } from "../../../tests/screens";
import { NewReplay } from "./new";

const server = vi.hoisted(() => {
  const served = { started: [] as unknown[] };
  const webhook = { id: "w1", displayName: "CRM", url: "https://example.com/", eventKeys: ["*"], isActive: true };
  globalThis.fetch = async input => {
    const request = input as Request;
    const { pathname } = new URL(request.url);
    if (pathname === "/api/v1/jobs") {
      served.started.push(await request.json());
      return Response.json({ id: "j1" });
    }
    if (pathname === "/api/v1/webhooks") return Response.json({ items: [webhook] });
    return Response.json({ items: [], deliveries: 3, complete: true });
  };
  return served;
});

vi.mock("@/ui/editor", () => ({ default: () => null }));

beforeEach(() => {
  server.started = [];
  standInForLayout();
});
afterEach(cleanup);

const open = (Screen: () => ReactNode, search: string, face: Face = consoleFace) =>
  openScreen("/replays/new", ["webhooks", "from", "to", "event", "tenant", "rate"], Screen, `/replays/new${search}`, {
    others: { "/replays/$jobId": () => <p>The job</p> },
    face,
  });

const field = (name: string | RegExp) => screen.findByLabelText<HTMLInputElement>(name);
const type = (element: HTMLElement, value: string) => fireEvent.change(element, { target: { value } });

test("what is started is what is seen, and the address follows", async () => {
  const from = fromLocalInput("2026-11-26T12:00") as string;
  const router = open(NewReplay, `?webhooks=w1&from=${from}`);
  const rate = await field("Deliveries per second");
  type(rate, "");
  expect(rate.value).toBe("");
  expect(screen.getByRole<HTMLButtonElement>("button", { name: "Start replay" }).disabled).toBe(true);
  type(rate, "250");
  type(await field("Tenant"), "acme");
  type(await field("From"), "2026-10-25T12:00");
  // Within the rest before the address follows.
  await waitFor(() =>
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Start replay" }).disabled).toBe(false),
  );
  fireEvent.click(screen.getByRole("button", { name: "Start replay" }));
  await waitFor(() => expect(server.started).toHaveLength(1));
  expect(server.started[0]).toMatchObject({
    from: fromLocalInput("2026-10-25T12:00"),
    tenantId: "acme",
    ratePerSecond: 250,
  });
  await screen.findByText("The job");
  expect(router.state.location.pathname).toBe("/replays/j1");
});

test("a rate that was emptied stays empty when the address has none any more, and one from elsewhere comes in", async () => {
  const router = open(NewReplay, "?webhooks=w1&rate=100");
  const rate = await field("Deliveries per second");
  type(rate, "");
  await waitFor(() => expect(router.state.location.search).toEqual({ webhooks: "w1" }));
  expect(rate.value).toBe("");
  await act(() => router.navigate({ to: ".", search: { webhooks: "w1", rate: "7" } } as never));
  await waitFor(() => expect(rate.value).toBe("7"));
});

test("without a whole beginning nothing is started", async () => {
  open(NewReplay, "?webhooks=w1");
  const from = await field("From");
  const start = () => screen.getByRole<HTMLButtonElement>("button", { name: "Start replay" });
  await waitFor(() => expect(start().disabled).toBe(false));
  type(from, "0202-10-25T12:00");
  await waitFor(() => expect(start().disabled).toBe(true));
  type(from, "2026-10-25T12:00");
  await waitFor(() => expect(start().disabled).toBe(false));
  type(from, "");
  await screen.findByText("Enter when the events begin.");
  expect(start().disabled).toBe(true);
});

test.each<[name: string, Screen: () => ReactNode]>([
  ["a replay", NewReplay],
  ["an event", SendEvent],
  ["an event type", NewEventType],
  ["a webhook", Connect],
])("whoever only looks is told so in place of the form of %s", async (_, Screen) => {
  open(Screen, "", lookingFace);
  await screen.findByText("You can look around here, and change nothing");
  expect(document.querySelectorAll("input, textarea, select, button")).toHaveLength(0);
});
