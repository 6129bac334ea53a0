//! The live tail of a list of deliveries: what is new goes on top while the reader looks there, and is counted otherwise. Nothing that is
//! shown is thrown away for it: where changes come faster than they are told, the newest page alone is read again, and joined to the rest.
import { useIsFetching, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { countNew, type DeliveryQuery, hasRoom, joinNewest, matchesFilters, upsert } from "@/logic/deliveries";
import { throttled } from "@/logic/throttle";
import { type LiveState, MISSED_MS, useLive } from "./live";
import { type Delivery, deliveriesQuery, newestDeliveries } from "./queries";

/** New deliveries that are counted one by one. */
const COUNTED_MOST = 1000;

/** What is new and not shown. */
export interface Waiting {
  ids: ReadonlySet<string>;
  /** There may be others. */
  isMore: boolean;
}

const NOTHING: Waiting = { ids: new Set(), isMore: false };

export interface Tail {
  state: LiveState;
  waiting: Waiting;
  /** What waits is about to be shown. */
  forget: () => void;
}

export function useTail({
  query,
  stream,
  isOn,
  showsNewest,
}: {
  query: DeliveryQuery;
  /** What the stream is asked for, as with [`useLive`]. */
  stream: string;
  isOn: boolean;
  /** Whether the reader looks at the top of the list. */
  showsNewest: () => boolean;
}): Tail {
  const queries = useQueryClient();
  const { queryKey } = deliveriesQuery(query);
  const key = JSON.stringify(query);
  const [held, setHeld] = useState({ key, waiting: NOTHING });
  const waiting = held.key === key ? held.waiting : NOTHING;
  const change = (next: (waiting: Waiting) => Waiting) =>
    setHeld(held => ({ key, waiting: next(held.key === key ? held.waiting : NOTHING) }));
  // Whether a text is in them only the server can tell of new ones: the switch says so then.
  const sayMore = () => {
    if (query.text === undefined) change(waiting => ({ ...waiting, isMore: true }));
  };

  const accepts = (row: Delivery) => matchesFilters(row, query);
  const follows = () => isOn && query.text === undefined && showsNewest();
  const isBusy = () => queries.getQueryState(queryKey)?.fetchStatus === "fetching";

  /** What was told while the newest page is being read: it may be newer than that. */
  const meanwhile = useRef<Map<string, Delivery>>(undefined);
  const read = async (): Promise<void> => {
    // What is being read may be older than what was missed now.
    if (meanwhile.current) return catchUp();
    if (!follows()) return sayMore();
    // A page that is on its way takes the place of what is joined meanwhile.
    if (isBusy()) return catchUp();
    const told = new Map<string, Delivery>();
    meanwhile.current = told;
    try {
      const newest = await newestDeliveries(query);
      const data = queries.getQueryData(queryKey);
      if (!data || isBusy()) return catchUp();
      if (!showsNewest()) return sayMore();
      const joined = joinNewest<Delivery, (typeof data.pages)[number]>(data.pages, newest);
      const { pages } = upsert(joined.pages, [...told.values()], accepts);
      queries.setQueryData(queryKey, { pages, pageParams: data.pageParams.slice(0, pages.length) });
      change(() => ({ ...NOTHING, isMore: !joined.isWhole }));
    } catch {
      sayMore();
    } finally {
      meanwhile.current = undefined;
    }
  };
  const latest = useRef(read);
  useEffect(() => {
    latest.current = read;
  });
  const [catchUp] = useState(() => throttled(() => void latest.current(), MISSED_MS));
  useEffect(() => catchUp.cancel, [catchUp]);

  const put = (changed: Delivery[]) => {
    const data = queries.getQueryData(queryKey);
    if (!data) return;
    const fresh = countNew(data.pages, changed, accepts);
    const isFollowing = follows();
    // On top of what waits nothing is put: it would hide that something is missing below it.
    const adds = isFollowing && waiting.ids.size === 0 && hasRoom(data.pages, fresh.length);
    const { pages } = upsert(data.pages, changed, row => adds && accepts(row));
    if (pages !== data.pages) queries.setQueryData(queryKey, { ...data, pages });
    if (adds || fresh.length === 0) return;
    change(waiting => withMore(waiting, fresh));
    if (isFollowing) catchUp();
  };

  /** What was told while a page was on its way: that comes in the place of all that there was when it was asked for. */
  const whileRead = useRef(new Map<string, Delivery>());
  const isReading = useIsFetching({ queryKey, exact: true }) > 0;
  const putAgain = useRef(put);
  useEffect(() => {
    putAgain.current = put;
  });
  useEffect(() => {
    if (isReading || whileRead.current.size === 0) return;
    const told = [...whileRead.current.values()];
    whileRead.current = new Map();
    putAgain.current(told);
  }, [isReading]);

  const state = useLive(stream, {
    onOpen: () => {
      if (query.text === undefined) void queries.invalidateQueries({ queryKey });
    },
    onMissed: () => (follows() ? catchUp() : sayMore()),
    onDeliveries: changed => {
      for (const row of changed) {
        meanwhile.current?.set(row.id, row);
        if (isBusy()) whileRead.current.set(row.id, row);
      }
      put(changed);
    },
  });
  return { state, waiting, forget: () => change(() => NOTHING) };
}

function withMore({ ids, isMore }: Waiting, fresh: string[]): Waiting {
  const all = [...new Set([...ids, ...fresh])];
  return { ids: new Set(all.slice(0, COUNTED_MOST)), isMore: isMore || all.length > COUNTED_MOST };
}
