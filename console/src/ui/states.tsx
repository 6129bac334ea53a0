//! What stands where there is nothing, not yet something, or something wrong.
import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { describeError, isUnreachable } from "@/api/problem";
import { whenReachable } from "@/api/reach";
import { useMessages } from "@/i18n";
import { Button } from "./button";
import { classes } from "./classes";

export function Empty({
  icon,
  title,
  children,
  actions,
}: {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <div className="empty">
      {icon}
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {actions && <div className="empty-actions">{actions}</div>}
    </div>
  );
}

export type NoticeTone = "calm" | "good" | "bad" | "warn" | "accent";

const ICONS = { calm: Info, good: CircleCheck, bad: CircleAlert, warn: TriangleAlert, accent: Info };

export function Notice({
  tone = "calm",
  children,
  role,
}: {
  tone?: NoticeTone;
  children: ReactNode;
  role?: "alert" | "status";
}) {
  const Icon = ICONS[tone];
  return (
    <div className={classes("notice", tone !== "calm" && `notice-${tone}`)} role={role}>
      <Icon aria-hidden="true" />
      <div className="grow">{children}</div>
    </div>
  );
}

/** Tries by itself what could not reach the server, once the server answers again. */
function useTriedAgain(error: unknown, retry: (() => void) | undefined): void {
  const latest = useRef(retry);
  useEffect(() => {
    latest.current = retry;
  });
  const waits = retry !== undefined && isUnreachable(error);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each failure waits anew
  useEffect(() => (waits ? whenReachable(() => latest.current?.()) : undefined), [waits, error]);
}

/** What the server said, with each thing that is wrong. `onRetry` is done by itself where the server was out of reach, unless it is to be
 * done `byHand`: what does more than read. */
export function ErrorNotice({
  error,
  byHand = false,
  onRetry,
}: {
  error: unknown;
  byHand?: boolean;
  onRetry?: () => void;
}) {
  const m = useMessages();
  const { text, said, details, requestId } = describeError(error, m);
  useTriedAgain(error, byHand ? undefined : onRetry);
  return (
    <Notice tone="bad" role="alert">
      <p className="break">{text}</p>
      {said && <p className="small break">{m.serverSays(said)}</p>}
      {details.length > 0 && (
        <ul>
          {details.map(detail => (
            <li key={`${detail.at} ${detail.detail}`} className="break">
              <code>{detail.at}</code> {detail.detail}
            </li>
          ))}
        </ul>
      )}
      {requestId && <p className="small soft break">{m.common.requestId(requestId)}</p>}
      {onRetry && (
        <p>
          <Button size="small" onClick={onRetry}>
            {m.common.tryAgain}
          </Button>
        </p>
      )}
    </Notice>
  );
}

export function Skeleton({ lines = 3 }: { lines?: number }) {
  const m = useMessages();
  const widths = ["60%", "85%", "45%", "70%"];
  return (
    <div className="stack stack-tight skeletons" role="status" aria-label={m.common.loading}>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <span key={line} className="skeleton" style={{ width: widths[line % widths.length] }} />
      ))}
    </div>
  );
}

interface Loadable<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

/** A query's three states in one place. */
export function Loaded<T>({
  query,
  lines,
  children,
}: {
  query: Loadable<T>;
  lines?: number;
  children: (data: T) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  return <Skeleton lines={lines ?? 4} />;
}

interface Continued {
  isFetchNextPageError: boolean;
  error: unknown;
  fetchNextPage: () => unknown;
}

/** Below the rows that are there, where those that follow could not be read. */
export function MoreFailed({ list }: { list: Continued }) {
  if (!list.isFetchNextPageError) return null;
  return (
    <div className="card-body">
      <ErrorNotice error={list.error} onRetry={() => void list.fetchNextPage()} />
    </div>
  );
}
