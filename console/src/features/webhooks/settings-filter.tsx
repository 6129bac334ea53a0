//! The filter: which of the events it gets, tried with an event before it is saved.
import { useQuery } from "@tanstack/react-query";
import { FlaskConical } from "lucide-react";
import { type FormEvent, useState } from "react";
import { issueAt } from "@/api/problem";
import { useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { reached } from "@/logic/subscriptions";
import { useFace } from "@/shell/face";
import { Button } from "@/ui/button";
import { SelectField, TextArea } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/states";
import { useRelative } from "@/ui/time";
import { recentQuery, useTestFilter } from "./payload-queries";
import { useChangeWebhook, type Webhook } from "./queries";
import { SaveCard } from "./save-card";

export function FilterCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const change = useChangeWebhook(webhook.id);
  const [filter, setFilter] = useState(webhook.filter ?? "");
  const off = !face.can("writeWebhooks");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({ filter: filter.trim() === "" ? null : filter.trim() });
  };
  return (
    <SaveCard
      title={m.filter.title}
      dirty={!off && filter.trim() !== (webhook.filter ?? "")}
      change={change}
      onSubmit={submit}
    >
      <TextArea
        label={m.filter.condition}
        hint={m.filter.hint}
        value={filter}
        onChange={event => setFilter(event.target.value)}
        placeholder={'user.email.endsWith("@example.com")'}
        className="mono"
        rows={3}
        spellCheck={false}
        disabled={off}
        error={issueAt(change.error, "/filter")}
      />
      {!off && filter.trim() !== "" && <Tester webhook={webhook} filter={filter.trim()} />}
    </SaveCard>
  );
}

function Tester({ webhook, filter }: { webhook: Webhook; filter: string }) {
  const m = useMessages();
  const face = useFace();
  const relative = useRelative();
  const samples = reached(webhook.eventKeys, useEventTypes()).filter(type => type.sample);
  const recent = useQuery({ ...recentQuery(webhook.id), enabled: face.can("readDeliveries") }).data ?? [];
  const [chosen, setChosen] = useState("");
  const test = useTestFilter();
  const events = [...new Map(recent.map(delivery => [delivery.eventId, delivery])).values()];
  const run = () => {
    const type = samples.find(each => `type ${each.key}` === chosen) ?? samples[0];
    const recentId = chosen.startsWith("event ") ? chosen.slice(6) : undefined;
    if (recentId) test.mutate({ filter, eventId: recentId });
    else if (type) {
      test.mutate({
        filter,
        event: {
          eventKey: type.key,
          payload: type.sample ?? {},
          ...(webhook.tenantId ? { tenantId: webhook.tenantId } : {}),
        },
      });
    }
  };
  return (
    <div className="stack">
      <div className="row row-wrap row-end">
        <span className="grow">
          <SelectField label={m.filter.tryWith} value={chosen} onChange={event => setChosen(event.target.value)}>
            {samples.map(type => (
              <option key={type.id} value={`type ${type.key}`}>
                {m.filter.sampleOf(type.displayName)}
              </option>
            ))}
            {events.map(delivery => (
              <option key={delivery.eventId} value={`event ${delivery.eventId}`}>
                {m.payload.withEvent(relative(delivery.createdAt), delivery.tenantId ?? "")}
              </option>
            ))}
          </SelectField>
        </span>
        <Button icon={<FlaskConical />} busy={test.isPending} onClick={run}>
          {m.filter.try}
        </Button>
      </div>
      {test.data && (
        <Notice tone={test.data.matches ? "good" : test.data.error ? "bad" : "calm"} role="status">
          {test.data.matches
            ? m.filter.matches
            : test.data.error
              ? m.filter.cannotTell(test.data.error)
              : m.filter.matchesNot}
        </Notice>
      )}
      {test.error && <ErrorNotice error={test.error} />}
    </div>
  );
}
