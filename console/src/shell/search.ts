//! Filters and tabs live in the URL's query: plain strings, absent where they are not set.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";

/** The filters of the list of events. */
export const eventsSearch = [
  "q",
  "event",
  "tenant",
  "matched",
  "state",
  "status",
  "webhook",
  "since",
  "from",
  "to",
] as const;

export type Search<K extends string> = Partial<Record<K, string>>;

/** Keeps the named members that are strings. */
export function keep<K extends string>(...names: K[]): (raw: Record<string, unknown>) => Search<K> {
  return raw => {
    const search: Search<K> = {};
    for (const name of names) {
      const value = raw[name];
      if (typeof value === "string" && value !== "") search[name] = value;
    }
    return search;
  };
}

/** What the URL names, as a tab; the first where it names none that there is. */
export const oneOf = <T extends string>(named: string | undefined, all: readonly [T, ...T[]]): T =>
  all.find(each => each === named) ?? all[0];

export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const entries = Object.entries(search).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text}`;
}

/** The page's query and how to change a part of it; the rest stays. */
export function usePageSearch<K extends string>(): [Search<K>, (patch: Search<K>) => void] {
  const search = useSearch({ strict: false, structuralSharing: true } as never) as Search<K>;
  const navigate = useNavigate();
  const change = useCallback(
    (patch: Search<K>) => {
      void navigate({
        to: ".",
        search: ((previous: Record<string, unknown>) => ({ ...previous, ...patch })) as never,
        replace: true,
        resetScroll: false,
      });
    },
    [navigate],
  );
  return [search, change];
}

/** How long a form rests before its address follows. */
const REST_MS = 300;

/**
 * The page's query as a form has it: with what was edited over it at once, emptied members as they are. The URL follows when the editing
 * rests; a change of it from elsewhere takes the place of what was edited.
 */
export function useEditedSearch<K extends string>(): [Search<K>, (patch: Search<K>) => void] {
  const [search, write] = usePageSearch<K>();
  const [edits, setEdits] = useState<Search<K>>({});
  const isUnwritten = useRef(false);
  useEffect(() => {
    if (!isUnwritten.current) return;
    const timer = setTimeout(() => {
      isUnwritten.current = false;
      write(edits);
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [edits, write]);
  useEffect(() => {
    if (isUnwritten.current) return;
    setEdits(before =>
      (Object.keys(before) as K[]).every(name => (search[name] ?? "") === before[name]) ? before : {},
    );
  }, [search]);
  const change = useCallback((patch: Search<K>) => {
    isUnwritten.current = true;
    setEdits(before => ({ ...before, ...patch }));
  }, []);
  return [{ ...search, ...edits }, change];
}
