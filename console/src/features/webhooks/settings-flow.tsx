//! How fast and in which order a webhook is served.
import type { FormEvent } from "react";
import { issueAt } from "@/api/problem";
import { useMessages } from "@/i18n";
import { useFace } from "@/shell/face";
import { Choices, SelectField, TextField } from "@/ui/field";
import type { Webhook } from "./queries";
import { SaveCard, useCardDraft } from "./save-card";

interface RateDraft {
  on: "off" | "on";
  limit: string;
  per: "second" | "minute";
  burst: string;
}

export function RateCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const was = webhook.rateLimit ?? null;
  const draft = useCardDraft<RateDraft>(webhook, {
    on: was ? "on" : "off",
    limit: String(was?.limit ?? 10),
    per: was?.per === "minute" ? "minute" : "second",
    burst: String(was?.burst ?? 1),
  });
  const { on, limit, per, burst } = draft.value;
  const wholes = [limit, burst].map(Number);
  const bad = on === "on" && wholes.some(value => !Number.isInteger(value) || value < 1);
  const next = on === "on" ? { limit: Number(limit), per, burst: Number(burst) } : null;
  const dirty =
    JSON.stringify(next) !== JSON.stringify(was && { limit: was.limit, per: was.per, burst: was.burst ?? 1 });
  const off = !face.can("writeWebhooks");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!bad) draft.save({ rateLimit: next });
  };
  return (
    <SaveCard title={m.rate.title} dirty={dirty && !off} draft={draft} onSubmit={submit}>
      <Choices
        label={m.rate.title}
        value={on}
        onChange={next => draft.edit({ on: next })}
        disabled={off}
        options={[
          { value: "off", title: m.rate.none, text: m.rate.noneText },
          { value: "on", title: m.rate.limited, text: m.rate.limitedText },
        ]}
      />
      {on === "on" && (
        <div className="row row-wrap row-top">
          <TextField
            label={m.rate.limit}
            type="number"
            min={1}
            value={limit}
            onChange={event => draft.edit({ limit: event.target.value })}
            disabled={off}
            error={issueAt(draft.error, "/rateLimit")}
          />
          <SelectField
            label={m.rate.per}
            value={per}
            onChange={event => draft.edit({ per: event.target.value === "minute" ? "minute" : "second" })}
            disabled={off}
          >
            <option value="second">{m.rate.second}</option>
            <option value="minute">{m.rate.minute}</option>
          </SelectField>
          <TextField
            label={m.rate.burst}
            type="number"
            min={1}
            value={burst}
            onChange={event => draft.edit({ burst: event.target.value })}
            disabled={off}
          />
        </div>
      )}
      {bad && <p className="field-error">{m.rate.whole}</p>}
    </SaveCard>
  );
}

type By = "none" | "tenant" | "user" | "member";

export function OrderCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const was = webhook.ordering;
  const draft = useCardDraft(webhook, { by: (was?.by ?? "none") as By, pointer: was?.pointer ?? "" });
  const { by, pointer } = draft.value;
  const bad = by === "member" && !pointer.startsWith("/");
  const dirty = by !== (was?.by ?? "none") || (by === "member" && pointer !== (was?.pointer ?? ""));
  const off = !face.can("writeWebhooks");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!bad) draft.save({ ordering: by === "none" ? null : by === "member" ? { by, pointer } : { by } });
  };
  return (
    <SaveCard title={m.order.title} dirty={dirty && !off} draft={draft} onSubmit={submit}>
      <Choices
        label={m.order.title}
        value={by}
        onChange={next => draft.edit({ by: next })}
        disabled={off}
        options={[
          { value: "none", title: m.order.none, text: m.order.noneText },
          { value: "tenant", title: m.order.tenant, text: m.order.tenantText },
          { value: "user", title: m.order.user, text: m.order.userText },
          { value: "member", title: m.order.member, text: m.order.memberText },
        ]}
      />
      {by === "member" && (
        <TextField
          label={m.order.pointer}
          hint={m.order.pointerHint}
          placeholder="/order/id"
          value={pointer}
          onChange={event => draft.edit({ pointer: event.target.value })}
          error={bad ? m.order.pointerForm : issueAt(draft.error, "/ordering")}
          className="mono"
          spellCheck={false}
          disabled={off}
        />
      )}
    </SaveCard>
  );
}
