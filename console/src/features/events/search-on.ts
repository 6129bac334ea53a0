//! A list that is searched page by page goes on by itself until there is enough to read, or until it is stopped.
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

/** Rows that are looked for at first, and how many more each time that more are asked for. */
const STEP = 50;

interface Searched {
  hasNextPage: boolean;
  isFetching: boolean;
  isFetchNextPageError: boolean;
  fetchNextPage: (options: { cancelRefetch: boolean }) => unknown;
}

export interface Search {
  isSearching: boolean;
  isStopped: boolean;
  stop: () => void;
  /** Looks for more rows, from where it stopped. */
  goOn: () => void;
}

/** `rows`: how many were found so far. */
export function useSearchOn(list: Searched, queryKey: QueryKey, rows: number): Search {
  const queries = useQueryClient();
  const key = JSON.stringify(queryKey);
  const start = { key, wanted: STEP, isStopped: false };
  const [asked, setAsked] = useState(start);
  const { wanted, isStopped } = asked.key === key ? asked : start;
  const isSearching = list.hasNextPage && !list.isFetchNextPageError && !isStopped && rows < wanted;
  // After every page, whether it brought rows or not.
  useEffect(() => {
    if (isSearching && !list.isFetching) void list.fetchNextPage({ cancelRefetch: false });
  });
  return {
    isSearching,
    isStopped,
    stop: () => {
      setAsked({ key, wanted, isStopped: true });
      void queries.cancelQueries({ queryKey, exact: true });
    },
    goOn: () => setAsked({ key, wanted: rows + STEP, isStopped: false }),
  };
}
