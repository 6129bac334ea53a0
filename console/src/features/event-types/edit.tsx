//! An event type: what it is called, its schema, its sample.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { ArrowLeft, Send, Trash2 } from "lucide-react";
import { type FormEvent, Suspense, useState } from "react";
import { issueAt } from "@/api/problem";
import { useMessages } from "@/i18n";
import { objectProblem } from "@/logic/json";
import { part } from "@/shell/code";
import { forgetUnsaved, onlyEdited, useDraft, useUnsaved } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { OnlyLooks } from "@/shell/only-looks";
import { Named } from "@/shell/title";
import { Button, buttonClass } from "@/ui/button";
import { Card } from "@/ui/card";
import { Json } from "@/ui/code";
import { Copyable } from "@/ui/copy";
import { Confirm } from "@/ui/dialog";
import { Choices, Field, Switch, TextArea, TextField } from "@/ui/field";
import { Empty, ErrorNotice, Loaded, Notice, Skeleton } from "@/ui/states";
import { say } from "@/ui/toast";
import { categoriesQuery, type EventType, eventTypesQuery, useDeleteEventType, useSaveEventType } from "./queries";

const Editor = part(() => import("@/ui/editor"));
const Activity = part(() => import("./activity"));

export function EventTypePage() {
  const m = useMessages();
  const face = useFace();
  const { eventTypeId = "" } = useParams({ strict: false });
  const query = useQuery(eventTypesQuery);
  return (
    <div className="stack settings">
      <Back />
      <Loaded query={query} lines={8}>
        {types => {
          const type = types.find(each => each.id === eventTypeId);
          if (!type) return <Empty title={m.types.gone} />;
          return (
            <>
              <Named name={type.displayName} />
              {face.manages ? <Edit key={type.id} type={type} /> : <Read type={type} />}
            </>
          );
        }}
      </Loaded>
    </div>
  );
}

export function NewEventType() {
  const m = useMessages();
  const face = useFace();
  if (!face.manages) return <OnlyLooks title={m.types.new} />;
  return (
    <div className="stack settings">
      <Back />
      <Edit type={undefined} />
    </div>
  );
}

function Back() {
  const m = useMessages();
  return (
    <Link to="/event-types" className="row small">
      <ArrowLeft aria-hidden="true" size={14} /> {m.nav.eventTypes}
    </Link>
  );
}

function Read({ type }: { type: EventType }) {
  const m = useMessages();
  return (
    <>
      <h1>{type.displayName}</h1>
      {type.deprecatedAt && (
        <Notice tone="warn">{type.replacedBy ? m.types.replacement(type.replacedBy) : m.types.deprecatedText}</Notice>
      )}
      <p className="soft">{type.description}</p>
      <p>
        <Copyable text={type.key} />
      </p>
      {type.sample && (
        <Card title={m.body.sample}>
          <Json value={{ eventKey: type.key, eventContext: {}, ...type.sample }} label={m.body.sample} />
        </Card>
      )}
      {type.schema && (
        <Card title={m.body.schema}>
          <Json value={type.schema} label={m.body.schema} />
        </Card>
      )}
    </>
  );
}

const asText = (value: unknown) => (value == null ? "" : JSON.stringify(value, null, 2));

const draftOf = (type: EventType | undefined) => ({
  key: type?.key ?? "",
  displayName: type?.displayName ?? "",
  description: type?.description ?? "",
  category: type?.category ?? "Custom",
  schema: asText(type?.schema),
  sample: asText(type?.sample),
  schemaMode: (type?.schemaMode ?? "off") as EventType["schemaMode"],
  isVisibleToTenants: type?.isVisibleToTenants ?? true,
  deprecated: type?.deprecatedAt != null,
  replacedBy: type?.replacedBy ?? "",
});

function Edit({ type }: { type: EventType | undefined }) {
  const m = useMessages();
  const navigate = useNavigate();
  const categories = useQuery(categoriesQuery).data ?? [];
  const save = useSaveEventType();
  const draft = useDraft(draftOf(type));
  useUnsaved(draft.isEdited);
  const { key, displayName, description, category, schema, sample, schemaMode, isVisibleToTenants } = draft.value;
  const { deprecated, replacedBy } = draft.value;
  const schemaProblem = schema.trim() === "" ? null : objectProblem(schema);
  const sampleProblem = sample.trim() === "" ? null : objectProblem(sample);
  const incomplete = key.trim() === "" || displayName.trim() === "" || category.trim() === "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // What was made is on its way to a page of its own.
    if (incomplete || schemaProblem || sampleProblem || (!type && save.data)) return;
    const members = {
      displayName: displayName.trim(),
      description: description.trim(),
      category: category.trim(),
      schema: schema.trim() === "" ? null : JSON.parse(schema),
      sample: sample.trim() === "" ? null : JSON.parse(sample),
      schemaMode,
      isVisibleToTenants,
    };
    const deprecation = {
      deprecatedAt: deprecated ? (type?.deprecatedAt ?? new Date().toISOString()) : null,
      replacedBy: deprecated && replacedBy.trim() !== "" ? replacedBy.trim() : null,
    };
    const isDeprecationEdited = "deprecated" in draft.edited || "replacedBy" in draft.edited;
    const sent = draft.value;
    save.mutate(
      type
        ? { id: type.id, patch: { ...onlyEdited(draft, members), ...(isDeprecationEdited ? deprecation : {}) } }
        : { made: { key: key.trim(), ...members, ...deprecation } },
      {
        onSuccess: saved => {
          say(m.common.saved);
          if (type) return draft.saved(sent);
          // It is saved: the page of its own shows it.
          forgetUnsaved();
          void navigate({ to: "/event-types/$eventTypeId", params: { eventTypeId: saved.id } });
        },
      },
    );
  };
  return (
    <form className="stack" onSubmit={submit} noValidate>
      <div className="page-head">
        <h1>{type ? type.displayName : m.types.new}</h1>
        {type && (
          <Link to="/events/send" search={{ key: type.key } as never} className={buttonClass()}>
            <Send aria-hidden="true" />
            {m.types.sendOne}
          </Link>
        )}
      </div>
      {type && (
        <Suspense fallback={<Skeleton lines={6} />}>
          <Activity eventKey={type.key} />
        </Suspense>
      )}
      <Card>
        <div className="stack">
          <TextField
            label={m.types.key}
            hint={m.types.keyHint}
            value={key}
            onChange={event => draft.edit({ key: event.target.value })}
            disabled={type !== undefined}
            placeholder="orders.created"
            className="mono"
            spellCheck={false}
            error={issueAt(save.error, "/key")}
          />
          <TextField
            label={m.types.name}
            value={displayName}
            onChange={event => draft.edit({ displayName: event.target.value })}
            error={issueAt(save.error, "/displayName")}
          />
          <TextArea
            label={m.types.description}
            value={description}
            onChange={event => draft.edit({ description: event.target.value })}
            rows={2}
            error={issueAt(save.error, "/description")}
          />
          <Field label={m.types.category} hint={m.types.categoryHint}>
            {wiring => (
              <>
                <input
                  {...wiring}
                  className="input"
                  list="categories"
                  value={category}
                  onChange={event => draft.edit({ category: event.target.value })}
                  autoComplete="off"
                />
                <datalist id="categories">
                  {categories.map(each => (
                    <option key={each.id} value={each.name} />
                  ))}
                </datalist>
              </>
            )}
          </Field>
        </div>
      </Card>
      <Card title={m.body.sample}>
        <div className="stack stack-tight">
          <p className="soft">{m.types.sampleText}</p>
          <Suspense fallback={<Skeleton lines={6} />}>
            <Editor
              label={m.body.sample}
              language="json"
              value={sample}
              onChange={text => draft.edit({ sample: text })}
            />
          </Suspense>
          {sampleProblem && <p className="field-error">{m.send.notAnObject(sampleProblem)}</p>}
        </div>
      </Card>
      <Card title={m.body.schema}>
        <div className="stack stack-tight">
          <p className="soft">{m.types.schemaText}</p>
          <Suspense fallback={<Skeleton lines={6} />}>
            <Editor
              label={m.body.schema}
              language="json"
              value={schema}
              onChange={text => draft.edit({ schema: text })}
            />
          </Suspense>
          {schemaProblem && <p className="field-error">{m.send.notAnObject(schemaProblem)}</p>}
          {type && type.schemaVersion > 0 && <p className="small soft">{m.types.schemaVersion(type.schemaVersion)}</p>}
          {schema.trim() !== "" && (
            <Choices
              label={m.types.enforcement}
              value={schemaMode}
              onChange={mode => draft.edit({ schemaMode: mode })}
              options={[
                { value: "off", title: m.types.off, text: m.types.offText },
                { value: "warn", title: m.types.warn, text: m.types.warnText },
                { value: "reject", title: m.types.reject, text: m.types.rejectText },
              ]}
            />
          )}
        </div>
      </Card>
      <Card title={m.types.use}>
        <div className="stack">
          {/* biome-ignore lint/a11y/noLabelWithoutControl: the switch inside is one */}
          <label className="row">
            <Switch
              label={m.types.visible}
              checked={isVisibleToTenants}
              onChange={on => draft.edit({ isVisibleToTenants: on })}
            />
            <span>
              {m.types.visible}
              <span className="field-hint picker-text">{m.types.visibleText}</span>
            </span>
          </label>
          {/* biome-ignore lint/a11y/noLabelWithoutControl: the switch inside is one */}
          <label className="row">
            <Switch label={m.types.deprecated} checked={deprecated} onChange={on => draft.edit({ deprecated: on })} />
            <span>
              {m.types.deprecated}
              <span className="field-hint picker-text">{m.types.deprecatedText}</span>
            </span>
          </label>
          {deprecated && (
            <TextField
              label={m.types.replacedBy}
              hint={m.common.optional}
              value={replacedBy}
              onChange={event => draft.edit({ replacedBy: event.target.value })}
              className="mono"
              spellCheck={false}
              error={issueAt(save.error, "/replacedBy")}
            />
          )}
        </div>
      </Card>
      {save.error && <ErrorNotice error={save.error} />}
      <div className="row row-between">
        <Button
          type="submit"
          look="primary"
          busy={save.isPending}
          disabled={incomplete || Boolean(schemaProblem || sampleProblem)}
        >
          {m.common.save}
        </Button>
        {type && <Delete type={type} />}
      </div>
    </form>
  );
}

function Delete({ type }: { type: EventType }) {
  const m = useMessages();
  const navigate = useNavigate();
  const remove = useDeleteEventType();
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button look="danger" icon={<Trash2 />} onClick={() => setAsking(true)}>
        {m.common.delete}
      </Button>
      <Confirm
        title={m.types.deleteTitle}
        text={m.types.deleteText}
        action={m.common.delete}
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          remove.mutate(type.id, {
            onSuccess: () => {
              forgetUnsaved();
              void navigate({ to: "/event-types", search: {} as never });
            },
          })
        }
        busy={remove.isPending}
        error={remove.error}
      />
    </>
  );
}
