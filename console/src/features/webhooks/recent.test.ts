// @vitest-environment jsdom
import { QueryClient } from "@tanstack/react-query";
import { beforeEach, expect, test, vi } from "vitest";
import { recentEventsQuery } from "./recent";

const server = vi.hoisted(() => {
  const served = { asked: [] as string[], answer: (_path: string): unknown[] => [] };
  globalThis.fetch = async input => {
    const { pathname, search } = new URL((input as Request).url);
    served.asked.push(pathname + search);
    return Response.json({ items: served.answer(pathname + search) });
  };
  return served;
});

const acceptedAt = "2026-06-15T12:00:00Z";
const delivery = (eventId: string) => ({ eventId, eventKey: "a", tenantId: "acme", createdAt: acceptedAt });
const read = (kind: "console" | "portal", eventKey?: string) =>
  new QueryClient().fetchQuery(recentEventsQuery({ webhookId: "own", tenantId: "acme", eventKey }, kind));

beforeEach(() => {
  server.asked.length = 0;
});

test("in the console, a webhook that never got an event is offered those of its tenant and type, newest first", async () => {
  server.answer = path =>
    path.startsWith("/api/v1/events?")
      ? ["1", "3"].map(id => ({ id, eventKey: "a", tenantId: "acme", acceptedAt }))
      : path.startsWith("/api/v1/deliveries?")
        ? [delivery("2"), delivery("3")]
        : [];
  expect((await read("console", "a")).map(event => event.id)).toEqual(["3", "2", "1"]);
  expect(server.asked.find(path => path.startsWith("/api/v1/events?"))).toContain("tenantId=acme");
});

test("a tenant, who may list no events, is offered what went to its other webhooks", async () => {
  server.answer = path =>
    path.startsWith("/api/v1/webhooks?")
      ? [{ id: "own" }, { id: "other" }]
      : path.includes("webhookId=other")
        ? [delivery("1")]
        : [];
  expect((await read("portal")).map(event => event.id)).toEqual(["1"]);
  expect(server.asked.some(path => path.startsWith("/api/v1/events"))).toBe(false);
});
