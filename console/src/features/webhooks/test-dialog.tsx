//! A test of a saved webhook: a sample of an event that it subscribes to, or one that happened, sent as a delivery would be.
import { Send } from "lucide-react";
import { useState } from "react";
import { useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { ErrorNotice } from "@/ui/states";
import { ExampleSelect } from "./example";
import { useTestWebhook, type Webhook } from "./queries";
import { useRecentEvents } from "./recent";
import { sampleChoices } from "./samples";
import { TestOutcome } from "./test-result";
import { useTestedSettings } from "./tested";
import { TestsUnsaved } from "./tests-unsaved";

export function TestDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const m = useMessages();
  const types = useEventTypes();
  const samples = sampleChoices(types, webhook.eventKeys, webhook.tenantId ?? null, webhook.environmentId);
  const events = useRecentEvents(webhook) ?? [];
  const [chosen, setChosen] = useState("");
  const test = useTestWebhook(webhook.id);
  const { settings } = useTestedSettings();
  const event = events.find(each => each.id === chosen);
  const sample = samples.find(each => `sample ${each.key}` === chosen) ?? samples[0];
  const send = () =>
    test.mutate({
      withHeaders: true,
      ...(event ? { eventId: event.id } : sample ? { payload: sample.body } : {}),
      ...(settings ? { settings } : {}),
    });
  return (
    <Dialog
      title={m.test.title}
      description={m.test.lead}
      open
      onClose={onClose}
      wide
      onSubmit={send}
      foot={
        <>
          <Button onClick={onClose}>{m.common.close}</Button>
          <Button type="submit" look="primary" icon={<Send />} busy={test.isPending}>
            {m.test.send}
          </Button>
        </>
      }
    >
      {samples.length + events.length > 0 && (
        <ExampleSelect
          label={m.test.with}
          value={chosen || (sample ? `sample ${sample.key}` : "")}
          samples={
            samples.length > 0
              ? samples.map(each => ({ value: `sample ${each.key}`, name: m.filter.sampleOf(each.name) }))
              : [{ value: "", name: m.payload.withSample }]
          }
          events={events}
          onChange={setChosen}
        />
      )}
      <TestsUnsaved />
      {test.data && <TestOutcome result={test.data} />}
      {test.error && <ErrorNotice error={test.error} />}
    </Dialog>
  );
}
