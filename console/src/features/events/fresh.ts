//! Whether there are events that a list does not show yet, those that matched nothing included. The stream says that events were accepted;
//! the server is asked then whether one of them is what the list's filters want. While nothing happens nobody asks.
import { useEffect, useRef, useState } from "react";
import { useLive } from "@/features/deliveries/live";
import { throttled } from "@/logic/throttle";
import { type Event, type EventQuery, newestEvent } from "./queries";

/** How often the server is asked, at most. */
const ASK_MS = 2000;

interface Minute {
  at: string;
  events: number;
}

/** Whether the numbers of a minute may tell of events that those before did not: its count grew, or the minute before ended, of whose last
 * moment nothing was told. */
export const mayBeNew = (before: Minute | undefined, now: Minute): boolean =>
  before?.at !== now.at || before.events !== now.events;

/** `first`: the list's first page; undefined while it is not read. */
export function useFreshEvents(query: EventQuery, first: { items: Event[] } | undefined): boolean {
  const key = JSON.stringify(query);
  const newest = first?.items[0];
  const [found, setFound] = useState({ key, id: "" });
  const latest = useRef({ key, query, newest, isRead: false });
  const isDue = useRef(false);
  const before = useRef<Minute>(undefined);
  const [ask] = useState(() =>
    throttled(() => {
      const { key, query, newest, isRead } = latest.current;
      isDue.current = !isRead;
      if (!isRead) return;
      newestEvent(query, newest?.acceptedAt).then(
        event => event && setFound({ key, id: event.id }),
        // The next event asks again.
        () => undefined,
      );
    }, ASK_MS),
  );
  useEffect(() => {
    latest.current = { key, query, newest, isRead: first !== undefined };
    if (first && isDue.current) ask();
  });
  useEffect(() => ask.cancel, [ask]);
  useLive("?statistics=true", {
    onOpen: ask,
    onMissed: ask,
    onPoint: ({ at, events }) => {
      if (mayBeNew(before.current, { at, events })) ask();
      before.current = { at, events };
    },
  });
  return first !== undefined && found.key === key && found.id > (newest?.id ?? "");
}
