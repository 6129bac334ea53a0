//! The wizard's test: a sample of one of the chosen events to the URL, signed as deliveries will be.
import { Send } from "lucide-react";
import { useState } from "react";
import { useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { Button } from "@/ui/button";
import { SelectField } from "@/ui/field";
import { ErrorNotice } from "@/ui/states";
import type { Draft } from "./connect";
import { useTestDraft } from "./queries";
import { type SampleChoice, sampleChoices } from "./samples";
import { TestOutcome } from "./test-result";

export function DraftTest({ draft }: { draft: Draft }) {
  const m = useMessages();
  const types = useEventTypes();
  const choices = sampleChoices(types, draft.eventKeys, draft.scope === "tenant" ? draft.tenantId : null);
  const [chosen, setChosen] = useState(0);
  const test = useTestDraft();
  const choice: SampleChoice | undefined = choices[chosen];
  const send = () =>
    test.mutate({
      url: draft.url.trim(),
      ...(draft.signing === "none" ? {} : { secret: draft.secret }),
      ...(choice ? { payload: choice.body } : {}),
    });
  return (
    <>
      <p className="soft">{m.connect.testLead}</p>
      <p className="break">
        <code>POST {draft.url}</code>
      </p>
      <div className="row row-wrap row-end">
        {choices.length > 0 && (
          <span className="grow">
            <SelectField label={m.test.event} value={chosen} onChange={event => setChosen(Number(event.target.value))}>
              {choices.map((each, index) => (
                <option key={each.key} value={index}>
                  {each.name}
                </option>
              ))}
            </SelectField>
          </span>
        )}
        <Button icon={<Send />} onClick={send} busy={test.isPending}>
          {m.test.send}
        </Button>
      </div>
      {test.data && <TestOutcome result={test.data} />}
      {test.error && <ErrorNotice error={test.error} />}
    </>
  );
}
