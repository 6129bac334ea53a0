//! A delivery's state, and the answer of its last attempt.
import { useMessages } from "@/i18n";
import { toneOfState, toneOfStatus } from "@/logic/outcomes";
import { Badge } from "@/ui/badge";
import type { Delivery } from "./queries";

export function StateBadge({ delivery }: { delivery: Pick<Delivery, "state" | "reason"> }) {
  const m = useMessages();
  const reason = delivery.reason
    ? (m.reasons[delivery.reason as keyof typeof m.reasons] ?? delivery.reason)
    : undefined;
  return (
    <Badge tone={toneOfState[delivery.state] ?? "calm"} dot {...(reason ? { title: reason } : {})}>
      {m.states[delivery.state as keyof typeof m.states] ?? delivery.state}
    </Badge>
  );
}

/** What an attempt, or a test, came to. */
interface Ended {
  statusCode?: number | null;
  failure?: string | null;
}

export function StatusCode({ attempt }: { attempt: Ended | null | undefined }) {
  const m = useMessages();
  if (!attempt) return <span className="faint">–</span>;
  if (attempt.statusCode != null) return <Badge tone={toneOfStatus(attempt.statusCode)}>{attempt.statusCode}</Badge>;
  const failure = attempt.failure ?? "";
  return <Badge tone="bad">{m.failures[failure as keyof typeof m.failures] ?? failure}</Badge>;
}
