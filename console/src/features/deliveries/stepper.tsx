//! The life of a delivery, from left to right.
import { Check, Clock, Ellipsis, X } from "lucide-react";
import { useMessages } from "@/i18n";
import { type LifeStep, lifecycle } from "@/logic/lifecycle";
import { Time } from "@/ui/time";
import type { Attempt, Delivery } from "./queries";

export function Stepper({ delivery, attempts }: { delivery: Delivery; attempts: Attempt[] }) {
  const m = useMessages();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <ol className="stepper" aria-label={m.lifecycle.title} tabIndex={0}>
      {lifecycle(delivery, attempts).map((step, index) => (
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
  const waiting = (name: string) => m.waitingFor[name as keyof typeof m.waitingFor] ?? name;
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
            {step.waitingFor ? waiting(step.waitingFor) : step.at ? <Time at={step.at} /> : m.lifecycle.now}
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
