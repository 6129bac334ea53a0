//! One event: its body, and what became of it at each webhook.
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { useLive } from "@/features/deliveries/live";
import { type Delivery, siblingsQuery } from "@/features/deliveries/queries";
import { WebhookName } from "@/features/deliveries/rows";
import { StateBadge, StatusCode } from "@/features/deliveries/state-badge";
import { useEventTypeName } from "@/features/event-types/queries";
import { ReplayLink } from "@/features/replays/links";
import { useMessages } from "@/i18n";
import { isFinal } from "@/logic/outcomes";
import { Named } from "@/shell/title";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Json } from "@/ui/code";
import { Copyable } from "@/ui/copy";
import { Empty, Loaded, MoreFailed, Notice } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { eventQuery } from "./queries";

export function EventPage() {
  const m = useMessages();
  const { eventId = "" } = useParams({ strict: false });
  const query = useQuery(eventQuery(eventId));
  const deliveries = useInfiniteQuery(siblingsQuery(eventId));
  const nameOf = useEventTypeName();
  const queries = useQueryClient();
  const rows = deliveries.data?.pages.flatMap(page => page.items);
  const waits = rows?.some(each => !isFinal(each.state)) ?? true;
  const refresh = () => void queries.invalidateQueries({ queryKey: siblingsQuery(eventId).queryKey });
  useLive(waits ? "" : null, {
    onOpen: refresh,
    onMissed: refresh,
    onDeliveries: changed => changed.some(each => each.eventId === eventId) && refresh(),
  });
  return (
    <div className="stack">
      <Link to="/events" className="row small">
        <ArrowLeft aria-hidden="true" size={14} /> {m.events.title}
      </Link>
      <Loaded query={query} lines={8}>
        {({ event, body }) => (
          <>
            <Named name={nameOf(event.eventKey) ?? event.eventKey} />
            <div className="page-head">
              <h1 className="break">{nameOf(event.eventKey) ?? event.eventKey}</h1>
              <ReplayLink search={{ eventId: event.id }}>{m.replay.openEvent}</ReplayLink>
            </div>
            <Card>
              <dl className="details">
                <dt>{m.events.key}</dt>
                <dd>
                  <Copyable text={event.eventKey} />
                </dd>
                <dt>{m.events.id}</dt>
                <dd>
                  <Copyable text={event.id} />
                </dd>
                {event.tenantId && (
                  <>
                    <dt>{m.deliveries.tenant}</dt>
                    <dd>
                      <Copyable text={event.tenantId} />
                    </dd>
                  </>
                )}
                {event.userId && (
                  <>
                    <dt>{m.events.user}</dt>
                    <dd>
                      <Copyable text={event.userId} />
                    </dd>
                  </>
                )}
                <dt>{m.events.accepted}</dt>
                <dd>
                  <Time at={event.acceptedAt} />
                </dd>
                {event.occurredAt && (
                  <>
                    <dt>{m.events.occurred}</dt>
                    <dd>
                      <Time at={event.occurredAt} />
                    </dd>
                  </>
                )}
              </dl>
            </Card>
            <Card title={m.deliveries.title} flush>
              <Loaded query={deliveries}>
                {({ pages }) => <EventDeliveries rows={pages.flatMap(page => page.items)} />}
              </Loaded>
              <MoreFailed list={deliveries} />
              {deliveries.hasNextPage && !deliveries.isFetchNextPageError && (
                <div className="card-foot">
                  <Button busy={deliveries.isFetchingNextPage} onClick={() => void deliveries.fetchNextPage()}>
                    {m.common.more}
                  </Button>
                </div>
              )}
            </Card>
            {event.schemaMismatch && (
              <Notice tone="warn">
                <p>{m.events.mismatch(event.schemaMismatch.version)}</p>
                <ul>
                  {event.schemaMismatch.errors.map(error => (
                    <li key={`${error.at} ${error.detail}`} className="break">
                      <code>{error.at}</code> {error.detail}
                    </li>
                  ))}
                </ul>
              </Notice>
            )}
            {event.filtered && event.filtered.length > 0 && (
              <Card title={m.events.filtered(event.filteredCount ?? event.filtered.length)}>
                <ul className="stack stack-tight">
                  {event.filtered.map(each => (
                    <li key={each.webhookId} className="break">
                      <Link
                        to="/webhooks/$webhookId"
                        params={{ webhookId: each.webhookId }}
                        search={{ tab: "settings" } as never}
                        className="underlined"
                      >
                        <WebhookName id={each.webhookId} />
                      </Link>{" "}
                      <span className="soft">
                        {each.error ? m.filter.cannotTell(each.error) : m.events.filterSaidNo}
                      </span>
                    </li>
                  ))}
                </ul>
              </Card>
            )}
            <Card title={m.events.body}>
              <Json text={body} label={m.events.body} />
            </Card>
          </>
        )}
      </Loaded>
    </div>
  );
}

function EventDeliveries({ rows }: { rows: Delivery[] }) {
  const m = useMessages();
  if (rows.length === 0) return <Empty title={m.events.unmatched}>{m.events.unmatchedText}</Empty>;
  return (
    <Table
      label={m.deliveries.title}
      rows={rows}
      rowKey={delivery => delivery.id}
      linked
      columns={[
        {
          id: "webhook",
          header: m.deliveries.webhook,
          cell: delivery => (
            <span className="webhook-name">
              <Link to="/deliveries/$deliveryId" params={{ deliveryId: delivery.id }} className="clamp">
                <WebhookName id={delivery.webhookId} />
              </Link>
            </span>
          ),
        },
        { id: "state", header: m.deliveries.state, cell: delivery => <StateBadge delivery={delivery} /> },
        {
          id: "answer",
          header: m.deliveries.answer,
          cell: delivery => <StatusCode attempt={delivery.lastAttempt} />,
        },
        {
          id: "at",
          header: m.deliveries.created,
          shownFrom: "medium",
          cell: delivery => <Time at={delivery.createdAt} />,
        },
      ]}
    />
  );
}
