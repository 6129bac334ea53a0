//! The stream of deliveries: one connection for a screen that is looked at, told in batches so that a busy server does not keep the page
//! from painting. A hidden tab has none: a browser has few connections for all of its tabs.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { Schemas } from "@/api/client";
import { listen } from "@/api/stream";
import type { Job } from "@/features/replays/queries";
import { whileSeen } from "@/logic/seen";
import { throttled } from "@/logic/throttle";
import type { Delivery } from "./queries";

/** How often numbers on the screen are read again while things happen. */
const REFRESH_MS = 3000;
/** How often what takes many calls, and changes seldom, is read again while things happen. */
const SELDOM_MS = 60_000;
/** How long changes are gathered. */
const BATCH_MS = 200;
/** How often what is shown is read again, at most, where changes come faster than they are told. */
export const MISSED_MS = 3000;

/** `crowded`: as many follow already as may at a time. */
export type LiveState = "connecting" | "open" | "waiting" | "crowded" | "refused";

export interface LiveHandlers {
  onDeliveries?: (deliveries: Delivery[]) => void;
  onJob?: (job: Job) => void;
  onPoint?: (point: Schemas["Point"]) => void;
  /** The stream stands: what is read from now on misses nothing, what was read before may be older than what is told. */
  onOpen?: () => void;
  /** Changes were missed, or the stream began anew: what is shown may be older than what is. Told once in a while. */
  onMissed?: () => void;
}

/** Listens while the screen is there, and seen. `query` chooses what is told; null: not at all. */
export function useLive(query: string | null, handlers: LiveHandlers): LiveState {
  const [state, setState] = useState<LiveState>("connecting");
  const latest = useRef(handlers);
  const queries = useQueryClient();
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(() => {
    if (query === null) return;
    let batch = new Map<string, Delivery>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let opened = 0;
    const missed = throttled(() => latest.current.onMissed?.(), MISSED_MS);
    const flush = () => {
      timer = undefined;
      const changed = [...batch.values()];
      batch = new Map();
      latest.current.onDeliveries?.(changed);
    };
    return whileSeen(() => {
      const controller = new AbortController();
      if (opened > 0) setState("connecting");
      void listen(`/api/v1/deliveries/stream${query}`, controller.signal, {
        onState: next => {
          setState(next);
          // What ended the stream ends the session, mostly: the next call finds out.
          if (next === "refused") void queries.invalidateQueries();
          if (next !== "open") return;
          if (opened++ > 0) missed();
          else latest.current.onOpen?.();
        },
        onMessage: ({ event, data }) => {
          if (event === "delivery") {
            const delivery = JSON.parse(data) as Delivery;
            batch.set(delivery.id, delivery);
            timer ??= setTimeout(flush, BATCH_MS);
          } else if (event === "job") latest.current.onJob?.(JSON.parse(data) as Job);
          else if (event === "statistics") latest.current.onPoint?.(JSON.parse(data) as Schemas["Point"]);
          else if (event === "missed") missed();
        },
      });
      return () => {
        controller.abort();
        clearTimeout(timer);
        timer = undefined;
        batch = new Map();
        missed.cancel();
      };
    });
  }, [query, queries]);
  return state;
}

type Keys = readonly (readonly string[])[];

const NO_KEYS: Keys = [];

/** Reads queries again when the stream says that something happened, not more often than every few seconds, those of `seldom` not more
 * often than once a minute; while nothing does, not at all. `query` as with [`useLive`]. */
export function useFresh(query: string | null, keys: Keys, seldom: Keys = NO_KEYS): void {
  const soon = useLater(keys, REFRESH_MS);
  const later = useLater(seldom, SELDOM_MS);
  const happened = () => {
    soon();
    later();
  };
  useLive(query, { onDeliveries: happened, onPoint: happened, onMissed: happened });
}

/** Reads queries again after so many milliseconds, once for all that asked meanwhile. */
function useLater(keys: Keys, ms: number): () => void {
  const queries = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return () => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      // The list of webhooks is a query of its own; each webhook's is not read again with it.
      for (const queryKey of keys) void queries.invalidateQueries({ queryKey, exact: queryKey[0] === "webhooks" });
    }, ms);
  };
}
