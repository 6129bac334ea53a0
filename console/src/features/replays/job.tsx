//! One bulk resend or replay: what was asked for, how far it is, what it made.
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { WebhookName } from "@/features/deliveries/rows";
import { useMessages } from "@/i18n";
import { exactTime } from "@/logic/time";
import { useFace } from "@/shell/face";
import { Named } from "@/shell/title";
import { Card } from "@/ui/card";
import { Copyable } from "@/ui/copy";
import { Loaded } from "@/ui/states";
import { Time } from "@/ui/time";
import { JobProgress } from "./progress";
import { type Job, jobQuery } from "./queries";

export function JobPage() {
  const m = useMessages();
  const { jobId = "" } = useParams({ strict: false });
  const query = useQuery(jobQuery(jobId));
  return (
    <div className="stack">
      <Link to="/replays" className="row small">
        <ArrowLeft aria-hidden="true" size={14} /> {m.nav.replays}
      </Link>
      <Loaded query={query} lines={6}>
        {job => (
          <>
            <Named name={m.jobs.kinds[job.kind]} />
            <div className="page-head">
              <h1>{m.jobs.kinds[job.kind]}</h1>
              <DeliveriesLink job={job} />
            </div>
            <Card>
              <JobProgress jobId={job.id} />
            </Card>
            <Card title={m.jobs.asked}>
              <Asked job={job} />
            </Card>
          </>
        )}
      </Loaded>
    </div>
  );
}

/** A tenant's user sees deliveries by webhook. */
function DeliveriesLink({ job }: { job: Job }) {
  const m = useMessages();
  const face = useFace();
  const webhookId = job.request.webhookIds?.[0] ?? job.request.filter?.webhookId;
  if (face.kind === "console") {
    return (
      <Link to="/deliveries" search={{ job: job.id } as never} className="button">
        {m.jobs.deliveries}
      </Link>
    );
  }
  return (
    webhookId && (
      <Link
        to="/webhooks/$webhookId"
        params={{ webhookId }}
        search={{ tab: "deliveries", job: job.id } as never}
        className="button"
      >
        {m.jobs.deliveries}
      </Link>
    )
  );
}

function Asked({ job }: { job: Job }) {
  const m = useMessages();
  const { request } = job;
  const filter = request.filter ?? request;
  const { eventId } = request;
  const rows: [string, React.ReactNode][] = [
    [m.replay.event, eventId && <AskedEvent id={eventId} />],
    [m.deliveries.from, !eventId && filter.from && exactTime(filter.from, m.locale)],
    [m.deliveries.to, !eventId && filter.to && exactTime(filter.to, m.locale)],
    [m.deliveries.event, filter.eventKey && <code>{filter.eventKey}</code>],
    [m.deliveries.tenant, filter.tenantId && <code>{filter.tenantId}</code>],
    [
      m.deliveries.state,
      request.filter?.state?.map(state => m.states[state as keyof typeof m.states] ?? state).join(", "),
    ],
    [m.deliveries.statusCode, request.filter?.statusCode],
    [m.jobs.text, request.filter?.text],
    [m.jobs.which, request.include && m.jobs.include[request.include]],
  ];
  const webhooks = request.webhookIds ?? (request.filter?.webhookId ? [request.filter.webhookId] : []);
  return (
    <dl className="details">
      {webhooks.length > 0 && (
        <>
          <dt>{m.webhooks.title}</dt>
          <dd>
            <ul>
              {webhooks.map(id => (
                <li key={id}>
                  <Link to="/webhooks/$webhookId" params={{ webhookId: id }}>
                    <WebhookName id={id} />
                  </Link>
                </li>
              ))}
            </ul>
          </dd>
        </>
      )}
      {rows
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <Pair key={name} name={name} value={value} />
        ))}
      <Pair name={m.deliveries.created} value={<Time at={job.createdAt} />} />
      <Pair name={m.jobs.id} value={<Copyable text={job.id} />} />
    </dl>
  );
}

/** A tenant's user sees no page of an event. */
function AskedEvent({ id }: { id: string }) {
  const face = useFace();
  if (face.kind !== "console") return <Copyable text={id} />;
  return (
    <Link to="/events/$eventId" params={{ eventId: id }}>
      <code>{id}</code>
    </Link>
  );
}

function Pair({ name, value }: { name: string; value: React.ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
