//! Moments: relative, with the exact time on hover.
import { useSyncExternalStore } from "react";
import { useMessages } from "@/i18n";
import { exactTime, relativeTime } from "@/logic/time";

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let minute = 0;

/** One timer for all moments on the screen; none while there are none. */
function subscribe(listener: () => void) {
  listeners.add(listener);
  timer ??= setInterval(() => {
    minute += 1;
    for (const each of listeners) each();
  }, 10_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The moment, again and again, for what changes as time passes. */
export function useNow(): number {
  useSyncExternalStore(subscribe, () => minute);
  return Date.now();
}

export function Time({ at }: { at: string }) {
  const m = useMessages();
  const now = useNow();
  return (
    <time dateTime={at} title={exactTime(at, m.locale)} className="nowrap">
      {relativeTime(at, now, m.locale)}
    </time>
  );
}

/** The same in a word, for places where an element cannot stand. */
export function useRelative(): (at: string) => string {
  const m = useMessages();
  return at => relativeTime(at, Date.now(), m.locale);
}
