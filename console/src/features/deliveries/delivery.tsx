//! One delivery: its life, its attempts, what was sent and answered, and sending it again.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft, SkipForward } from "lucide-react";
import { sentence } from "@/api/problem";
import { useEventTypeName } from "@/features/event-types/queries";
import { webhookQuery } from "@/features/webhooks/queries";
import { useMessages } from "@/i18n";
import { isFinal } from "@/logic/outcomes";
import { useFace } from "@/shell/face";
import { usePageSearch } from "@/shell/search";
import { Named } from "@/shell/title";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Copyable } from "@/ui/copy";
import { ErrorNotice, Loaded, Notice } from "@/ui/states";
import { Time } from "@/ui/time";
import { AttemptView } from "./attempt-view";
import { Attempts } from "./attempts";
import { Compare } from "./compare";
import { useLive } from "./live";
import { type Attempt, attemptsQuery, type Delivery, deliveryQuery, useSkip, type WholeDelivery } from "./queries";
import { ResendButton } from "./resend-button";
import { StateBadge } from "./state-badge";
import { Stepper } from "./stepper";
import { whyNot } from "./why";
import "./deliveries.css";

export type DeliveryPageSearch = "attempt" | "tab" | "compare";

export function DeliveryPage() {
  const { deliveryId = "" } = useParams({ strict: false });
  const query = useQuery(deliveryQuery(deliveryId));
  return (
    <div className="stack">
      <Back delivery={query.data?.delivery} />
      <Loaded query={query} lines={8}>
        {whole => <Whole whole={whole} />}
      </Loaded>
    </div>
  );
}

function Whole({ whole }: { whole: WholeDelivery }) {
  const m = useMessages();
  const { delivery } = whole;
  const queries = useQueryClient();
  const attempts = useQuery(attemptsQuery(delivery.id));
  const nameOf = useEventTypeName();
  const name = nameOf(delivery.eventKey) ?? delivery.eventKey ?? m.delivery.title;
  const refresh = () => void queries.invalidateQueries({ queryKey: ["deliveries", delivery.id] });
  useLive(isFinal(delivery.state) ? null : `?webhookId=${delivery.webhookId}`, {
    onOpen: refresh,
    onMissed: refresh,
    onDeliveries: changed => {
      const own = changed.find(each => each.id === delivery.id);
      if (!own) return;
      queries.setQueryData(deliveryQuery(delivery.id).queryKey, old => old && { ...old, delivery: own });
      void queries.invalidateQueries({ queryKey: attemptsQuery(delivery.id).queryKey });
    },
  });
  return (
    <>
      <Named name={name} />
      <div className="page-head">
        <span className="row row-wrap">
          <h1 className="break">{name}</h1>
          <StateBadge delivery={delivery} />
        </span>
        <Actions delivery={delivery} />
      </div>
      <Loaded query={attempts} lines={4}>
        {list => (
          <>
            <Card>
              <div className="stack">
                <Stepper delivery={delivery} attempts={list} />
                <Reason delivery={delivery} attempts={list} />
              </div>
            </Card>
            <Details delivery={delivery} />
            <AttemptsSplit whole={whole} attempts={list} />
          </>
        )}
      </Loaded>
    </>
  );
}

/** A tenant's user sees deliveries by webhook; as long as it is unknown which, the way back is to all webhooks. */
function Back({ delivery }: { delivery: Delivery | undefined }) {
  const m = useMessages();
  const face = useFace();
  if (face.kind === "portal" && !delivery) {
    return (
      <Link to="/webhooks" className="row small">
        <ArrowLeft aria-hidden="true" size={14} /> {m.webhooks.title}
      </Link>
    );
  }
  return face.kind === "console" || !delivery ? (
    <Link to="/deliveries" search={{} as never} className="row small">
      <ArrowLeft aria-hidden="true" size={14} /> {m.deliveries.title}
    </Link>
  ) : (
    <Link
      to="/webhooks/$webhookId"
      params={{ webhookId: delivery.webhookId }}
      search={{ tab: "deliveries" } as never}
      className="row small"
    >
      <ArrowLeft aria-hidden="true" size={14} /> {m.deliveries.title}
    </Link>
  );
}

/** In plain words: why it failed or was discarded, or why the last attempt did. */
function Reason({ delivery, attempts }: { delivery: Delivery; attempts: Attempt[] }) {
  const m = useMessages();
  if (delivery.state === "delivered") return null;
  const last = [...attempts].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1))[0];
  const reason = delivery.reason ? (m.reasons[delivery.reason as keyof typeof m.reasons] ?? delivery.reason) : null;
  const attemptWords = last && (last.statusCode != null ? m.delivery.answeredWith(last.statusCode) : whyNot(last, m));
  if (!reason && !attemptWords) return null;
  return (
    <Notice tone={delivery.state === "failed" ? "bad" : delivery.state === "retrying" ? "warn" : "calm"}>
      {reason && <p className="break">{sentence(reason)}</p>}
      {delivery.problem && <p className="break">{sentence(delivery.problem)}</p>}
      {attemptWords && (
        <p className="break">
          <strong>{m.delivery.lastAttempt}</strong> {attemptWords}
        </p>
      )}
      {last?.statusCode == null && last?.errorMessage && (
        <p className="small soft break">{sentence(last.errorMessage)}</p>
      )}
    </Notice>
  );
}

function Actions({ delivery }: { delivery: Delivery }) {
  const m = useMessages();
  const face = useFace();
  const skip = useSkip();
  if (!face.can("writeWebhooks")) return null;
  return (
    <div className="row row-wrap">
      {delivery.waitingFor === "turn" || (delivery.state === "retrying" && delivery.nextAttemptAt === null) ? (
        <Button icon={<SkipForward />} busy={skip.isPending} onClick={() => skip.mutate(delivery.id)}>
          {m.delivery.skip}
        </Button>
      ) : null}
      <ResendButton key={delivery.id} deliveryId={delivery.id} />
      {skip.error && <ErrorNotice error={skip.error} />}
    </div>
  );
}

function Details({ delivery }: { delivery: Delivery }) {
  const m = useMessages();
  const face = useFace();
  const webhook = useQuery(webhookQuery(delivery.webhookId)).data;
  return (
    <Card>
      <dl className="details">
        <dt>{m.delivery.id}</dt>
        <dd>
          <Copyable text={delivery.id} />
        </dd>
        <dt>{m.delivery.event}</dt>
        <dd>
          {face.kind === "console" ? (
            <Link to="/events/$eventId" params={{ eventId: delivery.eventId }}>
              <code>{delivery.eventKey ?? delivery.eventId}</code>
            </Link>
          ) : (
            <code>{delivery.eventKey ?? delivery.eventId}</code>
          )}
        </dd>
        <dt>{m.deliveries.webhook}</dt>
        <dd>
          {webhook ? (
            <Link to="/webhooks/$webhookId" params={{ webhookId: webhook.id }}>
              {webhook.displayName || webhook.url}
            </Link>
          ) : (
            <Copyable text={delivery.webhookId} />
          )}
        </dd>
        {delivery.tenantId && face.kind === "console" && (
          <>
            <dt>{m.deliveries.tenant}</dt>
            <dd>
              <Copyable text={delivery.tenantId} />
            </dd>
          </>
        )}
        <dt>{m.deliveries.created}</dt>
        <dd>
          <Time at={delivery.createdAt} /> · {m.origins[delivery.origin as keyof typeof m.origins] ?? delivery.origin}
          {delivery.resendOf && (
            <>
              {" "}
              <Link to="/deliveries/$deliveryId" params={{ deliveryId: delivery.resendOf }} search={{} as never}>
                {m.delivery.ofEarlier}
              </Link>
            </>
          )}
        </dd>
      </dl>
    </Card>
  );
}

function AttemptsSplit({ whole, attempts }: { whole: WholeDelivery; attempts: Attempt[] }) {
  const m = useMessages();
  const [search, change] = usePageSearch<DeliveryPageSearch>();
  const chosen = attempts.find(attempt => attempt.id === search.attempt) ?? attempts.at(-1);
  const compared = search.compare?.split(",").flatMap(id => attempts.find(attempt => attempt.id === id) ?? []) ?? [];
  const [first, second] = compared;
  return (
    <div className="delivery-split">
      <Attempts
        attempts={attempts}
        chosen={chosen?.id}
        compared={compared.map(attempt => attempt.id)}
        onChoose={attempt => change({ attempt, compare: "" })}
        onCompare={ids => change({ compare: ids.join(",") })}
      />
      {first && second ? (
        <Compare first={first} second={second} onClose={() => change({ compare: "" })} />
      ) : (
        <AttemptView whole={whole} attempt={chosen} tab={search.tab ?? "response"} onTab={tab => change({ tab })} />
      )}
      {attempts.length === 0 && <span className="visually-hidden">{m.delivery.noAttempts}</span>}
    </div>
  );
}
