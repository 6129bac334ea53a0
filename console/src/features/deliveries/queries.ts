//! Deliveries and their attempts, as the server has them.
import { infiniteQueryOptions, queryOptions, useQueryClient } from "@tanstack/react-query";
import { api, must, type Schemas } from "@/api/client";
import { useMutation } from "@/api/mutation";
import type { DeliveryQuery } from "@/logic/deliveries";
import { rawMember } from "@/logic/json";

export type Delivery = Schemas["Delivery"];
export type Attempt = Schemas["Attempt"];
export type SentRequest = Schemas["SentRequest"];
export interface WholeDelivery {
  delivery: Delivery;
  /** What is sent, byte for byte; undefined where it is not kept. */
  body: string | undefined;
  method: string;
  contentType: string | undefined;
}

const PAGE = 100;

export const deliveriesQuery = (query: DeliveryQuery) =>
  infiniteQueryOptions({
    queryKey: ["deliveries", "list", query],
    queryFn: ({ pageParam, signal }) =>
      must(
        api.GET("/api/v1/deliveries", {
          params: { query: { ...query, limit: PAGE, ...(pageParam === undefined ? {} : { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.nextCursor ?? undefined,
    // The stream keeps it current.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });

/** The newest page of a list, past the cache. */
export const newestDeliveries = (query: DeliveryQuery) =>
  must(api.GET("/api/v1/deliveries", { params: { query: { ...query, limit: PAGE } } }));

/** The newest deliveries of a webhook, as many as one call tells: a sample of its exact answers. */
export const recentCodesQuery = (webhookId: string) =>
  queryOptions({
    queryKey: ["deliveries", "codes", webhookId],
    queryFn: ({ signal }) =>
      must(api.GET("/api/v1/deliveries", { params: { query: { webhookId, limit: 250 } }, signal })),
  });

export const deliveryQuery = (deliveryId: string) =>
  queryOptions({
    queryKey: ["deliveries", deliveryId],
    queryFn: async ({ signal }): Promise<WholeDelivery> => {
      const call = api.GET("/api/v1/deliveries/{deliveryId}", {
        params: { path: { deliveryId } },
        parseAs: "text",
        signal,
      });
      const text = (await must<string>(call as never)) as string;
      const {
        body: parsed,
        method,
        contentType,
        ...delivery
      } = JSON.parse(text) as Schemas["WholeDelivery"] & { body?: unknown };
      // What is no JSON comes as a string, and is shown as the text that it is.
      const body = typeof parsed === "string" ? parsed : parsed == null ? undefined : rawMember(text, "body");
      return { delivery, body, method: method ?? "POST", contentType: contentType ?? undefined };
    },
  });

export const attemptsQuery = (deliveryId: string) =>
  queryOptions({
    queryKey: ["deliveries", deliveryId, "attempts"],
    queryFn: async ({ signal }) =>
      (await must(api.GET("/api/v1/deliveries/{deliveryId}/attempts", { params: { path: { deliveryId } }, signal })))
        .items,
  });

/** The deliveries of an event, page by page. */
export const siblingsQuery = (eventId: string) =>
  infiniteQueryOptions({
    queryKey: ["events", eventId, "deliveries"],
    queryFn: ({ pageParam, signal }) =>
      must(
        api.GET("/api/v1/events/{eventId}/deliveries", {
          params: {
            path: { eventId },
            query: { limit: PAGE, ...(pageParam === undefined ? {} : { cursor: pageParam }) },
          },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.nextCursor ?? undefined,
  });

export function useResend() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (deliveryId: string) =>
      must(api.POST("/api/v1/deliveries/{deliveryId}/resend", { params: { path: { deliveryId } } })),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["events"] }),
  });
}

export function useSkip() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (deliveryId: string) =>
      must(api.POST("/api/v1/deliveries/{deliveryId}/skip", { params: { path: { deliveryId } } })),
    // Refused, too, where it has ended by the answer that was waited for.
    onSettled: (_skipped, _error, deliveryId) =>
      void queries.invalidateQueries({ queryKey: ["deliveries", deliveryId] }),
  });
}
