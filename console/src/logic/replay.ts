//! Where a replay begins: with what was looked at before.
import { searchedFor, timesOf } from "./deliveries";

export type NewReplaySearch = "webhooks" | "from" | "to" | "event" | "eventId" | "tenant" | "include" | "rate" | "left";

/** What a list can be narrowed down by and a replay cannot. */
export const LEFT = ["text", "id", "matched", "state", "status", "webhook"] as const;
export type Left = (typeof LEFT)[number];

/** The filters of the list of events, as its URL has them. */
export interface EventFilters {
  q?: string;
  event?: string;
  tenant?: string;
  matched?: string;
  state?: string;
  status?: string;
  webhook?: string;
  since?: string;
  from?: string;
  to?: string;
}

/** The form that sends what a list of events shows; `left` names the filters that a replay does not take. */
export function replayOf(filters: EventFilters, now: number): Partial<Record<NewReplaySearch, string>> {
  const search: Partial<Record<NewReplaySearch, string>> = {};
  if (filters.event) search.event = filters.event;
  if (filters.tenant) search.tenant = filters.tenant;
  Object.assign(search, timesOf(filters, now));
  const { id, text } = searchedFor(filters.q);
  const given = { ...filters, id, text };
  const left = LEFT.filter(name => given[name]);
  if (left.length > 0) search.left = left.join(",");
  return search;
}

const DAY_MS = 86_400_000;
/** What waited when a webhook was disabled had been accepted before: retries take up to 32 hours. */
const WAITED_MS = 2 * DAY_MS;

export interface Discarded {
  count: number;
  /** When the first of them were. */
  since: string;
  /** From when on to replay so that none is left out. */
  from: string;
}

/** What was discarded, by the spans of a webhook's statistics. */
export function discardedIn(points: { at: string; discarded: number }[]): Discarded | null {
  const some = points.filter(point => point.discarded > 0);
  const since = some.map(point => point.at).sort()[0];
  if (since === undefined) return null;
  return {
    count: some.reduce((sum, point) => sum + point.discarded, 0),
    since,
    from: new Date(Date.parse(since) - WAITED_MS).toISOString(),
  };
}

interface Replayed {
  kind: string;
  state: string;
  request: {
    webhookIds?: string[] | null;
    from?: string | null;
    to?: string | null;
    eventId?: string | null;
    eventKey?: string | null;
    tenantId?: string | null;
  };
}

/** Whether a replay to the webhook has taken all that was discarded, the last at that moment. */
export function isReplayed(
  jobs: Replayed[],
  webhook: { id: string; tenantId?: string | null },
  discarded: Discarded,
  lastAt: string,
): boolean {
  return jobs.some(({ kind, state, request }) => {
    const { webhookIds, from, to, eventId, eventKey, tenantId } = request;
    const isNarrow = Boolean(eventId || eventKey || (tenantId && tenantId !== webhook.tenantId));
    return (
      kind === "replay" &&
      state !== "cancelled" &&
      webhookIds?.includes(webhook.id) === true &&
      !isNarrow &&
      Date.parse(from ?? "") <= Date.parse(discarded.since) &&
      Date.parse(to ?? "") > Date.parse(lastAt)
    );
  });
}
