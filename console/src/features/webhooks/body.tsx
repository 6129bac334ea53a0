//! The tab "Body": which events, what they look like, and what the endpoint makes of one. Type, view and example are in the URL.
import { useState } from "react";
import { NoEventTypes } from "@/features/event-types/none";
import { type EventType, useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { sampleBody } from "@/logic/sample";
import { reached } from "@/logic/subscriptions";
import { useUnsaved } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { usePageSearch } from "@/shell/search";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Json } from "@/ui/code";
import { Copyable } from "@/ui/copy";
import { Segments, SelectField } from "@/ui/field";
import { ErrorNotice } from "@/ui/states";
import { EventPicker } from "./event-picker";
import { SAMPLE } from "./example";
import { CustomizeButton, onlyKey, PayloadEditor } from "./payload";
import type { Webhook } from "./queries";
import { useRecentEvents } from "./recent";
import { useCardDraft } from "./save-card";
import { TestPane } from "./test-pane";

/** What is shown first, where it is among them. */
const FAMILIAR = "frontegg.user.created";

export type BodySearch = "type" | "view" | "with";

export function Body({ webhook }: { webhook: Webhook }) {
  const types = useEventTypes();
  const [search, change] = usePageSearch<BodySearch>();
  const [customizing, setCustomizing] = useState(false);
  const isCustom = customizing || Boolean(webhook.payload);
  const own = reached(webhook.eventKeys, types);
  const type = own.find(each => each.key === search.type) ?? own.find(each => each.key === FAMILIAR) ?? own[0];
  const events = useRecentEvents(webhook, isCustom ? onlyKey(webhook) : type?.key);
  // A template is best seen at work with what really happened; without one the sample is what the screen shows.
  const chosen =
    events?.find(event => event.id === search.with) ?? (isCustom && search.with !== SAMPLE ? events?.[0] : undefined);
  const example = {
    event: chosen,
    events: events ?? [],
    isKnown: events !== undefined || search.with === SAMPLE || !(isCustom || search.with),
    onChoose: (value: string) => change({ with: value }),
  };
  return (
    <div className="panes">
      <EventsPane webhook={webhook} />
      {isCustom ? (
        <PayloadEditor webhook={webhook} example={example} onClose={() => setCustomizing(false)} />
      ) : (
        <PayloadPane
          webhook={webhook}
          types={own}
          type={type}
          onType={key => change({ type: key, with: "" })}
          onCustomize={() => setCustomizing(true)}
        />
      )}
      <TestPane webhook={webhook} example={example} sample={isCustom || !type ? undefined : sampleOf(type, webhook)} />
    </div>
  );
}

function EventsPane({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const draft = useCardDraft(webhook, { eventKeys: webhook.eventKeys });
  const { eventKeys } = draft.value;
  useUnsaved(draft.isEdited);
  return (
    <Card
      title={m.body.events}
      foot={
        draft.isEdited && (
          <>
            <Button size="small" onClick={draft.discard}>
              {m.common.discard}
            </Button>
            <Button
              size="small"
              look="primary"
              busy={draft.isSaving}
              disabled={eventKeys.length === 0}
              onClick={() => draft.save({ eventKeys })}
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
        <EventPicker
          value={eventKeys}
          onChange={next => draft.edit({ eventKeys: next })}
          disabled={!face.can("writeWebhooks")}
        />
      )}
      {draft.error ? <ErrorNotice error={draft.error} /> : null}
    </Card>
  );
}

function PayloadPane({
  webhook,
  types,
  type,
  onType,
  onCustomize,
}: {
  webhook: Webhook;
  types: EventType[];
  type: EventType | undefined;
  onType: (key: string) => void;
  onCustomize: () => void;
}) {
  const m = useMessages();
  const [search, change] = usePageSearch<BodySearch>();
  const shown = search.view === "schema" ? "schema" : "sample";
  return (
    <Card title={m.body.payload} actions={<CustomizeButton webhook={webhook} types={types} onStart={onCustomize} />}>
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
            onChange={next => change({ view: next === "schema" ? next : "" })}
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

function sampleOf(type: EventType, webhook: Webhook) {
  const sample = type.sample as Record<string, unknown> | null;
  return sampleBody({ key: type.key, sample }, { vendorId: webhook.environmentId, tenantId: webhook.tenantId ?? null });
}
