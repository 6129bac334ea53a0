//! Events, as the server has them.
import { infiniteQueryOptions, queryOptions, useQueryClient } from "@tanstack/react-query";
import { api, must, type Schemas } from "@/api/client";
import { useMutation } from "@/api/mutation";
import { ApiProblem } from "@/api/problem";
import { rawMember } from "@/logic/json";

export type Event = Schemas["Event"];

export interface EventQuery {
  eventKey?: string;
  tenantId?: string;
  matched?: boolean;
  state?: string;
  statusCode?: string;
  webhookId?: string;
  from?: string;
  to?: string;
  id?: string;
  text?: string;
}

export const eventsQuery = (query: EventQuery) =>
  infiniteQueryOptions({
    queryKey: ["events", "list", query],
    queryFn: ({ pageParam, signal }) =>
      must(
        api.GET("/api/v1/events", {
          params: { query: { ...query, limit: 50, ...(pageParam === undefined ? {} : { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.nextCursor ?? undefined,
  });

/** The newest event that the query means, of those accepted at that moment or later. */
export async function newestEvent(query: EventQuery, since: string | undefined): Promise<Event | undefined> {
  const from = since ?? query.from;
  const call = api.GET("/api/v1/events", { params: { query: { ...query, ...(from && { from }), limit: 1 } } });
  return (await must(call)).items[0];
}

export interface WholeEvent {
  event: Omit<Schemas["WholeEvent"], "body">;
  /** Byte for byte. */
  body: string;
}

export const eventQuery = (eventId: string) =>
  queryOptions({
    queryKey: ["events", eventId],
    queryFn: async ({ signal }): Promise<WholeEvent> => {
      const call = api.GET("/api/v1/events/{eventId}", { params: { path: { eventId } }, parseAs: "text", signal });
      const text = (await must<string>(call as never)) as string;
      const { body: _, ...event } = JSON.parse(text) as Schemas["WholeEvent"];
      return { event, body: rawMember(text, "body") ?? "" };
    },
  });

export interface Sending {
  eventKey: string;
  tenantId?: string;
  userId?: string;
  /** The text of a JSON object, which is sent as it was typed. */
  payload: string;
  /** Makes a second click the same event. */
  key: string;
}

export function useSendEvent() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async ({ payload, key, ...event }: Sending) => {
      // The text goes into the body untouched: numbers beyond a double's precision stay what they are.
      const head = JSON.stringify(event).slice(0, -1);
      const call = api.POST("/api/v1/events", {
        params: { header: { "Idempotency-Key": key } } as never,
        body: {} as never,
        bodySerializer: () => `${head},"payload":${payload}}`,
        headers: { "content-type": "application/json" },
      });
      const answer = await must(call);
      if (!answer.eventId) throw new ApiProblem(500, undefined);
      return answer;
    },
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["events", "list"] }),
  });
}
