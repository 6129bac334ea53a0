//! When failed attempts are repeated, with the times that it means, and when the webhook is given up.
import type { FormEvent } from "react";
import { useMessages } from "@/i18n";
import { delayText, parseDelays, span } from "@/logic/time";
import { useFace } from "@/shell/face";
import { Choices, TextField } from "@/ui/field";
import type { Webhook } from "./queries";
import { SaveCard, useCardDraft } from "./save-card";

/** The preset `standard`, as the server has it. */
export const STANDARD = [5, 30, 300, 1800, 7200, 18_000, 36_000, 50_400];

type Kind = "standard" | "frontegg" | "own";

export function RetryCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const now = webhook.retryPolicy.delaysInSeconds as number[] | null | undefined;
  const was: Kind = now ? "own" : ((webhook.retryPolicy.preset ?? "standard") as Kind);
  const draft = useCardDraft(webhook, {
    kind: was,
    text: now ? now.map(delayText).join(", ") : "30 s, 5 min, 1 h",
    days: String(webhook.disableAfterDays ?? ""),
  });
  const { kind, text, days } = draft.value;
  const delays = parseDelays(text);
  const tooMany = delays !== null && (delays.length > 30 || delays.some(delay => delay < 1 || delay > 86_400));
  const problem = kind === "own" && (delays === null ? m.retry.unreadable : tooMany ? m.retry.tooMany : undefined);
  const afterDays = days.trim() === "" ? null : Number(days);
  const badDays = afterDays !== null && (!Number.isInteger(afterDays) || afterDays < 1 || afterDays > 30);
  const shown = kind === "standard" ? STANDARD : kind === "frontegg" ? [] : (delays ?? []);
  const dirty =
    kind !== was ||
    (kind === "own" && JSON.stringify(delays) !== JSON.stringify(now)) ||
    afterDays !== (webhook.disableAfterDays ?? null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (problem || badDays) return;
    const isPolicyEdited = "kind" in draft.edited || "text" in draft.edited;
    draft.save({
      ...(isPolicyEdited ? { retryPolicy: kind === "own" ? { delaysInSeconds: delays ?? [] } : { preset: kind } } : {}),
      ...("days" in draft.edited ? { disableAfterDays: afterDays } : {}),
    } as never);
  };
  const off = !face.can("writeWebhooks");
  return (
    <SaveCard title={m.retry.title} dirty={dirty && !off} draft={draft} onSubmit={submit}>
      <Choices
        label={m.retry.title}
        value={kind}
        onChange={next => draft.edit({ kind: next })}
        disabled={off}
        options={[
          { value: "standard", title: m.retry.standard, text: m.retry.standardText },
          { value: "frontegg", title: m.retry.frontegg, text: m.retry.fronteggText },
          { value: "own", title: m.retry.own, text: m.retry.ownText },
        ]}
      />
      {kind === "own" && (
        <TextField
          label={m.retry.delays}
          hint={m.retry.delaysHint}
          value={text}
          onChange={event => draft.edit({ text: event.target.value })}
          error={problem || undefined}
          disabled={off}
        />
      )}
      <RetryTimes delays={shown} />
      {kind !== "frontegg" && (
        <TextField
          label={m.retry.disableAfter}
          hint={m.retry.disableAfterHint}
          type="number"
          min={1}
          value={days}
          placeholder={m.retry.never}
          onChange={event => draft.edit({ days: event.target.value })}
          error={badDays ? m.retry.daysRange : undefined}
          disabled={off}
        />
      )}
    </SaveCard>
  );
}

/** "after 5 s · 30 s · …; given up after 1.3 d" */
function RetryTimes({ delays }: { delays: number[] }) {
  const m = useMessages();
  if (delays.length === 0) return <p className="soft">{m.retry.noRetries}</p>;
  const whole = delays.reduce((sum, delay) => sum + delay, 0);
  return (
    <div className="stack stack-tight">
      <ol className="row row-wrap" aria-label={m.retry.times}>
        {delays.map((delay, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: delays in order, which can repeat
          <li key={index} className="badge">
            +{span(delay, m.locale)}
          </li>
        ))}
      </ol>
      <p className="small soft">{m.retry.whole(delays.length, span(whole, m.locale))}</p>
    </div>
  );
}
