//! The tab "Body": which events, what they look like, and what the endpoint makes of a sample.
import { Send } from "lucide-react";
import { useState } from "react";
import { NoEventTypes } from "@/features/event-types/none";
import { type EventType, useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { sampleBody } from "@/logic/sample";
import { reached } from "@/logic/subscriptions";
import { useFace } from "@/shell/face";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Json } from "@/ui/code";
import { Copyable } from "@/ui/copy";
import { Segments, SelectField } from "@/ui/field";
import { ErrorNotice } from "@/ui/states";
import { say } from "@/ui/toast";
import { EventPicker } from "./event-picker";
import { CustomizeButton, type PayloadDraft, PayloadEditor } from "./payload";
import { useChangeWebhook, useTestWebhook, type Webhook } from "./queries";
import { TestOutcome } from "./test-result";

/** What is shown first, where it is among them. */
const FAMILIAR = "frontegg.user.created";

export function Body({ webhook }: { webhook: Webhook }) {
  const types = useEventTypes();
  const own = reached(webhook.eventKeys, types);
  const [key, setKey] = useState<string>();
  const type = own.find(each => each.key === key) ?? own.find(each => each.key === FAMILIAR) ?? own[0];
  return (
    <div className="panes">
      <EventsPane key={webhook.updatedAt} webhook={webhook} />
      <PayloadPane webhook={webhook} types={own} type={type} onType={setKey} />
      <TestPane webhook={webhook} type={type} />
    </div>
  );
}

function EventsPane({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const change = useChangeWebhook(webhook.id);
  const [eventKeys, setEventKeys] = useState(webhook.eventKeys);
  const dirty = eventKeys.join("\n") !== webhook.eventKeys.join("\n");
  return (
    <Card
      title={m.body.events}
      foot={
        dirty && (
          <>
            <Button size="small" onClick={() => setEventKeys(webhook.eventKeys)}>
              {m.common.discard}
            </Button>
            <Button
              size="small"
              look="primary"
              busy={change.isPending}
              disabled={eventKeys.length === 0}
              onClick={() => change.mutate({ eventKeys }, { onSuccess: () => say(m.common.saved) })}
            >
              {m.common.save}
            </Button>
          </>
        )
      }
    >
      {webhook.payload ? (
        <div className="stack stack-tight">
          {webhook.eventKeys.map(key => (
            <Copyable key={key} text={key} />
          ))}
          <p className="small soft">{m.payload.fixedType}</p>
        </div>
      ) : (
        <EventPicker value={eventKeys} onChange={setEventKeys} disabled={!face.can("writeWebhooks")} />
      )}
      {change.error && <ErrorNotice error={change.error} />}
    </Card>
  );
}

function PayloadPane({
  webhook,
  types,
  type,
  onType,
}: {
  webhook: Webhook;
  types: EventType[];
  type: EventType | undefined;
  onType: (key: string) => void;
}) {
  const m = useMessages();
  const [shown, setShown] = useState<"sample" | "schema">("sample");
  const [customizing, setCustomizing] = useState(false);
  if (webhook.payload || customizing) {
    return (
      <Card title={m.payload.title}>
        <PayloadEditor
          key={webhook.updatedAt}
          webhook={webhook}
          start={webhook.payload ? asDraft(webhook.payload) : undefined}
          onClose={() => setCustomizing(false)}
        />
      </Card>
    );
  }
  return (
    <Card
      title={m.body.payload}
      actions={<CustomizeButton webhook={webhook} types={types} onStart={() => setCustomizing(true)} />}
    >
      {type ? (
        <div className="stack">
          <SelectField label={m.body.example} value={type.key} onChange={event => onType(event.target.value)}>
            {types.map(each => (
              <option key={each.id} value={each.key}>
                {each.displayName}
              </option>
            ))}
          </SelectField>
          <Segments
            label={m.body.view}
            value={shown}
            onChange={setShown}
            options={[
              { value: "sample", title: m.body.sample },
              { value: "schema", title: m.body.schema },
            ]}
          />
          {shown === "sample" ? (
            <Json value={sampleOf(type, webhook)} label={m.body.sample} />
          ) : type.schema ? (
            <Json value={type.schema} label={m.body.schema} />
          ) : (
            <p className="soft">{m.body.noSchema}</p>
          )}
        </div>
      ) : (
        <NoEventTypes>
          <p className="soft">{m.body.noTypes}</p>
        </NoEventTypes>
      )}
    </Card>
  );
}

const asDraft = (payload: { template: string; contentType?: string | undefined }): PayloadDraft => ({
  template: payload.template,
  contentType: payload.contentType ?? "application/json",
});

function sampleOf(type: EventType, webhook: Webhook) {
  const sample = type.sample as Record<string, unknown> | null;
  return sampleBody({ key: type.key, sample }, { vendorId: webhook.environmentId, tenantId: webhook.tenantId ?? null });
}

function TestPane({ webhook, type }: { webhook: Webhook; type: EventType | undefined }) {
  const m = useMessages();
  const face = useFace();
  const test = useTestWebhook(webhook.id);
  if (!face.can("writeWebhooks")) return null;
  return (
    <Card
      title={m.test.title}
      actions={
        <Button
          size="small"
          icon={<Send />}
          busy={test.isPending}
          onClick={() => test.mutate({ withHeaders: true, ...(type ? { payload: sampleOf(type, webhook) } : {}) })}
        >
          {m.test.send}
        </Button>
      }
    >
      {test.data ? (
        <TestOutcome result={test.data} />
      ) : test.error ? (
        <ErrorNotice error={test.error} />
      ) : (
        <p className="soft">{m.test.nothingYet}</p>
      )}
    </Card>
  );
}
