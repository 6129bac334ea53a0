//! A custom payload: a template over the event, with a live preview of the exact request against a sample or an event that happened.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Suspense, useDeferredValue, useEffect, useMemo, useState } from "react";
import type { Schemas } from "@/api/client";
import { ApiProblem } from "@/api/problem";
import type { EventType } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { part } from "@/shell/code";
import { useUnsaved } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Code, Json } from "@/ui/code";
import { Confirm } from "@/ui/dialog";
import type { EditorProblem } from "@/ui/editor";
import { SelectField } from "@/ui/field";
import { ErrorNotice, Skeleton } from "@/ui/states";
import { ExampleSelect, SAMPLE } from "./example";
import { presetsQuery, previewQuery } from "./payload-queries";
import { useChangeWebhook, type Webhook } from "./queries";
import type { RecentEvent } from "./recent";
import { useCardDraft } from "./save-card";
import { useTested } from "./tested";

const Editor = part(() => import("@/ui/editor"));

/** How long typing rests before it is previewed. */
const REST_MS = 350;

export interface PayloadDraft {
  template: string;
  contentType: string;
}

const CONTENT_TYPES = ["application/json", "text/plain", "application/x-www-form-urlencoded", "application/xml"];

/** The only event type of the webhook, by its key: what a custom payload needs. */
export function onlyKey(webhook: Webhook): string | undefined {
  const [key, ...others] = webhook.eventKeys;
  return key !== undefined && others.length === 0 && !key.endsWith("*") ? key : undefined;
}

/** What the preview and the test are made with, and how another is chosen. */
export interface ChosenExample {
  /** Undefined: a sample. */
  event: RecentEvent | undefined;
  events: RecentEvent[];
  /** Whether it is known yet: events are being read. */
  isKnown: boolean;
  onChoose: (value: string) => void;
}

const asDraft = (payload: { template: string; contentType?: string | null | undefined }): PayloadDraft => ({
  template: payload.template,
  contentType: payload.contentType ?? "application/json",
});

export function PayloadEditor({
  webhook,
  example,
  onClose,
}: {
  webhook: Webhook;
  example: ChosenExample;
  onClose: () => void;
}) {
  const m = useMessages();
  const listed = useQuery(presetsQuery);
  const presets = listed.data;
  const start = webhook.payload ?? (presets?.find(preset => preset.id === "basic") ?? presets?.[0])?.payload;
  return (
    <Card title={m.payload.title}>
      {start ? (
        <Opened webhook={webhook} start={asDraft(start)} presets={presets} example={example} onClose={onClose} />
      ) : listed.error ? (
        <div className="stack">
          <ErrorNotice error={listed.error} onRetry={() => void listed.refetch()} />
          <span>
            <Button onClick={onClose}>{m.common.cancel}</Button>
          </span>
        </div>
      ) : (
        <Skeleton lines={8} />
      )}
    </Card>
  );
}

function Opened({
  webhook,
  start,
  presets,
  example,
  onClose,
}: {
  webhook: Webhook;
  start: PayloadDraft;
  presets: Schemas["ReceiverPreset"][] | undefined;
  example: ChosenExample;
  onClose: () => void;
}) {
  const m = useMessages();
  const face = useFace();
  const draft = useCardDraft(webhook, start);
  const remove = useChangeWebhook(webhook.id);
  const [removing, setRemoving] = useState(false);
  const saved = webhook.payload;
  const dirty = !saved || draft.isEdited;
  const off = !face.can("writeWebhooks");
  useUnsaved(draft.isEdited);
  useTested("payload", dirty ? { payload: draft.value } : undefined);
  const take = (id: string) => {
    const preset = presets?.find(each => each.id === id);
    if (preset) draft.edit(asDraft(preset.payload));
  };
  return (
    <div className="stack">
      <div className="row row-wrap row-top">
        {presets && !off && (
          <span className="grow">
            <SelectField label={m.payload.preset} value="" onChange={event => take(event.target.value)}>
              <option value="">{m.payload.choosePreset}</option>
              {presets.map(preset => (
                <option key={preset.id} value={preset.id}>
                  {preset.name}
                </option>
              ))}
            </SelectField>
          </span>
        )}
        <span className="grow">
          <SelectField
            label={m.payload.contentType}
            value={draft.value.contentType}
            disabled={off}
            onChange={event => draft.edit({ contentType: event.target.value })}
          >
            {[...new Set([...CONTENT_TYPES, draft.value.contentType])].map(type => (
              <option key={type}>{type}</option>
            ))}
          </SelectField>
        </span>
      </div>
      <Previewed
        webhook={webhook}
        draft={draft.value}
        example={example}
        disabled={off}
        onChange={template => draft.edit({ template })}
      />
      {draft.error ? <ErrorNotice error={draft.error} /> : null}
      {!off && (
        <div className="row row-wrap">
          <Button
            look="primary"
            busy={draft.isSaving}
            disabled={!dirty}
            onClick={() => draft.save({ payload: draft.value })}
          >
            {m.payload.save}
          </Button>
          {saved && draft.isEdited && <Button onClick={draft.discard}>{m.common.discard}</Button>}
          {saved ? (
            <Button onClick={() => setRemoving(true)}>{m.payload.remove}</Button>
          ) : (
            <Button onClick={onClose}>{m.common.cancel}</Button>
          )}
        </div>
      )}
      <Confirm
        title={m.payload.removeTitle}
        text={m.payload.removeText}
        action={m.payload.remove}
        open={removing}
        onClose={() => setRemoving(false)}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() =>
          remove.mutate(
            { payload: null },
            {
              onSuccess: () => {
                setRemoving(false);
                onClose();
              },
            },
          )
        }
      />
    </div>
  );
}

function Previewed({
  webhook,
  draft,
  example,
  disabled,
  onChange,
}: {
  webhook: Webhook;
  draft: PayloadDraft;
  example: ChosenExample;
  disabled: boolean;
  onChange: (template: string) => void;
}) {
  const m = useMessages();
  const face = useFace();
  const settled = useRested(draft.template);
  const eventId = example.event?.id;
  const request = useMemo((): Schemas["PreviewForm"] => {
    const settings = { payload: { template: settled, contentType: draft.contentType } };
    const key = onlyKey(webhook);
    return eventId ? { eventId, settings } : key ? { eventKey: key, settings } : { settings };
  }, [settled, draft.contentType, eventId, webhook]);
  const preview = useQuery({
    ...previewQuery(webhook.id, request),
    placeholderData: keepPreviousData,
    // It is for whoever may change what is sent.
    enabled: face.can("writeWebhooks") && example.isKnown,
  });
  const problems = useMemo(() => problemsIn(preview.error), [preview.error]);
  return (
    <>
      <Suspense fallback={<Skeleton lines={8} />}>
        <Editor
          label={m.payload.template}
          language="template"
          value={draft.template}
          onChange={onChange}
          disabled={disabled}
          problems={problems}
        />
      </Suspense>
      {face.can("writeWebhooks") && (
        <Card
          title={
            <span className="row">
              {m.payload.preview} {preview.isFetching && <span className="spinner" aria-hidden="true" />}
            </span>
          }
          actions={
            <span className="preview-event">
              <ExampleSelect
                label={m.payload.previewWith}
                hideLabel
                value={eventId ?? SAMPLE}
                samples={[{ value: SAMPLE, name: m.payload.withSample }]}
                events={example.events}
                onChange={example.onChoose}
              />
            </span>
          }
        >
          {preview.error ? (
            <ErrorNotice
              error={preview.error}
              // A template that is wrong is not better the next time.
              {...(problems.length === 0 ? { onRetry: () => void preview.refetch() } : {})}
            />
          ) : preview.data ? (
            <Request preview={preview.data} />
          ) : (
            <Skeleton lines={4} />
          )}
        </Card>
      )}
    </>
  );
}

/** The value once it has not changed for a moment. */
function useRested<T>(value: T): T {
  const [rested, setRested] = useState(value);
  const deferred = useDeferredValue(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(deferred), REST_MS);
    return () => clearTimeout(timer);
  }, [deferred]);
  return rested;
}

/** Where in the template an error is. */
function problemsIn(error: unknown): EditorProblem[] {
  if (!(error instanceof ApiProblem)) return [];
  const issues = (error.problem?.errors ?? []) as { detail: string; line?: number | null }[];
  return issues.flatMap(({ detail, line }) => (line ? [{ line, message: detail }] : []));
}

export function Request({ preview }: { preview: Schemas["Preview"] }) {
  const m = useMessages();
  return (
    <div className="stack stack-tight" data-testid="preview">
      <p className="break">
        <Badge>{preview.method}</Badge> <code>{preview.url}</code>
      </p>
      {preview.body != null && <Json text={preview.body} label={m.payload.preview} />}
      <details>
        <summary>
          {m.attempt.headers} ({preview.headers.length})
        </summary>
        <Code
          text={preview.headers.map(({ name, value }) => `${name}: ${value ?? m.payload.hiddenValue}`).join("\n")}
          wrap
          label={m.attempt.headers}
        />
      </details>
    </div>
  );
}

/** Whether a custom payload can begin here; and how, in a sentence, where not. */
export function CustomizeButton({
  webhook,
  types,
  onStart,
}: {
  webhook: Webhook;
  types: EventType[];
  onStart: () => void;
}) {
  const m = useMessages();
  const face = useFace();
  if (!face.can("writeWebhooks") || types.length === 0) return null;
  if (onlyKey(webhook) === undefined) return <p className="small faint">{m.payload.oneType}</p>;
  return (
    <Button size="small" onClick={onStart}>
      {m.payload.customize}
    </Button>
  );
}
