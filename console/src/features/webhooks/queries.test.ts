// @vitest-environment jsdom
import { QueryClient } from "@tanstack/react-query";
import { expect, test, vi } from "vitest";
import { webhookStatisticsQuery } from "./queries";

const asked = vi.hoisted(() => {
  const ids: string[][] = [];
  globalThis.fetch = async input => {
    const some = new URL((input as Request).url).searchParams.get("webhookIds")?.split(",") ?? [];
    ids.push(some);
    return Response.json({ items: some.map(webhookId => ({ webhookId })) });
  };
  return ids;
});

test("statistics of more webhooks than one call may name are asked for in several", async () => {
  const ids = Array.from({ length: 501 }, (_, index) => `w${index}`);
  const found = await new QueryClient().fetchQuery(webhookStatisticsQuery(ids));
  expect(asked.map(some => some.length)).toEqual([250, 250, 1]);
  expect([...found.keys()]).toEqual(ids);
});
