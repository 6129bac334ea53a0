//! The filter: which of the events it gets, tried with an event before it is saved.
import { FlaskConical } from "lucide-react";
import { type FormEvent, useState } from "react";
import { issueAt } from "@/api/problem";
import { useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { reached } from "@/logic/subscriptions";
import { useFace } from "@/shell/face";
import { Button } from "@/ui/button";
import { TextArea } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/states";
import { ExampleSelect } from "./example";
import { useTestFilter } from "./payload-queries";
import type { Webhook } from "./queries";
import { useRecentEvents } from "./recent";
import { SaveCard, useCardDraft } from "./save-card";

export function FilterCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const draft = useCardDraft(webhook, { filter: webhook.filter ?? "" });
  const { filter } = draft.value;
  const off = !face.can("writeWebhooks");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    draft.save({ filter: filter.trim() === "" ? null : filter.trim() });
  };
  return (
    <SaveCard
      title={m.filter.title}
      dirty={!off && filter.trim() !== (webhook.filter ?? "")}
      draft={draft}
      onSubmit={submit}
    >
      <TextArea
        label={m.filter.condition}
        hint={m.filter.hint}
        value={filter}
        onChange={event => draft.edit({ filter: event.target.value })}
        placeholder={'user.email.endsWith("@example.com")'}
        className="mono"
        rows={3}
        spellCheck={false}
        disabled={off}
        error={issueAt(draft.error, "/filter")}
      />
      {!off && filter.trim() !== "" && <Tester webhook={webhook} filter={filter.trim()} />}
    </SaveCard>
  );
}

function Tester({ webhook, filter }: { webhook: Webhook; filter: string }) {
  const m = useMessages();
  const samples = reached(webhook.eventKeys, useEventTypes()).filter(type => type.sample);
  const events = useRecentEvents(webhook) ?? [];
  const [chosen, setChosen] = useState("");
  const test = useTestFilter();
  // What really happened says most, where something has.
  const event = events.find(each => each.id === chosen) ?? (chosen === "" ? events[0] : undefined);
  const type = samples.find(each => `sample ${each.key}` === chosen) ?? samples[0];
  const run = () => {
    if (event) test.mutate({ filter, eventId: event.id });
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
          <ExampleSelect
            label={m.filter.tryWith}
            value={event?.id ?? (type ? `sample ${type.key}` : "")}
            samples={samples.map(each => ({
              value: `sample ${each.key}`,
              name: m.filter.sampleOf(each.displayName),
            }))}
            events={events}
            onChange={setChosen}
          />
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
