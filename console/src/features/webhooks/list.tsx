//! The webhooks of the environment, or of the portal's tenant.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus, Webhook as WebhookIcon } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";
import { useFresh } from "@/features/deliveries/live";
import { useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { percent } from "@/logic/numbers";
import { summary } from "@/logic/subscriptions";
import { useFace } from "@/shell/face";
import { usePageSearch } from "@/shell/search";
import { Badge } from "@/ui/badge";
import { Button, buttonClass } from "@/ui/button";
import { Card } from "@/ui/card";
import { CopyButton } from "@/ui/copy";
import { SelectField } from "@/ui/field";
import { Sparkline } from "@/ui/sparkline";
import { Empty, Loaded, Notice } from "@/ui/states";
import { type Column, Table } from "@/ui/table";
import { ClearFilters, TypedText } from "@/ui/typed";
import {
  type WebhookList as List,
  WEBHOOKS_A_CALL,
  type Webhook,
  type WebhookStatistics,
  webhookStatisticsQuery,
  webhooksQuery,
} from "./queries";
import { hasStatus, StatusBadge } from "./status";
import "./webhooks.css";

/** Rows that are shown at first, and how many more each time. */
const STEP = 50;

export type WebhooksSearch = "q" | "status" | "scope";

const STATISTICS = [["webhook-statistics"]];
const WEBHOOKS = [["webhooks"]];
const BOTH = [...STATISTICS, ...WEBHOOKS];

export function Webhooks() {
  const m = useMessages();
  const face = useFace();
  const query = useQuery(webhooksQuery);
  // Of many webhooks only the statistics of the rows that are shown are cheap to read again.
  const isCheap = query.data !== undefined && query.data.items.length <= WEBHOOKS_A_CALL;
  useFresh(face.can("readDeliveries") ? "" : null, isCheap ? BOTH : STATISTICS, isCheap ? undefined : WEBHOOKS);
  return (
    <div className="stack">
      <div className="page-head">
        <h1>{m.webhooks.title}</h1>
        {face.can("writeWebhooks") && (
          <Link to="/webhooks/connect" className={buttonClass("primary")}>
            <Plus aria-hidden="true" />
            {m.webhooks.connect}
          </Link>
        )}
      </div>
      <Loaded query={query} lines={6}>
        {list => (list.items.length === 0 ? <NoWebhooks /> : <Found list={list} />)}
      </Loaded>
    </div>
  );
}

function NoWebhooks() {
  const m = useMessages();
  const face = useFace();
  return (
    <Card>
      <Empty
        icon={<WebhookIcon aria-hidden="true" />}
        title={m.webhooks.none}
        actions={
          face.can("writeWebhooks") && (
            <Link to="/webhooks/connect" className={buttonClass("primary")}>
              {m.webhooks.connectFirst}
            </Link>
          )
        }
      >
        {face.kind === "portal" ? m.webhooks.noneTextPortal : m.webhooks.noneText}
      </Empty>
    </Card>
  );
}

function Found({ list }: { list: List }) {
  const m = useMessages();
  const face = useFace();
  const [search, change] = usePageSearch<WebhooksSearch>();
  const [count, setCount] = useState(STEP);
  const found = useMemo(() => select(list.items, search), [list.items, search]);
  const shown = found.slice(0, count);
  const hasTenants = face.kind === "console" && list.items.some(webhook => webhook.tenantId);
  return (
    <>
      <div className="filters">
        <TypedText label={m.webhooks.search} value={search.q ?? ""} onChange={q => change({ q })} as="search" />
        <SelectField
          label={m.webhooks.statusLabel}
          hideLabel
          value={search.status ?? ""}
          onChange={event => change({ status: event.target.value })}
        >
          <option value="">{m.webhooks.anyStatus}</option>
          {(["active", "failing", "paused", "disabled"] as const).map(status => (
            <option key={status} value={status}>
              {m.webhooks.status[status]}
            </option>
          ))}
        </SelectField>
        {hasTenants && (
          <SelectField
            label={m.webhooks.scope}
            hideLabel
            value={search.scope ?? ""}
            onChange={event => change({ scope: event.target.value })}
          >
            <option value="">{m.webhooks.anyScope}</option>
            <option value="environment">{m.webhooks.environmentScope}</option>
            <option value="tenant">{m.webhooks.tenantScope}</option>
          </SelectField>
        )}
      </div>
      {list.cut && <Notice>{m.webhooks.cut(list.items.length)}</Notice>}
      <Card flush>
        {found.length === 0 ? (
          <Empty
            title={m.common.nothingFound}
            actions={<ClearFilters onClear={() => change({ q: "", status: "", scope: "" })} />}
          >
            {m.webhooks.noneMatch}
          </Empty>
        ) : (
          <Rows webhooks={shown} withScope={hasTenants} />
        )}
        {found.length > shown.length && (
          <div className="card-foot">
            <Button onClick={() => setCount(count + STEP)}>{m.common.showMore(found.length - shown.length)}</Button>
          </div>
        )}
      </Card>
    </>
  );
}

function Rows({ webhooks, withScope }: { webhooks: Webhook[]; withScope: boolean }) {
  const m = useMessages();
  const types = useEventTypes();
  const face = useFace();
  const ids = useMemo(() => webhooks.map(webhook => webhook.id), [webhooks]);
  const mayCount = face.can("readDeliveries");
  const statistics = useQuery({ ...webhookStatisticsQuery(ids), enabled: ids.length > 0 && mayCount });
  // While it is tried again there is no error: what says that nothing was read stays until something is.
  const isUnread = statistics.data === undefined && statistics.errorUpdateCount > 0;
  const figure = (show: (of: WebhookStatistics | undefined) => ReactNode) => (webhook: Webhook) => {
    if (statistics.data) return show(statistics.data.get(webhook.id));
    return isUnread && <Unknown />;
  };
  const columns: Column<Webhook>[] = [
    {
      id: "name",
      header: m.webhooks.name,
      cell: webhook => (
        <div className="webhook-name">
          <Link to="/webhooks/$webhookId" params={{ webhookId: webhook.id }} className="truncate">
            {webhook.displayName || m.webhooks.unnamed}
          </Link>
          <Events patterns={webhook.eventKeys} types={types} />
        </div>
      ),
    },
    {
      id: "url",
      header: "URL",
      shownFrom: "medium",
      cell: webhook => (
        <span className="copyable webhook-url">
          <code className="truncate" title={webhook.url}>
            {webhook.url}
          </code>
          <CopyButton text={webhook.url} />
        </span>
      ),
    },
  ];
  if (withScope) {
    columns.push({
      id: "scope",
      header: m.webhooks.scope,
      shownFrom: "wide",
      cell: webhook =>
        webhook.tenantId ? (
          <code className="break">{webhook.tenantId}</code>
        ) : (
          <span className="soft">{m.webhooks.allTenants}</span>
        ),
    });
  }
  columns.push({ id: "status", header: m.webhooks.statusLabel, cell: webhook => <StatusBadge webhook={webhook} /> });
  if (mayCount) {
    columns.push(
      {
        id: "day",
        header: m.webhooks.lastDay,
        shownFrom: "wide",
        cell: figure(of => <Sparkline hours={of?.hours ?? []} />),
      },
      {
        id: "rate",
        header: m.webhooks.successRate,
        shownFrom: "medium",
        cell: figure(of => <Rate rate={of?.successRate ?? null} />),
      },
    );
  }
  return (
    <>
      {isUnread && <Unread isReading={statistics.isFetching} onRetry={() => void statistics.refetch()} />}
      <Table label={m.webhooks.title} columns={columns} rows={webhooks} rowKey={webhook => webhook.id} linked />
    </>
  );
}

/** Above the rows whose figures could not be read; it goes where their columns go. */
function Unread({ isReading, onRetry }: { isReading: boolean; onRetry: () => void }) {
  const m = useMessages();
  return (
    <div className="card-body medium-up">
      <Notice role="status">
        <div className="row row-wrap row-between">
          <p>{m.webhooks.figuresUnread}</p>
          <Button size="small" busy={isReading} onClick={onRetry}>
            {m.common.tryAgain}
          </Button>
        </div>
      </Notice>
    </div>
  );
}

/** In place of a figure that was not read: no dash, which says that there was nothing to count. */
function Unknown() {
  const m = useMessages();
  return (
    <span className="faint" role="img" aria-label={m.webhooks.unknown} title={m.webhooks.unknown}>
      ?
    </span>
  );
}

function Rate({ rate }: { rate: number | null }) {
  const m = useMessages();
  if (rate === null) return <span className="faint">–</span>;
  const tone = rate >= 0.99 ? "good" : rate >= 0.9 ? "warn" : "bad";
  return <Badge tone={tone}>{percent(rate, m.locale)}</Badge>;
}

function Events({ patterns, types }: { patterns: string[]; types: Parameters<typeof summary>[1] }) {
  const m = useMessages();
  const { first, more } = summary(patterns, types, m.subscriptions);
  return (
    <span className="small soft truncate" title={patterns.join("\n")}>
      {first || m.webhooks.noEvents}
      {more > 0 && ` +${more}`}
    </span>
  );
}

function select(webhooks: Webhook[], search: { q?: string; status?: string; scope?: string }): Webhook[] {
  const needle = search.q?.trim().toLowerCase();
  return webhooks.filter(webhook => {
    if (search.status && !hasStatus(webhook, search.status)) return false;
    if (search.scope && (search.scope === "tenant") !== Boolean(webhook.tenantId)) return false;
    if (!needle) return true;
    const text = [webhook.displayName, webhook.url, webhook.id, webhook.tenantId ?? "", ...webhook.eventKeys].join(
      "\n",
    );
    return text.toLowerCase().includes(needle);
  });
}
