//! A replay: which events of which time, to which webhooks; how many it would be; start.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { EventKeySelect } from "@/features/deliveries/filters";
import { webhooksQuery } from "@/features/webhooks/queries";
import { useMessages } from "@/i18n";
import { LEFT, type NewReplaySearch } from "@/logic/replay";
import { newKey } from "@/logic/secret";
import { useFace } from "@/shell/face";
import { OnlyLooks } from "@/shell/only-looks";
import { useEditedSearch } from "@/shell/search";
import { Button, buttonClass } from "@/ui/button";
import { Card } from "@/ui/card";
import { Checkbox, Choices, SearchField, TextField } from "@/ui/field";
import { ErrorNotice, Loaded, Notice, Skeleton } from "@/ui/states";
import { TypedMoment } from "@/ui/typed";
import { isRate, type JobRequest, previewQuery, RATE_MOST, useStartJob } from "./queries";

const DAY_MS = 86_400_000;

export function NewReplay() {
  const m = useMessages();
  const face = useFace();
  return face.can("writeWebhooks") ? <Replay /> : <OnlyLooks title={m.replay.title} />;
}

function Replay() {
  const m = useMessages();
  const face = useFace();
  const navigate = useNavigate();
  // What is started is what is seen: the URL follows later.
  const [search, change] = useEditedSearch<NewReplaySearch>();
  const [unclear, setUnclear] = useState({ from: false, to: false });
  const [opened] = useState(() => Date.now());
  const [key] = useState(newKey);
  const start = useStartJob();
  const from = search.from ?? new Date(opened - DAY_MS).toISOString();
  // Without an end the server takes the moment of the start.
  const { to, eventId } = search;
  const webhookIds = search.webhooks?.split(",").filter(Boolean) ?? [];
  const include = search.include === "undelivered" ? "undelivered" : "all";
  const rate = Number(search.rate ?? "200");
  const most = RATE_MOST[face.kind];
  const webhooks = useQuery(webhooksQuery);
  const left = LEFT.filter(name => search.left?.split(",").includes(name));
  const badRate = !isRate(rate, most);
  const problem =
    webhookIds.length === 0
      ? m.replay.chooseWebhook
      : webhooks.data?.items.some(each => !each.isActive && webhookIds.includes(each.id))
        ? m.replay.enableFirst
        : !eventId && (unclear.from || unclear.to)
          ? m.deliveries.wholeMoment
          : !eventId && from === ""
            ? m.replay.begins
            : !eventId && to && from >= to
              ? m.replay.order
              : badRate
                ? m.replay.rateRange(most)
                : null;
  const request: JobRequest = {
    kind: "replay",
    webhookIds,
    include,
    ratePerSecond: rate,
    ...(eventId
      ? { eventId }
      : {
          from,
          ...(to ? { to } : {}),
          ...(search.event ? { eventKey: search.event } : {}),
          ...(search.tenant && face.kind === "console" ? { tenantId: search.tenant } : {}),
        }),
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (problem) return;
    start.mutate(
      { request, key },
      { onSuccess: job => void navigate({ to: "/replays/$jobId", params: { jobId: job.id }, search: {} as never }) },
    );
  };
  return (
    <form className="stack settings" onSubmit={submit} noValidate>
      <div className="page-head">
        <h1>{m.replay.title}</h1>
        <Link to="/replays" className={buttonClass("ghost")}>
          {m.common.cancel}
        </Link>
      </div>
      <p className="soft">{m.replay.lead}</p>
      {left.length > 0 && (
        <Notice tone="warn">{m.replay.left(left.map(name => m.replay.leftNames[name]).join(", "))}</Notice>
      )}
      {eventId ? (
        <Card
          title={m.replay.oneEvent}
          actions={
            <Button size="small" look="ghost" onClick={() => change({ eventId: "" })}>
              {m.replay.ofTime}
            </Button>
          }
        >
          <Link to="/events/$eventId" params={{ eventId }}>
            <code className="break">{eventId}</code>
          </Link>
        </Card>
      ) : (
        <Card title={m.replay.time}>
          <div className="row row-wrap row-top">
            {(["from", "to"] as const).map(end => (
              <TypedMoment
                key={end}
                label={m.deliveries[end]}
                hideLabel={false}
                value={end === "from" ? from : to}
                restMs={0}
                onChange={at => change({ [end]: at })}
                onUnclear={isUnclear => setUnclear(before => ({ ...before, [end]: isUnclear }))}
              />
            ))}
          </div>
          {!to && <p className="field-hint">{m.replay.untilStart}</p>}
        </Card>
      )}
      <Card title={m.replay.webhooks}>
        <WebhookChoice chosen={webhookIds} onChange={ids => change({ webhooks: ids.join(",") })} />
      </Card>
      <Card title={m.replay.which}>
        <div className="stack">
          {!eventId && (
            <EventKeySelect value={search.event} onChange={event => change({ event })} hideLabel={false} restMs={0} />
          )}
          {face.kind === "console" && !eventId && (
            <TextField
              label={m.deliveries.tenant}
              hint={m.common.optional}
              value={search.tenant ?? ""}
              onChange={event => change({ tenant: event.target.value })}
              className="mono"
            />
          )}
          <Choices
            label={m.replay.which}
            value={include}
            onChange={next => change({ include: next === "all" ? "" : next })}
            options={[
              { value: "all", title: m.jobs.include.all, text: m.replay.allText },
              { value: "undelivered", title: m.jobs.include.undelivered, text: m.replay.undeliveredText },
            ]}
          />
          <TextField
            label={m.replay.rate}
            hint={m.replay.rateHint}
            type="number"
            min={1}
            max={most}
            value={search.rate ?? "200"}
            onChange={event => change({ rate: event.target.value })}
            error={badRate ? m.replay.rateRange(most) : undefined}
          />
        </div>
      </Card>
      <Card
        foot={
          <Button type="submit" look="primary" busy={start.isPending} disabled={problem !== null}>
            {m.replay.start}
          </Button>
        }
      >
        {problem ? <p className="soft">{problem}</p> : <Preview request={request} />}
        {start.error && <ErrorNotice error={start.error} />}
      </Card>
    </form>
  );
}

function Preview({ request }: { request: JobRequest }) {
  const m = useMessages();
  // The rate changes no count.
  const [settled, setSettled] = useState(request);
  const text = JSON.stringify({ ...request, ratePerSecond: undefined });
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(text) as JobRequest), 400);
    return () => clearTimeout(timer);
  }, [text]);
  const preview = useQuery(previewQuery(settled));
  if (preview.isFetching) return <Skeleton lines={1} />;
  return (
    <Loaded query={preview} lines={1}>
      {({ deliveries, complete }) =>
        deliveries === 0 ? (
          <Notice>{m.replay.nothing}</Notice>
        ) : (
          <p role="status">
            <strong>{m.replay.count(deliveries, complete)}</strong>
          </p>
        )
      }
    </Loaded>
  );
}

function WebhookChoice({ chosen, onChange }: { chosen: string[]; onChange: (ids: string[]) => void }) {
  const m = useMessages();
  const query = useQuery(webhooksQuery);
  const [search, setSearch] = useState("");
  return (
    <Loaded query={query}>
      {({ items }) => {
        const needle = search.trim().toLowerCase();
        const found = items.filter(webhook =>
          `${webhook.displayName} ${webhook.url} ${webhook.tenantId ?? ""}`.toLowerCase().includes(needle),
        );
        return (
          <div className="stack">
            {items.length > 8 && (
              <SearchField label={m.webhooks.search} value={search} onChange={event => setSearch(event.target.value)} />
            )}
            <ul className="picker-groups picker-types-flat">
              {found.slice(0, 200).map(webhook => (
                <li key={webhook.id} className="picker-group">
                  {/* biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is one */}
                  <label className="check-row">
                    <Checkbox
                      label={webhook.displayName || webhook.url}
                      checked={chosen.includes(webhook.id)}
                      disabled={!webhook.isActive && !chosen.includes(webhook.id)}
                      onChange={on => onChange(on ? [...chosen, webhook.id] : chosen.filter(id => id !== webhook.id))}
                    />
                    <span className="grow">
                      <span className="field-label">{webhook.displayName || m.webhooks.unnamed}</span>{" "}
                      {!webhook.isActive && <span className="badge">{m.webhooks.status.disabled}</span>}
                      <span className="field-hint picker-text break">{webhook.url}</span>
                    </span>
                  </label>
                </li>
              ))}
            </ul>
          </div>
        );
      }}
    </Loaded>
  );
}
