//! What stands where event types would, while there are none.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useFace } from "@/shell/face";
import { ErrorNotice, Skeleton } from "@/ui/states";
import { eventTypesQuery } from "./queries";

/** That they are still read, or why they could not be; `children` only where there really are none for the reader. */
export function NoEventTypes({ lines = 4, children }: { lines?: number; children?: ReactNode }) {
  const face = useFace();
  const query = useQuery({ ...eventTypesQuery, enabled: face.can("readEvents") });
  if (query.isLoading) return <Skeleton lines={lines} />;
  if (query.data === undefined && query.error)
    return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  return children;
}
