//! What the page is called, in the browser's tab and for whoever has it read out: what it shows, what kind of page it is, and whose.
import { useMatches } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { type Messages, useMessages } from "@/i18n";

declare module "@tanstack/react-router" {
  interface StaticDataRouteOption {
    /** What kind of page it is. */
    title?: (m: Messages) => string;
  }
}

let shown: string | undefined;
const listeners = new Set<() => void>();

function become(name: string | undefined): void {
  shown = name;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A page that shows something with a name says it by this. */
export function Named({ name }: { name: string }) {
  useEffect(() => {
    become(name);
    return () => become(undefined);
  }, [name]);
  return null;
}

/** Keeps the title of the browser's tab, and tells of another page politely. Once in a layout. */
export function PageTitle({ within }: { within: string[] }): ReactNode {
  const m = useMessages();
  const kind = useMatches().at(-1)?.staticData.title?.(m);
  const name = useSyncExternalStore(subscribe, () => shown);
  const title = [...new Set([name, kind, ...within].filter(Boolean))].join(" · ");
  useEffect(() => {
    document.title = title;
  }, [title]);
  // The first page is told of by the browser.
  const before = useRef(kind);
  const [told, setTold] = useState("");
  useEffect(() => {
    if (kind === before.current) return;
    before.current = kind;
    setTold(kind ?? "");
  }, [kind]);
  return (
    <p className="visually-hidden" role="status">
      {told}
    </p>
  );
}
