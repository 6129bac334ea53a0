//! A list of deliveries that follows what happens: filters in the URL, rows on demand, changes by push.
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Activity, RotateCw } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { webhooksQuery } from "@/features/webhooks/queries";
import { useMessages } from "@/i18n";
import { type DeliveryFilters, type DeliverySearch, deliveryQuery } from "@/logic/deliveries";
import { useFace } from "@/shell/face";
import { usePageSearch } from "@/shell/search";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Empty, ErrorNotice, MoreFailed, Skeleton } from "@/ui/states";
import { Time } from "@/ui/time";
import { ClearFilters } from "@/ui/typed";
import { BulkResend } from "./bulk-resend";
import { DeliveryFiltersBar } from "./filters";
import { LiveSwitch } from "./live-switch";
import { deliveriesQuery } from "./queries";
import { DeliveryRows, showsNewest } from "./rows";
import { useTail } from "./tail";
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
  const list = useInfiniteQuery(deliveriesQuery(query));
  const queries = useQueryClient();
  const [resending, setResending] = useState(false);
  const shown = useRef<HTMLDivElement>(null);
  const tail = useTail({
    query,
    stream: useStreamed(webhookId, search),
    isOn: live,
    showsNewest: () => showsNewest(shown.current),
  });
  const { ids, isMore } = tail.waiting;
  const reload = () => {
    tail.forget();
    setAnchor(previous => ({ ...previous, now: Date.now() }));
    void queries.resetQueries({ queryKey: ["deliveries", "list"] });
  };

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
          state={tail.state}
          isSearching={query.text !== undefined}
          onChange={on => change({ live: on ? "" : "0" })}
          onSearchAgain={reload}
        />
        <span className="row">
          {(ids.size > 0 || isMore) && (
            <Button size="small" look="primary" onClick={reload}>
              {isMore ? m.deliveries.newOnesAndMore(ids.size) : m.deliveries.newOnes(ids.size)}
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
            actions={filtered && <ClearFilters onClear={() => change(nothing)} />}
          >
            {filtered ? m.deliveries.noneMatch : m.deliveries.noneText}
          </Empty>
        ) : (
          <DeliveryRows
            list={shown}
            rows={rows}
            withWebhook={webhookId === undefined}
            hasMore={list.hasNextPage}
            isLoading={list.isFetching}
            hasFailed={list.isFetchNextPageError}
            onMore={() => void list.fetchNextPage({ cancelRefetch: false })}
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

/** What the stream is asked for: as little as it can be narrowed down to. Of a webhook that is deleted there is none: its deliveries are told
 * with all others. */
function useStreamed(webhookId: string | undefined, { webhook, tenant, job }: DeliveryFilters): string {
  const isThere = useQuery(webhooksQuery).data?.items.some(each => each.id === webhook);
  const of = webhookId ?? (isThere ? webhook : undefined);
  const streamed = new URLSearchParams();
  if (of) streamed.set("webhookId", of);
  if (tenant) streamed.set("tenantId", tenant);
  if (job) streamed.set("jobId", job);
  return streamed.size > 0 ? `?${streamed}` : "";
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
