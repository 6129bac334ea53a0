//! A test of a saved webhook: a sample of an event that it subscribes to, sent as a delivery would be.
import { Send } from "lucide-react";
import { useState } from "react";
import { useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { SelectField } from "@/ui/field";
import { ErrorNotice } from "@/ui/states";
import { useTestWebhook, type Webhook } from "./queries";
import { sampleChoices } from "./samples";
import { TestOutcome } from "./test-result";

export function TestDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const m = useMessages();
  const types = useEventTypes();
  const choices = sampleChoices(types, webhook.eventKeys, webhook.tenantId ?? null, webhook.environmentId);
  const [chosen, setChosen] = useState(0);
  const test = useTestWebhook(webhook.id);
  const choice = choices[chosen];
  return (
    <Dialog
      title={m.test.title}
      description={m.test.lead}
      open
      onClose={onClose}
      wide
      onSubmit={() => test.mutate({ withHeaders: true, ...(choice ? { payload: choice.body } : {}) })}
      foot={
        <>
          <Button onClick={onClose}>{m.common.close}</Button>
          <Button type="submit" look="primary" icon={<Send />} busy={test.isPending}>
            {m.test.send}
          </Button>
        </>
      }
    >
      {choices.length > 0 && (
        <SelectField label={m.test.event} value={chosen} onChange={event => setChosen(Number(event.target.value))}>
          {choices.map((each, index) => (
            <option key={each.key} value={index}>
              {each.name}
            </option>
          ))}
        </SelectField>
      )}
      {test.data && <TestOutcome result={test.data} />}
      {test.error && <ErrorNotice error={test.error} />}
    </Dialog>
  );
}
