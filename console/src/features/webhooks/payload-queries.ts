//! Custom payloads: presets to start from, and previews.
import { queryOptions } from "@tanstack/react-query";
import { api, must, type Schemas } from "@/api/client";
import { useMutation } from "@/api/mutation";

export type Preview = Schemas["Preview"];

export const presetsQuery = queryOptions({
  queryKey: ["presets"],
  queryFn: async ({ signal }) => (await must(api.GET("/api/v1/presets", { signal }))).items,
  staleTime: Number.POSITIVE_INFINITY,
});

/** The exact request for an event or a sample. What is being edited goes with it; nothing is sent to the endpoint. */
export const previewQuery = (webhookId: string, body: Schemas["PreviewForm"]) =>
  queryOptions({
    queryKey: ["preview", webhookId, body],
    queryFn: ({ signal }) =>
      must(api.POST("/api/v1/webhooks/{webhookId}/preview", { params: { path: { webhookId } }, body, signal })),
    retry: false,
    gcTime: 10_000,
  });

export function useTestFilter() {
  return useMutation({
    mutationFn: (body: Schemas["FilterTest"]) => must(api.POST("/api/v1/filters/test", { body: body as never })),
  });
}
