//! Events that happened and that a webhook can be tried with: its own, and others of the types that it subscribes to.
import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, must } from "@/api/client";
import { useEventTypes } from "@/features/event-types/queries";
import { isSubscribed } from "@/logic/subscriptions";
import { type Face, useFace } from "@/shell/face";
import type { Webhook } from "./queries";

export interface RecentEvent {
  id: string;
  eventKey: string;
  tenantId: string | undefined;
  acceptedAt: string;
}

/** Events that are offered. */
const OFFERED = 10;
/** Rows that are looked at where several types are subscribed to. */
const LOOKED_AT = 50;
/** Other webhooks of a tenant whose deliveries are looked at. */
const OTHERS = 4;

interface Asked {
  webhookId: string;
  tenantId: string | undefined;
  /** Of that type alone. */
  eventKey: string | undefined;
}

type Signal = { signal: AbortSignal };

async function deliveredTo(webhookId: string, eventKey: string | undefined, { signal }: Signal) {
  const query = { webhookId, limit: OFFERED, ...(eventKey === undefined ? {} : { eventKey }) };
  const { items } = await must(api.GET("/api/v1/deliveries", { params: { query }, signal }));
  return items.flatMap(({ eventId, eventKey: key, tenantId, createdAt }): RecentEvent[] =>
    key ? [{ id: eventId, eventKey: key, tenantId: tenantId ?? undefined, acceptedAt: createdAt }] : [],
  );
}

async function accepted({ tenantId, eventKey }: Asked, { signal }: Signal) {
  const query = {
    limit: eventKey === undefined ? LOOKED_AT : OFFERED,
    ...(eventKey === undefined ? {} : { eventKey }),
    ...(tenantId === undefined ? {} : { tenantId }),
  };
  const { items } = await must(api.GET("/api/v1/events", { params: { query }, signal }));
  return items.map(
    (event): RecentEvent => ({
      id: event.id,
      eventKey: event.eventKey,
      tenantId: event.tenantId ?? undefined,
      acceptedAt: event.acceptedAt,
    }),
  );
}

/** A tenant lists no events: only what went to webhooks of its own. */
async function deliveredToOthers({ webhookId, eventKey }: Asked, context: Signal) {
  const query = { limit: LOOKED_AT };
  const { items } = await must(api.GET("/api/v1/webhooks", { params: { query }, signal: context.signal }));
  const others = items.filter(({ id }) => id !== webhookId).slice(0, OTHERS);
  return (await Promise.all(others.map(({ id }) => deliveredTo(id, eventKey, context)))).flat();
}

/** Newest first, each once. They stay as they are while they are looked at: what is previewed does not change by itself. */
export const recentEventsQuery = (asked: Asked, kind: Face["kind"]) =>
  queryOptions({
    queryKey: ["recent-events", kind, asked],
    queryFn: async (context): Promise<RecentEvent[]> => {
      const [own, others] = await Promise.all([
        deliveredTo(asked.webhookId, asked.eventKey, context),
        kind === "console" ? accepted(asked, context) : deliveredToOthers(asked, context),
      ]);
      const found = new Map([...own, ...others].map(event => [event.id, event]));
      // Ids are in the order of time.
      return [...found.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });

const NONE: RecentEvent[] = [];

/** Undefined while they are being read. `eventKey`: of that type alone, which need not be subscribed to yet. */
export function useRecentEvents(webhook: Webhook, eventKey?: string): RecentEvent[] | undefined {
  const face = useFace();
  const types = useEventTypes();
  const asked = { webhookId: webhook.id, tenantId: webhook.tenantId ?? undefined, eventKey };
  const enabled = face.can("readDeliveries");
  const query = useQuery({ ...recentEventsQuery(asked, face.kind), enabled });
  if (!enabled || query.error) return NONE;
  return query.data
    ?.filter(event => event.eventKey === eventKey || isSubscribed(webhook.eventKeys, event.eventKey, types))
    .slice(0, OFFERED);
}
