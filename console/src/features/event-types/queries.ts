//! Event types and categories, as the server has them.
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, must, type Schemas } from "@/api/client";
import { useMutation } from "@/api/mutation";
import { useFace } from "@/shell/face";

export type EventType = Schemas["EventType"];

export const eventTypesQuery = queryOptions({
  queryKey: ["event-types"],
  queryFn: async () => (await must(api.GET("/api/v1/event-types"))).items,
  staleTime: 60_000,
});

export const categoriesQuery = queryOptions({
  queryKey: ["categories"],
  queryFn: async () => (await must(api.GET("/api/v1/categories"))).items,
  staleTime: 60_000,
});

const NONE: EventType[] = [];

/** What event keys mean. Nothing where the reader may not see event types: then keys stand for themselves. */
export function useEventTypes(): EventType[] {
  const face = useFace();
  return useQuery({ ...eventTypesQuery, enabled: face.can("readEvents") }).data ?? NONE;
}

export function useEventTypeName(): (key: string | null | undefined) => string | undefined {
  const types = useEventTypes();
  return key => types.find(type => type.key === key)?.displayName;
}

export function useSaveEventType() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (save: { made: Schemas["NewEventType"] } | { id: string; patch: Schemas["EventTypePatch"] }) =>
      "made" in save
        ? must(api.POST("/api/v1/event-types", { body: save.made }))
        : must(
            api.PATCH("/api/v1/event-types/{eventTypeId}", {
              params: { path: { eventTypeId: save.id } },
              body: save.patch,
            }),
          ),
    onSuccess: saved => {
      queries.setQueryData(eventTypesQuery.queryKey, types =>
        types?.map(type => (type.id === saved.id ? saved : type)),
      );
      forget(queries);
    },
  });
}

export function useDeleteEventType() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (eventTypeId: string) =>
      must(api.DELETE("/api/v1/event-types/{eventTypeId}", { params: { path: { eventTypeId } } })),
    onSuccess: () => forget(queries),
  });
}

export function useSaveCategory() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, name }: { id: string | undefined; name: string }) =>
      id === undefined
        ? must(api.POST("/api/v1/categories", { body: { name } }))
        : must(api.PATCH("/api/v1/categories/{categoryId}", { params: { path: { categoryId: id } }, body: { name } })),
    onSuccess: () => forget(queries),
  });
}

export function useDeleteCategory() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (categoryId: string) =>
      must(api.DELETE("/api/v1/categories/{categoryId}", { params: { path: { categoryId } } })),
    onSuccess: () => forget(queries),
  });
}

function forget(queries: ReturnType<typeof useQueryClient>) {
  void queries.invalidateQueries({ queryKey: ["event-types"] });
  void queries.invalidateQueries({ queryKey: ["categories"] });
}
