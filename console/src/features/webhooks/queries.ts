//! Webhooks, as the server has them, and what can be done to them.
import { queryOptions, useQueryClient } from "@tanstack/react-query";
import { api, must, type Schemas } from "@/api/client";
import { useMutation } from "@/api/mutation";

export type Webhook = Schemas["Webhook"];
export type TestResult = Schemas["TestResult"];
export type WebhookStatistics = Schemas["OfWebhook"];

/** Pages of 250 that are read for the list at most: search and names are over what was read. */
const PAGES = 40;

export interface WebhookList {
  items: Webhook[];
  /** There are more than were read. */
  cut: boolean;
}

/** Webhooks that one call reads. */
export const WEBHOOKS_A_CALL = 250;

export const webhooksQuery = queryOptions({
  queryKey: ["webhooks"],
  queryFn: async ({ signal }): Promise<WebhookList> => {
    const items: Webhook[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < PAGES; page++) {
      const query = cursor === undefined ? { limit: WEBHOOKS_A_CALL } : { limit: WEBHOOKS_A_CALL, cursor };
      const answer = await must(api.GET("/api/v1/webhooks", { params: { query }, signal }));
      items.push(...answer.items);
      if (!answer.nextCursor) return { items, cut: false };
      cursor = answer.nextCursor;
    }
    return { items, cut: true };
  },
});

export const webhookQuery = (webhookId: string) =>
  queryOptions({
    queryKey: ["webhooks", webhookId],
    queryFn: ({ signal }) => must(api.GET("/api/v1/webhooks/{webhookId}", { params: { path: { webhookId } }, signal })),
  });

/** Webhooks whose statistics one call asks for. */
const AT_ONCE = 250;

/** Deliveries of the last day by hour, of the webhooks that are on the screen, however many they are. */
export const webhookStatisticsQuery = (ids: string[]) =>
  queryOptions({
    queryKey: ["webhook-statistics", ids],
    queryFn: async ({ signal }) => {
      const ask = (some: string[]) =>
        must(api.GET("/api/v1/statistics/webhooks", { params: { query: { webhookIds: some.join(",") } }, signal }));
      const parts = Array.from({ length: Math.ceil(ids.length / AT_ONCE) }, (_, part) =>
        ids.slice(part * AT_ONCE, (part + 1) * AT_ONCE),
      );
      const answers = await Promise.all(parts.map(ask));
      return new Map(answers.flatMap(({ items }) => items).map(item => [item.webhookId, item]));
    },
    enabled: ids.length > 0,
  });

function useFreshWebhook() {
  const queries = useQueryClient();
  return (webhook: Webhook) => {
    queries.setQueryData(webhookQuery(webhook.id).queryKey, webhook);
    queries.setQueryData(
      webhooksQuery.queryKey,
      list => list && { ...list, items: list.items.map(each => (each.id === webhook.id ? webhook : each)) },
    );
  };
}

export function useCreateWebhook() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["NewWebhook"]) => must(api.POST("/api/v1/webhooks", { body })),
    onSuccess: webhook => {
      queries.setQueryData(webhookQuery(webhook.id).queryKey, webhook);
      void queries.invalidateQueries({ queryKey: ["webhooks"], exact: true });
    },
  });
}

export function useChangeWebhook(webhookId: string) {
  const fresh = useFreshWebhook();
  return useMutation({
    mutationFn: (body: Schemas["WebhookPatch"]) =>
      must(api.PATCH("/api/v1/webhooks/{webhookId}", { params: { path: { webhookId } }, body })),
    onSuccess: fresh,
  });
}

export function useDeleteWebhook() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (webhookId: string) =>
      must(api.DELETE("/api/v1/webhooks/{webhookId}", { params: { path: { webhookId } } })),
    onSuccess: (_, webhookId) => {
      queries.removeQueries({ queryKey: ["webhooks", webhookId] });
      void queries.invalidateQueries({ queryKey: ["webhooks"] });
    },
  });
}

export function useTestWebhook(webhookId: string) {
  return useMutation({
    mutationFn: (body: Schemas["TestForm"]) =>
      must(api.POST("/api/v1/webhooks/{webhookId}/test", { params: { path: { webhookId } }, body })),
  });
}

export function useTestDraft() {
  return useMutation({
    mutationFn: (body: Schemas["DraftForm"]) => must(api.POST("/api/v1/webhook-tests", { body })),
  });
}

export function useRotateSecret(webhookId: string) {
  const fresh = useFreshWebhook();
  return useMutation({
    mutationFn: (body: Schemas["SecretRotation"]) =>
      must(api.POST("/api/v1/webhooks/{webhookId}/secret/rotate", { params: { path: { webhookId } }, body })),
    onSuccess: fresh,
  });
}

export function useEndOverlap(webhookId: string) {
  const fresh = useFreshWebhook();
  return useMutation({
    mutationFn: () =>
      must(api.DELETE("/api/v1/webhooks/{webhookId}/secret/previous", { params: { path: { webhookId } } })),
    onSuccess: fresh,
  });
}

/** A new Ed25519 key; the old one signs beside it for a day. */
export function useRotateKey(webhookId: string) {
  const fresh = useFreshWebhook();
  return useMutation({
    mutationFn: () =>
      must(api.POST("/api/v1/webhooks/{webhookId}/key/rotate", { params: { path: { webhookId } }, body: {} })),
    onSuccess: fresh,
  });
}
