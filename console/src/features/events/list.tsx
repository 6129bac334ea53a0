//! Every event, matched or not.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Send, Zap } from "lucide-react";
import { useMemo, useState } from "react";
import { EventKeySelect, StateSelect, StatusFilter, TimeFilter, WebhookSelect } from "@/features/deliveries/filters";
import { useEventTypeName } from "@/features/event-types/queries";
import { ReplayLink } from "@/features/replays/links";
import { useMessages } from "@/i18n";
import { searchedFor, timesOf } from "@/logic/deliveries";
import { bytes } from "@/logic/numbers";
import { replayOf } from "@/logic/replay";
import { useFace } from "@/shell/face";
import { eventsSearch, type Search, usePageSearch } from "@/shell/search";
import { Badge } from "@/ui/badge";
import { Button, buttonClass } from "@/ui/button";
import { Card } from "@/ui/card";
import { SelectField } from "@/ui/field";
import { Empty, Loaded, MoreFailed } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { ClearFilters, TypedText } from "@/ui/typed";
import { useFreshEvents } from "./fresh";
import { type EventQuery, eventsQuery } from "./queries";
import { useSearchOn } from "./search-on";

export type EventsSearch = (typeof eventsSearch)[number];

export function Events() {
  const m = useMessages();
  const face = useFace();
  const nameOf = useEventTypeName();
  const [search, change] = usePageSearch<EventsSearch>();
  const key = JSON.stringify(search);
  const [anchor, setAnchor] = useState(() => ({ key, now: Date.now() }));
  if (anchor.key !== key) setAnchor({ key, now: Date.now() });
  const query = useMemo(() => eventQueryOf(JSON.parse(anchor.key) as Search<EventsSearch>, anchor.now), [anchor]);
  const options = eventsQuery(query);
  const list = useInfiniteQuery(options);
  const rows = useMemo(() => list.data?.pages.flatMap(page => page.items) ?? [], [list.data]);
  const on = useSearchOn(list, options.queryKey, rows.length);
  const queries = useQueryClient();
  const hasFresh = useFreshEvents(query, list.data?.pages[0]);
  const reload = () => {
    setAnchor(previous => ({ ...previous, now: Date.now() }));
    void queries.resetQueries({ queryKey: ["events", "list"] });
  };
  const filtered = Object.keys(query).length > 0;
  return (
    <div className="stack">
      <div className="page-head">
        <h1>{m.events.title}</h1>
        <span className="row row-wrap">
          <ReplayLink search={replayOf(search, anchor.now)}>{m.replay.openList}</ReplayLink>
          {face.can("triggerEvents") && (
            <Link to="/events/send" className={buttonClass("primary")}>
              <Send aria-hidden="true" />
              {m.events.send}
            </Link>
          )}
        </span>
      </div>
      <search className="filters">
        <TypedText label={m.events.search} value={search.q ?? ""} onChange={q => change({ q })} as="search" />
        <EventKeySelect value={search.event} onChange={event => change({ event })} />
        <SelectField
          label={m.events.matched}
          hideLabel
          value={search.matched ?? ""}
          onChange={event => change({ matched: event.target.value })}
        >
          <option value="">{m.events.anyMatched}</option>
          <option value="true">{m.events.matchedOnly}</option>
          <option value="false">{m.events.unmatchedOnly}</option>
        </SelectField>
        <StateSelect value={search.state} onChange={state => change({ state })} />
        <StatusFilter value={search.status ?? ""} onChange={status => change({ status })} />
        <WebhookSelect value={search.webhook} onChange={webhook => change({ webhook })} />
        <TypedText
          label={m.deliveries.tenant}
          value={search.tenant ?? ""}
          onChange={tenant => change({ tenant })}
          as="text"
        />
        <TimeFilter search={search} change={change} />
        {hasFresh && (
          <Button size="small" look="primary" onClick={reload}>
            {m.events.newOnes}
          </Button>
        )}
      </search>
      <Card flush>
        <Loaded query={list} lines={6}>
          {data => {
            const searchedUntil = data.pages.at(-1)?.searchedUntil;
            return (
              <>
                {rows.length === 0 && !list.hasNextPage ? (
                  <Empty
                    icon={<Zap aria-hidden="true" />}
                    title={filtered ? m.common.nothingFound : m.events.none}
                    actions={filtered && <ClearFilters onClear={() => change(nothing)} />}
                  >
                    {filtered ? m.events.noneMatch : m.events.noneText}
                  </Empty>
                ) : (
                  <Table
                    label={m.events.title}
                    rows={rows}
                    rowKey={event => event.id}
                    linked
                    columns={[
                      {
                        id: "event",
                        header: m.deliveries.event,
                        cell: event => (
                          <span className="webhook-name">
                            <Link to="/events/$eventId" params={{ eventId: event.id }} className="truncate">
                              {nameOf(event.eventKey) ?? event.eventKey}
                            </Link>
                            {nameOf(event.eventKey) && <code className="small faint truncate">{event.eventKey}</code>}
                          </span>
                        ),
                      },
                      {
                        id: "tenant",
                        header: m.deliveries.tenant,
                        shownFrom: "medium",
                        cell: event => <code className="break">{event.tenantId ?? "–"}</code>,
                      },
                      {
                        id: "user",
                        header: m.events.user,
                        shownFrom: "wide",
                        cell: event => <code className="break">{event.userId ?? "–"}</code>,
                      },
                      {
                        id: "deliveries",
                        header: m.events.matched,
                        shownFrom: "medium",
                        cell: event =>
                          event.deliveries > 0 ? (
                            <Badge tone="accent">{m.events.webhooks(event.deliveries)}</Badge>
                          ) : (
                            <Badge>{m.events.unmatched}</Badge>
                          ),
                      },
                      {
                        id: "size",
                        header: m.events.size,
                        shownFrom: "wide",
                        cell: event => <span className="numeric soft nowrap">{bytes(event.bodyBytes)}</span>,
                      },
                      { id: "at", header: m.events.accepted, cell: event => <Time at={event.acceptedAt} /> },
                    ]}
                  />
                )}
                <MoreFailed list={list} />
                {list.hasNextPage && !list.isFetchNextPageError && (
                  <div className="card-foot row-between">
                    <span className="soft" role="status">
                      {searchedUntil && (
                        <>
                          {m.deliveries.searchedUntil} <Time at={searchedUntil} />
                        </>
                      )}
                    </span>
                    {on.isSearching ? (
                      <Button onClick={on.stop}>{m.deliveries.stopSearch}</Button>
                    ) : (
                      <Button onClick={on.goOn}>{on.isStopped ? m.deliveries.searchOn : m.common.more}</Button>
                    )}
                  </div>
                )}
              </>
            );
          }}
        </Loaded>
      </Card>
    </div>
  );
}

const nothing = Object.fromEntries(eventsSearch.map(name => [name, ""])) as Search<EventsSearch>;

export function eventQueryOf(search: Search<EventsSearch>, now: number): EventQuery {
  const query: EventQuery = searchedFor(search.q);
  if (search.event) query.eventKey = search.event;
  if (search.state) query.state = search.state;
  if (search.status) query.statusCode = search.status;
  if (search.webhook) query.webhookId = search.webhook;
  if (search.tenant) query.tenantId = search.tenant;
  if (search.matched) query.matched = search.matched === "true";
  return { ...query, ...timesOf(search, now) };
}
