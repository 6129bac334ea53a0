//! How a webhook is doing, in a word and in a sentence.
import { useMessages } from "@/i18n";
import { Badge } from "@/ui/badge";
import { Notice } from "@/ui/states";
import { Time } from "@/ui/time";
import type { Webhook } from "./queries";

export type Status = "active" | "failing" | "paused" | "disabled";

export function statusOf(webhook: Webhook, now = Date.now()): Status {
  if (!webhook.isActive) return "disabled";
  if (webhook.health.pausedUntil && Date.parse(webhook.health.pausedUntil) > now) return "paused";
  if (webhook.health.isFailing) return "failing";
  return "active";
}

/** Whether it is among those of that status. Failing are as many as the overview counts: those that are paused meanwhile, too. */
export function hasStatus(webhook: Webhook, status: string, now = Date.now()): boolean {
  if (status === "failing") return webhook.isActive && webhook.health.isFailing;
  return statusOf(webhook, now) === status;
}

const TONES = { active: "good", failing: "bad", paused: "warn", disabled: "calm" } as const;

export function StatusBadge({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const status = statusOf(webhook);
  return (
    <Badge tone={TONES[status]} dot>
      {m.webhooks.status[status]}
    </Badge>
  );
}

/** Why it is not simply well; nothing where it is. */
export function HealthNotice({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const status = statusOf(webhook);
  const { health } = webhook;
  if (status === "disabled") {
    const reason = webhook.disabledReason ?? "by_user";
    return (
      <Notice tone={reason === "by_user" ? "calm" : "bad"}>
        {m.webhooks.disabledBecause[reason as keyof typeof m.webhooks.disabledBecause] ?? reason}{" "}
        {m.webhooks.whileDisabled}
      </Notice>
    );
  }
  if (status === "paused" && health.pausedUntil) {
    return (
      <Notice tone="warn">
        {m.webhooks.pausedFor(health.consecutiveFailures)} {m.webhooks.nextProbe} <Time at={health.pausedUntil} />.
      </Notice>
    );
  }
  if (health.failedDeliveries) {
    return (
      <Notice tone="warn">
        {m.webhooks.failedSince(health.failedDeliveries.count)} <Time at={health.failedDeliveries.firstAt} />.
      </Notice>
    );
  }
  if (status === "failing" && health.failingSince) {
    return (
      <Notice tone="warn">
        {m.webhooks.attemptsFailedSince(health.consecutiveFailures)} <Time at={health.failingSince} />.
      </Notice>
    );
  }
  return null;
}
