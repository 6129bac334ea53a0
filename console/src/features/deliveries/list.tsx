//! A list of deliveries that follows what happens: filters in the URL, rows on demand, changes by push.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Activity, RotateCw } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { useMessages } from "@/i18n";
import {
  countNew,
  type DeliveryFilters,
  type DeliverySearch,
  deliveryQuery,
  matchesFilters,
  upsert,
} from "@/logic/deliveries";
import { useFace } from "@/shell/face";
import { usePageSearch } from "@/shell/search";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Empty, ErrorNotice, MoreFailed, Skeleton } from "@/ui/states";
import { Time } from "@/ui/time";
import { BulkResend } from "./bulk-resend";
import { DeliveryFiltersBar } from "./filters";
import { useLive } from "./live";
import { LiveSwitch } from "./live-switch";
import { type Delivery, deliveriesQuery } from "./queries";
import { DeliveryRows } from "./rows";
import "./deliveries.css";

export function Deliveries({ webhookId }: { webhookId: string | undefined }) {
  const m = useMessages();
  const face = useFace();
  const [search, change] = usePageSearch<DeliverySearch | "live">();
  // "The last hour" is the hour before the filters were set; the live tail adds what comes after.
  const key = JSON.stringify({ ...search, live: undefined });
  const [anchor, setAnchor] = useState(() => ({ key, now: Date.now() }));
  if (anchor.key !== key) setAnchor({ key, now: Date.now() });
  const query = useMemo(() => {
    const filters: DeliveryFilters = JSON.parse(anchor.key);
    return deliveryQuery(webhookId ? { ...filters, webhook: webhookId } : filters, anchor.now);
  }, [anchor, webhookId]);
  const live = search.live !== "0";
  const options = deliveriesQuery(query);
  const list = useInfiniteQuery(options);
  const queries = useQueryClient();
  const [waiting, setWaiting] = useState<Set<string>>(new Set());
  const [resending, setResending] = useState(false);

  const reload = useCallback(() => {
    setWaiting(new Set());
    setAnchor(previous => ({ ...previous, now: Date.now() }));
    void queries.resetQueries({ queryKey: ["deliveries", "list"] });
  }, [queries]);

  const streamed = new URLSearchParams();
  if (webhookId) streamed.set("webhookId", webhookId);
  else if (search.tenant) streamed.set("tenantId", search.tenant);
  if (search.job) streamed.set("jobId", search.job);
  const state = useLive(streamed.size > 0 ? `?${streamed}` : "", {
    onOpen: () => void queries.invalidateQueries({ queryKey: options.queryKey }),
    onMissed: reload,
    onDeliveries: changed => {
      const accepts = (row: Delivery) => matchesFilters(row, query);
      const before = queries.getQueryData(options.queryKey);
      if (!before) return;
      if (!live) {
        const fresh = countNew(before.pages, changed, accepts);
        if (fresh.length > 0) setWaiting(known => new Set([...known, ...fresh]));
      }
      queries.setQueryData(
        options.queryKey,
        data => data && { ...data, pages: upsert(data.pages, changed, row => live && accepts(row)).pages },
      );
    },
  });

  const rows = useMemo(() => list.data?.pages.flatMap(page => page.items) ?? [], [list.data]);
  const searchedUntil = list.data?.pages.at(-1)?.searchedUntil;
  const filtered =
    Object.keys(query).some(name => name !== "webhookId") || (!webhookId && query.webhookId !== undefined);
  return (
    <>
      <DeliveryFiltersBar search={search} change={change} fixedWebhook={webhookId !== undefined} />
      <div className="row row-wrap row-between">
        <LiveSwitch
          on={live}
          state={state}
          isSearching={query.text !== undefined}
          onChange={on => change({ live: on ? "" : "0" })}
          onSearchAgain={reload}
        />
        <span className="row">
          {waiting.size > 0 && (
            <Button size="small" look="primary" onClick={reload}>
              {m.deliveries.newOnes(waiting.size)}
            </Button>
          )}
          {face.can("writeWebhooks") && rows.length > 0 && !query.id && !query.jobId && (
            <Button size="small" icon={<RotateCw />} onClick={() => setResending(true)}>
              {m.bulk.open}
            </Button>
          )}
        </span>
      </div>
      <Card flush>
        {list.error && rows.length === 0 ? (
          <div className="card-body">
            <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />
          </div>
        ) : list.isPending ? (
          <div className="card-body">
            <Skeleton lines={8} />
          </div>
        ) : rows.length === 0 && !list.hasNextPage ? (
          <Empty
            icon={<Activity aria-hidden="true" />}
            title={filtered ? m.common.nothingFound : m.deliveries.none}
            actions={filtered && <Button onClick={() => change(nothing)}>{m.common.clearFilters}</Button>}
          >
            {filtered ? m.deliveries.noneMatch : m.deliveries.noneText}
          </Empty>
        ) : (
          <DeliveryRows
            rows={rows}
            withWebhook={webhookId === undefined}
            hasMore={list.hasNextPage}
            isLoading={list.isFetchingNextPage}
            hasFailed={list.isFetchNextPageError}
            onMore={() => void list.fetchNextPage()}
          />
        )}
        <MoreFailed list={list} />
        {searchedUntil && list.hasNextPage && !list.isFetchNextPageError && (
          <div className="card-foot row-between" role="status">
            <span className="soft">
              {m.deliveries.searchedUntil} <Time at={searchedUntil} />
            </span>
            <Button size="small" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
              {m.deliveries.searchOn}
            </Button>
          </div>
        )}
      </Card>
      <BulkResend open={resending} onClose={() => setResending(false)} query={query} />
    </>
  );
}

const nothing: Partial<Record<DeliverySearch, string>> = {
  q: "",
  state: "",
  event: "",
  webhook: "",
  tenant: "",
  status: "",
  since: "",
  from: "",
  to: "",
  job: "",
};
