//! What the page is called, in the browser's tab and for whoever has it read out: what it shows, what kind of page it is, and whose.
import { useMatches } from "@tanstack/react-router";
import { type ReactNode, useEffect, useLayoutEffect, useState, useSyncExternalStore } from "react";
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
  // Before anything is painted: a page is never told of with the name of the one before it.
  useLayoutEffect(() => {
    become(name);
    return () => become(undefined);
  }, [name]);
  return null;
}

/** Keeps the title of the browser's tab, and tells of another page politely. Once in a layout. */
export function PageTitle({ within }: { within: string[] }): ReactNode {
  const m = useMessages();
  const match = useMatches().at(-1);
  const pathname = match?.pathname ?? "";
  const kind = match?.staticData.title?.(m);
  const name = useSyncExternalStore(subscribe, () => shown);
  const title = titleOf([name, kind, ...within]);
  // Where there is none of these pages any more, what was shown last is nobody's business.
  useEffect(() => {
    const before = document.title;
    return () => {
      document.title = before;
    };
  }, []);
  useEffect(() => {
    document.title = title;
  }, [title]);
  // The first page is told of by the browser.
  const [first] = useState(pathname);
  const [hasMoved, setMoved] = useState(false);
  if (!hasMoved && pathname !== first) setMoved(true);
  return (
    <p className="visually-hidden" role="status">
      {/* Another page is told of anew also where it is called the same. */}
      <span key={pathname}>{hasMoved && titleOf([name, kind])}</span>
    </p>
  );
}

const titleOf = (parts: (string | undefined)[]): string => [...new Set(parts.filter(Boolean))].join(" · ");
