//! A test beside what is being edited: it sends what is seen, saved or not.
import { Send } from "lucide-react";
import { useMessages } from "@/i18n";
import { useFace } from "@/shell/face";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { ErrorNotice } from "@/ui/states";
import { ExampleSelect, SAMPLE } from "./example";
import type { ChosenExample } from "./payload";
import { onlyKey } from "./payload";
import { useTestWebhook, type Webhook } from "./queries";
import { TestOutcome } from "./test-result";
import { useTestedSettings } from "./tested";
import { TestsUnsaved } from "./tests-unsaved";

export function TestPane({
  webhook,
  example,
  sample,
}: {
  webhook: Webhook;
  example: ChosenExample;
  /** The body of the sample that is shown; without one it is the server's, of the webhook's own type. */
  sample: Record<string, unknown> | undefined;
}) {
  const m = useMessages();
  const face = useFace();
  const test = useTestWebhook(webhook.id);
  const { settings } = useTestedSettings();
  if (!face.can("writeWebhooks")) return null;
  const key = onlyKey(webhook);
  const send = () =>
    test.mutate({
      withHeaders: true,
      ...(example.event
        ? { eventId: example.event.id }
        : sample
          ? { payload: sample }
          : key === undefined
            ? {}
            : { eventKey: key }),
      ...(settings ? { settings } : {}),
    });
  return (
    <Card
      title={m.test.title}
      actions={
        <Button size="small" icon={<Send />} busy={test.isPending} disabled={!example.isKnown} onClick={send}>
          {m.test.send}
        </Button>
      }
    >
      <div className="stack">
        {example.events.length > 0 && (
          <ExampleSelect
            label={m.test.with}
            value={example.event?.id ?? SAMPLE}
            samples={[{ value: SAMPLE, name: m.payload.withSample }]}
            events={example.events}
            onChange={example.onChoose}
          />
        )}
        <TestsUnsaved />
        {test.data ? (
          <TestOutcome result={test.data} />
        ) : test.error ? (
          <ErrorNotice error={test.error} />
        ) : (
          <p className="soft">{m.test.nothingYet}</p>
        )}
      </div>
    </Card>
  );
}
