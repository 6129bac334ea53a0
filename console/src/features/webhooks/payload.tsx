//! A custom payload: a template over the event, with a live preview of the exact request against a sample or an event that happened.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useDeferredValue, useEffect, useMemo, useState } from "react";
import type { Schemas } from "@/api/client";
import { ApiProblem } from "@/api/problem";
import type { EventType } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { useFace } from "@/shell/face";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Code, Json } from "@/ui/code";
import { Confirm } from "@/ui/dialog";
import type { EditorProblem } from "@/ui/editor";
import { SelectField } from "@/ui/field";
import { ErrorNotice, Skeleton } from "@/ui/states";
import { useRelative } from "@/ui/time";
import { say } from "@/ui/toast";
import { presetsQuery, previewQuery, recentQuery } from "./payload-queries";
import { useChangeWebhook, type Webhook } from "./queries";

const Editor = lazy(() => import("@/ui/editor"));

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

export function PayloadEditor({
  webhook,
  start,
  onClose,
}: {
  webhook: Webhook;
  start: PayloadDraft | undefined;
  onClose: () => void;
}) {
  const m = useMessages();
  const face = useFace();
  const listed = useQuery(presetsQuery);
  const presets = listed.data;
  const change = useChangeWebhook(webhook.id);
  const [draft, setDraft] = useState<PayloadDraft | undefined>(start);
  const [removing, setRemoving] = useState(false);
  const basic = presets?.find(preset => preset.id === "basic") ?? presets?.[0];
  useEffect(() => {
    if (!draft && basic)
      setDraft({ template: basic.payload.template, contentType: basic.payload.contentType ?? "application/json" });
  }, [draft, basic]);
  if (!draft) {
    return listed.error && !presets ? (
      <div className="stack">
        <ErrorNotice error={listed.error} onRetry={() => void listed.refetch()} />
        <span>
          <Button onClick={onClose}>{m.common.cancel}</Button>
        </span>
      </div>
    ) : (
      <Skeleton lines={8} />
    );
  }
  const saved = webhook.payload;
  const dirty = draft.template !== saved?.template || draft.contentType !== (saved?.contentType ?? "application/json");
  const off = !face.can("writeWebhooks");
  const take = (id: string) => {
    const preset = presets?.find(each => each.id === id);
    if (preset)
      setDraft({ template: preset.payload.template, contentType: preset.payload.contentType ?? "application/json" });
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
            value={draft.contentType}
            disabled={off}
            onChange={event => setDraft({ ...draft, contentType: event.target.value })}
          >
            {[...new Set([...CONTENT_TYPES, draft.contentType])].map(type => (
              <option key={type}>{type}</option>
            ))}
          </SelectField>
        </span>
      </div>
      <Previewed
        webhook={webhook}
        draft={draft}
        disabled={off}
        onChange={template => setDraft({ ...draft, template })}
      />
      {change.error && <ErrorNotice error={change.error} />}
      {!off && (
        <div className="row row-wrap">
          <Button
            look="primary"
            busy={change.isPending}
            disabled={!dirty}
            onClick={() => change.mutate({ payload: draft }, { onSuccess: () => say(m.common.saved) })}
          >
            {m.payload.save}
          </Button>
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
        busy={change.isPending}
        error={change.error}
        onConfirm={() =>
          change.mutate(
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
  disabled,
  onChange,
}: {
  webhook: Webhook;
  draft: PayloadDraft;
  disabled: boolean;
  onChange: (template: string) => void;
}) {
  const m = useMessages();
  const face = useFace();
  const relative = useRelative();
  const recent = useQuery({ ...recentQuery(webhook.id), enabled: face.can("readDeliveries") }).data ?? [];
  const [eventId, setEventId] = useState("");
  const settled = useRested(draft);
  const request = useMemo((): Schemas["PreviewForm"] => {
    const settings = { payload: settled };
    const key = onlyKey(webhook);
    return eventId ? { eventId, settings } : key ? { eventKey: key, settings } : { settings };
  }, [settled, eventId, webhook]);
  const preview = useQuery({
    ...previewQuery(webhook.id, request),
    placeholderData: keepPreviousData,
    // It is for whoever may change what is sent.
    enabled: face.can("writeWebhooks"),
  });
  const problems = useMemo(() => problemsIn(preview.error), [preview.error]);
  const events = [...new Map(recent.map(delivery => [delivery.eventId, delivery])).values()];
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
            <select
              className="input preview-event"
              aria-label={m.payload.previewWith}
              value={eventId}
              onChange={event => setEventId(event.target.value)}
            >
              <option value="">{m.payload.withSample}</option>
              {events.map(delivery => (
                <option key={delivery.eventId} value={delivery.eventId}>
                  {m.payload.withEvent(relative(delivery.createdAt), delivery.tenantId ?? "")}
                </option>
              ))}
            </select>
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
