//! The life of a delivery, from left to right.
import { useQuery } from "@tanstack/react-query";
import { Check, Clock, Ellipsis, X } from "lucide-react";
import { isRefusal } from "@/api/problem";
import { webhookQuery } from "@/features/webhooks/queries";
import { useMessages } from "@/i18n";
import { type LifeStep, lifecycle, type Waits } from "@/logic/lifecycle";
import { isFinal } from "@/logic/outcomes";
import { Time, useNow } from "@/ui/time";
import type { Attempt, Delivery } from "./queries";
import "./deliveries.css";

/** How often a webhook is read again of which something waits: a pause that ends is often followed by another one. */
const REREAD_MS = 15_000;

/** When a delivery's webhook is read again, by what its last reading failed with: as long as a pause of it may be what is waited for.
 * Whoever may not read it, or finds it deleted, does not ask for ever. */
export function rereadAfter(
  { state, waitingFor }: Pick<Delivery, "state" | "waitingFor">,
  error: unknown,
): number | false {
  return !isFinal(state) && !waitingFor && !isRefusal(error) && REREAD_MS;
}

export function Stepper({ delivery, attempts }: { delivery: Delivery; attempts: Attempt[] }) {
  const m = useMessages();
  const now = useNow();
  const webhook = useQuery({
    ...webhookQuery(delivery.webhookId),
    refetchInterval: query => rereadAfter(delivery, query.state.error),
  }).data;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <ol className="stepper" aria-label={m.lifecycle.title} tabIndex={0}>
      {lifecycle(delivery, attempts, now, webhook?.health.pausedUntil).map((step, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the steps are in order and only ever added to
        <li key={index} className={`stepper-step stepper-${step.tone}`}>
          <span className="stepper-mark">
            <Mark step={step} />
          </span>
          <Words step={step} />
        </li>
      ))}
    </ol>
  );
}

function Mark({ step }: { step: LifeStep }) {
  if (step.kind === "more") return <Ellipsis aria-hidden="true" />;
  if (step.kind === "next") return <Clock aria-hidden="true" />;
  return step.tone === "good" ? <Check aria-hidden="true" /> : <X aria-hidden="true" />;
}

function Words({ step }: { step: LifeStep }) {
  const m = useMessages();
  switch (step.kind) {
    case "attempt":
      return (
        <>
          <span className="stepper-title">{m.lifecycle.attempt(step.number)}</span>
          <span className="small soft">
            {step.statusCode ?? m.failures[(step.failure ?? "") as keyof typeof m.failures] ?? step.failure}
            <br />
            <Time at={step.at} />
          </span>
        </>
      );
    case "more":
      return <span className="stepper-title">{m.lifecycle.more(step.count)}</span>;
    case "next":
      return (
        <>
          <span className="stepper-title">{step.isFirst ? m.lifecycle.first : m.lifecycle.retry}</span>
          <span className="small soft">
            <Waiting waits={step.waits} />
          </span>
        </>
      );
    case "accepted":
    case "matched":
      return (
        <>
          <span className="stepper-title">{m.lifecycle[step.kind]}</span>
          <span className="small soft">
            <Time at={step.at} />
          </span>
        </>
      );
    default:
      return (
        <>
          <span className="stepper-title">{m.states[step.kind]}</span>
          <span className="small soft">{step.at && <Time at={step.at} />}</span>
        </>
      );
  }
}

function Waiting({ waits }: { waits: Waits }) {
  const m = useMessages();
  switch (waits.for) {
    case "something":
      return m.waitingFor[waits.name as keyof typeof m.waitingFor] ?? waits.name;
    case "pause":
      return (
        <>
          {m.lifecycle.paused} <Time at={waits.until} />
        </>
      );
    case "time":
      return <Time at={waits.until} />;
    default:
      return m.lifecycle.due;
  }
}
