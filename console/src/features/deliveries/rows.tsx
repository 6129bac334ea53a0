//! The rows of a list of deliveries: only those on the screen are in the document, however many there are.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useVirtualizer, useWindowVirtualizer, type VirtualItem } from "@tanstack/react-virtual";
import { type ReactNode, type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useEventTypeName } from "@/features/event-types/queries";
import { webhooksQuery } from "@/features/webhooks/queries";
import { useMessages } from "@/i18n";
import { useFace } from "@/shell/face";
import { classes } from "@/ui/classes";
import { Time } from "@/ui/time";
import type { Delivery } from "./queries";
import { StateBadge, StatusCode } from "./state-badge";
import "./deliveries.css";

const ROW = 49;
const HEAD = 36;
/** How near to the end the next page is asked for. */
const AHEAD = 30;

interface RowsProps {
  /** The element of the whole table. */
  list: RefObject<HTMLDivElement | null>;
  rows: Delivery[];
  withWebhook: boolean;
  hasMore: boolean;
  isLoading: boolean;
  /** Whether the next page could not be read: the reader asks for it again then, not the table. */
  hasFailed: boolean;
  onMore: () => void;
}

/** Whether the newest rows are in sight, or the reader has yet to scroll down to them: rows that are put on top move none that are read. */
export function showsNewest(list: HTMLElement | null): boolean {
  if (!list) return true;
  const scrolled = list.querySelector(".delivery-box")?.scrollTop ?? 0;
  return scrolled < ROW && list.getBoundingClientRect().top > -(HEAD + ROW);
}

/** The console scrolls as a page. The portal's frame grows with its content, so that its rows scroll in a box of their own. */
export function DeliveryRows(props: RowsProps) {
  return useFace().kind === "portal" ? <BoxRows {...props} /> : <PageRows {...props} />;
}

const common = (rows: Delivery[]) => ({
  count: rows.length,
  estimateSize: () => ROW,
  overscan: 12,
  getItemKey: (index: number) => rows[index]?.id ?? index,
});

function PageRows(props: RowsProps) {
  const body = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  // What stands above can grow or shrink with any rendering.
  useLayoutEffect(() => {
    if (body.current) setTop(Math.round(body.current.getBoundingClientRect().top + window.scrollY));
  });
  const virtualizer = useWindowVirtualizer({ ...common(props.rows), scrollMargin: top });
  return (
    <Frame {...props} last={virtualizer.getVirtualItems().at(-1)?.index ?? 0}>
      <div ref={body} role="rowgroup" className="delivery-body" style={{ height: virtualizer.getTotalSize() }}>
        <Items rows={props.rows} items={virtualizer.getVirtualItems()} top={top} withWebhook={props.withWebhook} />
      </div>
    </Frame>
  );
}

function BoxRows(props: RowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({ ...common(props.rows), getScrollElement: () => box.current });
  return (
    <Frame {...props} last={virtualizer.getVirtualItems().at(-1)?.index ?? 0}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div ref={box} className="delivery-box" tabIndex={0} role="rowgroup">
        <div role="presentation" className="delivery-body" style={{ height: virtualizer.getTotalSize() }}>
          <Items rows={props.rows} items={virtualizer.getVirtualItems()} top={0} withWebhook={props.withWebhook} />
        </div>
      </div>
    </Frame>
  );
}

function Items({
  rows,
  items,
  top,
  withWebhook,
}: {
  rows: Delivery[];
  items: VirtualItem[];
  top: number;
  withWebhook: boolean;
}) {
  return items.map(item => {
    const row = rows[item.index];
    return row && <Row key={row.id} row={row} index={item.index} offset={item.start - top} withWebhook={withWebhook} />;
  });
}

function Frame({
  list,
  rows,
  withWebhook,
  hasMore,
  isLoading,
  hasFailed,
  onMore,
  last,
  children,
}: RowsProps & { last: number; children: ReactNode }) {
  const m = useMessages();
  useEffect(() => {
    if (hasMore && !isLoading && !hasFailed && last >= rows.length - AHEAD) onMore();
  }, [hasMore, isLoading, hasFailed, last, rows.length, onMore]);
  return (
    <div
      ref={list}
      role="table"
      aria-label={m.deliveries.title}
      aria-rowcount={hasMore ? -1 : rows.length + 1}
      className={classes("deliveries", withWebhook && "deliveries-webhook")}
    >
      <div role="rowgroup">
        <div role="row" aria-rowindex={1} className="delivery-head">
          <span role="columnheader">{m.deliveries.state}</span>
          <span role="columnheader">{m.deliveries.event}</span>
          {withWebhook && (
            <span role="columnheader" className="medium-up">
              {m.deliveries.webhook}
            </span>
          )}
          <span role="columnheader" className="wide-only">
            {m.deliveries.tenant}
          </span>
          <span role="columnheader" className="medium-up">
            {m.deliveries.answer}
          </span>
          <span role="columnheader" className="wide-only">
            {m.deliveries.attempts}
          </span>
          <span role="columnheader">{m.deliveries.created}</span>
        </div>
      </div>
      {children}
      {isLoading && (
        <p className="delivery-more soft" role="status">
          {m.common.loading}
        </p>
      )}
    </div>
  );
}

function Row({
  row,
  index,
  offset,
  withWebhook,
}: {
  row: Delivery;
  index: number;
  offset: number;
  withWebhook: boolean;
}) {
  const m = useMessages();
  const nameOf = useEventTypeName();
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className="delivery-row"
      style={{ transform: `translateY(${offset}px)` }}
      data-delivery={row.id}
    >
      <span role="cell">
        <StateBadge delivery={row} />
      </span>
      <span role="cell" className="delivery-event">
        <Link to="/deliveries/$deliveryId" params={{ deliveryId: row.id }} className="delivery-link truncate">
          {nameOf(row.eventKey) ?? row.eventKey ?? row.eventId}
        </Link>
        {row.origin !== "event" && (
          <span className="badge">{m.origins[row.origin as keyof typeof m.origins] ?? row.origin}</span>
        )}
      </span>
      {withWebhook && (
        <span role="cell" className="truncate medium-up">
          <WebhookName id={row.webhookId} />
        </span>
      )}
      <span role="cell" className="truncate wide-only soft">
        {row.tenantId ?? "–"}
      </span>
      <span role="cell" className="medium-up">
        <StatusCode attempt={row.lastAttempt} />
      </span>
      <span role="cell" className="numeric wide-only soft">
        {row.attempts}
      </span>
      <span role="cell" className="soft">
        <Time at={row.createdAt} />
      </span>
    </div>
  );
}

export function WebhookName({ id }: { id: string }) {
  const { data } = useQuery(webhooksQuery);
  const webhook = useMemo(() => data?.items.find(each => each.id === id), [data, id]);
  return <>{webhook?.displayName || webhook?.url || id}</>;
}
