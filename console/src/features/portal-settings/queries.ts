//! What tenants see, and links into their portal.
import { infiniteQueryOptions, queryOptions, useQueryClient } from "@tanstack/react-query";
import { api, must, type Schemas } from "@/api/client";
import { useMutation } from "@/api/mutation";

export type PortalSettings = Schemas["PortalSettings"];
export type Theme = Schemas["Theme"];

/** Members that were edited. */
export type PortalEdits = Partial<Omit<PortalSettings, "theme">> & { theme?: Partial<Theme> };

export const portalSettingsQuery = queryOptions({
  queryKey: ["portal-settings"],
  queryFn: ({ signal }) => must(api.GET("/api/v1/portal-settings", { signal })),
});

export function useSavePortalSettings() {
  const queries = useQueryClient();
  return useMutation({
    // They are put as a whole: what was not edited here goes back as it is by now, and not as it was when it was read.
    mutationFn: async ({ theme, ...edited }: PortalEdits) => {
      const now = await must(api.GET("/api/v1/portal-settings"));
      const body = { ...now, ...edited, ...(theme ? { theme: { ...now.theme, ...theme } } : {}) };
      return must(api.PUT("/api/v1/portal-settings", { body: body as never }));
    },
    onSuccess: settings => queries.setQueryData(portalSettingsQuery.queryKey, settings),
  });
}

export function useMakeLink() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["NewPortalLink"]) => must(api.POST("/api/v1/portal-links", { body })),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["portal-sessions"] }),
  });
}

export const portalSessionsQuery = infiniteQueryOptions({
  queryKey: ["portal-sessions"],
  queryFn: ({ pageParam, signal }) =>
    must(
      api.GET("/api/v1/portal-sessions", {
        params: { query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } as never },
        signal,
      }),
    ),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: page => page.nextCursor ?? undefined,
});

export function useRevokePortalSession() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (portalSessionId: string) =>
      must(api.DELETE("/api/v1/portal-sessions/{portalSessionId}", { params: { path: { portalSessionId } } })),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["portal-sessions"] }),
  });
}
