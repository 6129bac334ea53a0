//! How fast and in which order a webhook is served.
import { type FormEvent, useState } from "react";
import { issueAt } from "@/api/problem";
import { useMessages } from "@/i18n";
import { useFace } from "@/shell/face";
import { Choices, SelectField, TextField } from "@/ui/field";
import { useChangeWebhook, type Webhook } from "./queries";
import { SaveCard } from "./save-card";

export function RateCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const change = useChangeWebhook(webhook.id);
  const was = webhook.rateLimit ?? null;
  const [on, setOn] = useState<"off" | "on">(was ? "on" : "off");
  const [limit, setLimit] = useState(String(was?.limit ?? 10));
  const [per, setPer] = useState<"second" | "minute">(was?.per === "minute" ? "minute" : "second");
  const [burst, setBurst] = useState(String(was?.burst ?? 1));
  const wholes = [limit, burst].map(Number);
  const bad = on === "on" && wholes.some(value => !Number.isInteger(value) || value < 1);
  const next = on === "on" ? { limit: Number(limit), per, burst: Number(burst) } : null;
  const dirty =
    JSON.stringify(next) !== JSON.stringify(was && { limit: was.limit, per: was.per, burst: was.burst ?? 1 });
  const off = !face.can("writeWebhooks");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!bad) change.mutate({ rateLimit: next });
  };
  return (
    <SaveCard title={m.rate.title} dirty={dirty && !off} change={change} onSubmit={submit}>
      <Choices
        label={m.rate.title}
        value={on}
        onChange={setOn}
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
            onChange={event => setLimit(event.target.value)}
            disabled={off}
            error={issueAt(change.error, "/rateLimit")}
          />
          <SelectField
            label={m.rate.per}
            value={per}
            onChange={event => setPer(event.target.value === "minute" ? "minute" : "second")}
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
            onChange={event => setBurst(event.target.value)}
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
  const change = useChangeWebhook(webhook.id);
  const was = webhook.ordering;
  const [by, setBy] = useState<By>((was?.by ?? "none") as By);
  const [pointer, setPointer] = useState(was?.pointer ?? "");
  const bad = by === "member" && !pointer.startsWith("/");
  const dirty = by !== (was?.by ?? "none") || (by === "member" && pointer !== (was?.pointer ?? ""));
  const off = !face.can("writeWebhooks");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!bad) change.mutate({ ordering: by === "none" ? null : by === "member" ? { by, pointer } : { by } });
  };
  return (
    <SaveCard title={m.order.title} dirty={dirty && !off} change={change} onSubmit={submit}>
      <Choices
        label={m.order.title}
        value={by}
        onChange={setBy}
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
          onChange={event => setPointer(event.target.value)}
          error={bad ? m.order.pointerForm : issueAt(change.error, "/ordering")}
          className="mono"
          spellCheck={false}
          disabled={off}
        />
      )}
    </SaveCard>
  );
}
