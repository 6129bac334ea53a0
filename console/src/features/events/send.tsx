//! Sending an event by hand: a form from the type's sample, or the JSON itself.
import { Link } from "@tanstack/react-router";
import { Send } from "lucide-react";
import { type FormEvent, Suspense, useMemo, useRef, useState } from "react";
import { NoEventTypes } from "@/features/event-types/none";
import { type EventType, useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { type FormField, fieldsOf, numberOf, setField } from "@/logic/form";
import { objectProblem } from "@/logic/json";
import { newKey } from "@/logic/secret";
import { part } from "@/shell/code";
import { useUnsaved } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { OnlyLooks } from "@/shell/only-looks";
import { usePageSearch } from "@/shell/search";
import { Button, buttonClass } from "@/ui/button";
import { Card } from "@/ui/card";
import { Segments, SelectField, Switch, TextField } from "@/ui/field";
import { ErrorNotice, Notice, Skeleton } from "@/ui/states";
import { useSendEvent } from "./queries";
import { type SendDraft, useSendDraft } from "./send-draft";

const Editor = part(() => import("@/ui/editor"));

export type SendSearch = "key" | "own" | "as";

export function SendEvent() {
  const m = useMessages();
  const face = useFace();
  return face.can("triggerEvents") ? <Sending /> : <OnlyLooks title={m.send.title} />;
}

function Sending() {
  const m = useMessages();
  const types = useEventTypes();
  const [search, change] = usePageSearch<SendSearch>();
  const own = search.own === "1";
  const type =
    types.find(each => each.key === search.key) ?? types.find(each => each.key === "frontegg.user.created") ?? types[0];
  const draft = useSendDraft(own ? undefined : type);
  const choice = useRef<HTMLSelectElement>(null);
  return (
    <div className="stack settings">
      <div className="page-head">
        <h1>{m.send.title}</h1>
        <Link to="/events" className={buttonClass("ghost")}>
          {m.common.cancel}
        </Link>
      </div>
      <Card title={m.send.type}>
        <div className="stack">
          {!type && !own && <NoEventTypes />}
          {type && !own && (
            <SelectField
              ref={choice}
              label={m.send.type}
              hideLabel
              value={type.key}
              onChange={event => change({ key: event.target.value })}
            >
              {types.map(each => (
                <option key={each.id} value={each.key}>
                  {each.displayName} ({each.key})
                </option>
              ))}
            </SelectField>
          )}
          {/* biome-ignore lint/a11y/noLabelWithoutControl: the switch inside is one */}
          <label className="row">
            <Switch label={m.send.own} checked={own} onChange={on => change({ own: on ? "1" : "" })} />
            <span className="soft">{m.send.own}</span>
          </label>
          {type && draft.isInQuestion && (
            <PayloadQuestion type={type} draft={draft} onAnswered={() => choice.current?.focus()} />
          )}
        </div>
      </Card>
      {(type || own) && (
        <SendForm
          key={own ? "own" : type?.key}
          type={own ? undefined : type}
          draft={draft}
          as={search.as === "json" ? "json" : "form"}
          onAs={as => change({ as: as === "form" ? "" : as })}
        />
      )}
    </div>
  );
}

/** Below the choice that raised it, where it is seen; the choice stays free. */
function PayloadQuestion({
  type,
  draft,
  onAnswered,
}: {
  type: EventType;
  draft: SendDraft;
  /** The question goes with its answer, and the focus must go somewhere. */
  onAnswered: () => void;
}) {
  const m = useMessages();
  const answer = (act: () => void) => () => {
    act();
    onAnswered();
  };
  return (
    <Notice role="status">
      <div className="stack stack-tight">
        <p>{m.send.edited(type.displayName)}</p>
        <div className="row row-wrap">
          <Button size="small" onClick={answer(draft.keepPayload)}>
            {m.send.keepPayload}
          </Button>
          <Button size="small" onClick={answer(draft.takeSample)}>
            {m.send.takeSample}
          </Button>
        </div>
      </div>
    </Notice>
  );
}

function SendForm({
  type,
  draft,
  as,
  onAs,
}: {
  type: EventType | undefined;
  draft: SendDraft;
  as: "form" | "json";
  onAs: (as: "form" | "json") => void;
}) {
  const m = useMessages();
  const [eventKey, setKey] = useState(type?.key ?? "");
  /** The key that is in no need of keeping: what was there at first, and what was sent. */
  const [keptKey, setKeptKey] = useState(eventKey);
  /** What was typed where a number belongs and is none, over the payload that it was typed to. */
  const [typed, setTyped] = useState<Typed>({ payload: "", texts: {} });
  const [key, setSendKey] = useState(newKey);
  const send = useSendEvent();
  const { tenantId, userId, payload } = draft.value;
  const problem = objectProblem(payload);
  const texts = as === "form" && typed.payload === payload ? typed.texts : NO_TEXTS;
  const hasOther = Object.keys(texts).length > 0;
  useUnsaved(eventKey !== keptKey || hasOther);
  const mayNot = problem !== null || hasOther || eventKey.trim() === "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (mayNot) return;
    send.mutate(
      {
        eventKey: eventKey.trim(),
        payload,
        key,
        ...(tenantId.trim() ? { tenantId: tenantId.trim() } : {}),
        ...(userId.trim() ? { userId: userId.trim() } : {}),
      },
      {
        onSuccess: () => {
          setSendKey(newKey());
          setKeptKey(eventKey);
          draft.sent(draft.value);
        },
      },
    );
  };
  return (
    <form className="stack" onSubmit={submit} noValidate>
      <Card title={m.send.context}>
        <div className="stack">
          {!type && (
            <TextField
              label={m.events.key}
              value={eventKey}
              onChange={event => setKey(event.target.value)}
              placeholder="orders.created"
              className="mono"
              spellCheck={false}
            />
          )}
          <div className="grid grid-2">
            <TextField
              label={m.deliveries.tenant}
              hint={m.send.tenantHint}
              value={tenantId}
              onChange={event => draft.edit({ tenantId: event.target.value })}
              className="mono"
              spellCheck={false}
            />
            <TextField
              label={m.events.user}
              hint={m.common.optional}
              value={userId}
              onChange={event => draft.edit({ userId: event.target.value })}
              className="mono"
              spellCheck={false}
            />
          </div>
        </div>
      </Card>
      <Card
        title={m.send.payload}
        actions={
          <Segments
            label={m.send.as}
            value={as}
            onChange={onAs}
            options={[
              { value: "form", title: m.send.form },
              { value: "json", title: "JSON" },
            ]}
          />
        }
      >
        <div className="stack">
          {as === "form" && !problem ? (
            <PayloadFields
              payload={payload}
              texts={texts}
              onChange={edited => {
                setTyped(edited);
                if (edited.payload !== payload) draft.edit({ payload: edited.payload });
              }}
            />
          ) : (
            <Suspense fallback={<Skeleton lines={8} />}>
              <Editor
                label={m.send.payload}
                language="json"
                value={payload}
                onChange={edited => draft.edit({ payload: edited })}
              />
            </Suspense>
          )}
          {problem && <p className="field-error">{m.send.notAnObject(problem)}</p>}
        </div>
      </Card>
      {send.error && <ErrorNotice error={send.error} />}
      {send.data && (
        <Notice tone="good" role="status">
          <p>
            <strong>{m.send.sent}</strong> {m.send.reached(send.data.deliveries)}
          </p>
          <p>
            <Link to="/events/$eventId" params={{ eventId: send.data.eventId }}>
              {m.send.follow}
            </Link>
          </p>
        </Notice>
      )}
      <div className="row">
        <Button type="submit" look="primary" icon={<Send />} busy={send.isPending} disabled={mayNot}>
          {m.send.action}
        </Button>
      </div>
    </form>
  );
}

/** What stands in fields of numbers and is none, by the field. */
interface Typed {
  payload: string;
  texts: Record<string, string>;
}

const NO_TEXTS: Typed["texts"] = {};

/** A field for each value of the payload; lists are edited as JSON. */
function PayloadFields({ payload, texts, onChange }: Typed & { onChange: (edited: Typed) => void }) {
  const m = useMessages();
  const fields = useMemo(() => fieldsOf(payload), [payload]);
  if (fields.length === 0) return <p className="soft">{m.send.noFields}</p>;
  const set = (field: FormField, written: string) => {
    const { [idOf(field)]: _, ...others } = texts;
    onChange({ payload: setField(payload, field, written), texts: others });
  };
  const setNumber = (field: FormField, text: string) => {
    const written = numberOf(text);
    if (written === undefined) onChange({ payload, texts: { ...texts, [idOf(field)]: text } });
    else set(field, written);
  };
  return (
    <div className="send-fields">
      {fields.map(field => {
        const name = field.path.join(".");
        const id = idOf(field);
        if (field.kind === "boolean") {
          return (
            // biome-ignore lint/a11y/noLabelWithoutControl: the switch inside is one
            <label key={id} className="row">
              <Switch label={name} checked={field.value === true} onChange={on => set(field, String(on))} />
              <code>{name}</code>
            </label>
          );
        }
        if (field.kind === "number") {
          return (
            <TextField
              key={id}
              label={<code>{name}</code>}
              inputMode="decimal"
              value={texts[id] ?? String(field.value)}
              error={id in texts ? m.send.noNumber : undefined}
              onChange={event => setNumber(field, event.target.value)}
            />
          );
        }
        return (
          <TextField
            key={id}
            label={<code>{name}</code>}
            value={field.value === null ? "" : String(field.value)}
            placeholder={field.value === null ? "null" : ""}
            onChange={event => set(field, JSON.stringify(event.target.value))}
          />
        );
      })}
    </div>
  );
}

const idOf = ({ path }: FormField) => JSON.stringify(path);
