//! The overview: what happened, how fast, and what needs somebody.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useFresh } from "@/features/deliveries/live";
import { webhooksQuery } from "@/features/webhooks/queries";
import { useMessages } from "@/i18n";
import { percent, shortCount } from "@/logic/numbers";
import { type SubjectSearch, searchOf, subjectOf } from "@/logic/subject";
import { useFace } from "@/shell/face";
import { usePageSearch } from "@/shell/search";
import { Card } from "@/ui/card";
import { Empty, Loaded } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { Attention } from "./attention";
import { DeliveriesChart, Incomplete, LatencyChart, RangeChoice, StatusBars, useRange } from "./charts";
import { Checklist, useChecklist } from "./checklist";
import { statisticsQuery, summaryQuery } from "./queries";
import { SubjectChoice } from "./subject";
import "./overview.css";

const FRESH = [["statistics"], ["statistics-summary"]];

export function Overview() {
  const m = useMessages();
  const face = useFace();
  const range = useRange();
  const [search, change] = usePageSearch<SubjectSearch>();
  const subject = subjectOf(search);
  const isWhole = !subject.tenantId && !subject.eventKey;
  const summary = useQuery(summaryQuery);
  const statistics = useQuery(statisticsQuery({ range: range.name, ...subject }));
  const webhooks = useQuery(webhooksQuery);
  const checklist = useChecklist(webhooks.data?.items, summary.data);
  useFresh("?statistics=true", FRESH);
  return (
    <div className="stack">
      <div className="page-head">
        <h1>{m.nav.overview}</h1>
        <RangeChoice range={range} />
      </div>
      {face.manages && checklist && !checklist.every(step => step.done) && <Checklist steps={checklist} />}
      <Loaded query={summary} lines={4}>
        {data => (
          <>
            <Attention attention={data.attention} count={data.attentionCount} />
            <div className="grid grid-4">
              <Tile
                title={m.overview.events}
                value={shortCount(data.total.events, m.locale)}
                note={m.overview.lastDay}
              />
              <Tile
                title={m.states.delivered}
                value={shortCount(data.total.delivered, m.locale)}
                note={
                  data.successRate === null || data.successRate === undefined
                    ? m.overview.lastDay
                    : m.overview.success(percent(data.successRate, m.locale))
                }
              />
              <Tile
                title={m.overview.failing}
                value={shortCount(data.webhooks.failing, m.locale)}
                note={m.overview.ofWebhooks(data.webhooks.total, data.webhooks.disabled)}
                to={{ to: "/webhooks", search: { status: "failing" } }}
              />
              <Tile
                title={m.overview.waiting}
                value={shortCount(data.waiting, m.locale)}
                note={m.overview.waitingNote}
                to={{ to: "/deliveries", search: { state: "pending,retrying" } }}
              />
            </div>
          </>
        )}
      </Loaded>
      <SubjectChoice subject={subject} choose={next => change(searchOf(next))} />
      <Loaded query={statistics} lines={8}>
        {data => (
          <>
            <Incomplete statistics={data} />
            <div className="grid grid-2">
              <Card title={m.charts.deliveries}>
                <DeliveriesChart statistics={data} />
              </Card>
              <Card title={m.charts.latency}>
                <LatencyChart statistics={data} />
              </Card>
              <Card title={m.charts.answers}>
                <StatusBars answers={data.total.answers} />
              </Card>
              {isWhole && <Failing />}
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}

function Tile({
  title,
  value,
  note,
  to,
}: {
  title: string;
  value: string;
  note: string;
  to?: { to: string; search: Record<string, string> };
}) {
  const shown: ReactNode = to ? (
    <Link to={to.to} search={to.search as never}>
      {value}
    </Link>
  ) : (
    value
  );
  return (
    <dl className="card tile">
      <dt>{title}</dt>
      <dd className="numeric">{shown}</dd>
      <dd className="tile-note">{note}</dd>
    </dl>
  );
}

function Failing() {
  const m = useMessages();
  const summary = useQuery(summaryQuery);
  return (
    <Card title={m.overview.topFailing} flush>
      <Loaded query={summary}>
        {({ topFailing }) =>
          topFailing.length === 0 ? (
            <Empty title={m.overview.noneFailing}>{m.overview.noneFailingText}</Empty>
          ) : (
            <Table
              label={m.overview.topFailing}
              rows={topFailing}
              rowKey={row => row.webhookId}
              linked
              columns={[
                {
                  id: "name",
                  header: m.webhooks.name,
                  cell: row => (
                    <span className="webhook-name">
                      <Link
                        to="/webhooks/$webhookId"
                        params={{ webhookId: row.webhookId }}
                        search={{ tab: "health" } as never}
                        className="clamp"
                      >
                        {row.displayName || row.webhookId}
                      </Link>
                    </span>
                  ),
                },
                {
                  id: "failed",
                  header: m.overview.failedAttempts,
                  cell: row => (
                    <span className="numeric nowrap">
                      {shortCount(row.failedAttempts, m.locale)} / {shortCount(row.attempts, m.locale)}
                    </span>
                  ),
                },
                {
                  id: "since",
                  header: m.overview.since,
                  shownFrom: "medium",
                  cell: row => (row.failingSince ? <Time at={row.failingSince} /> : "–"),
                },
              ]}
            />
          )
        }
      </Loaded>
    </Card>
  );
}
