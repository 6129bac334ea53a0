//! Connecting a webhook: name → events → URL and secret → test → done. The step is in the URL; what was typed is kept until it is saved.
import { Link, Navigate, useNavigate } from "@tanstack/react-router";
import { Check, RefreshCw } from "lucide-react";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { issueAt } from "@/api/problem";
import type { Messages } from "@/i18n";
import { useMessages } from "@/i18n";
import { lengthOf, newSecret } from "@/logic/secret";
import { urlProblem } from "@/logic/url";
import { useUnsaved } from "@/shell/drafts";
import { type Face, useFace } from "@/shell/face";
import { OnlyLooks } from "@/shell/only-looks";
import { usePageSearch } from "@/shell/search";
import { Button, buttonClass, IconButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { classes } from "@/ui/classes";
import { CopyButton } from "@/ui/copy";
import { Choices, TextArea, TextField } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/states";
import { DraftTest } from "./draft-test";
import { EventPicker } from "./event-picker";
import { useCreateWebhook, type Webhook } from "./queries";
import { Verification } from "./verification";
import "./webhooks.css";

const STEPS = ["name", "events", "endpoint", "test", "done"] as const;
type Step = (typeof STEPS)[number];
const DONE = STEPS.length - 1;

/** The first step needs no name. */
const stepSearch = (at: number) => (at === 0 ? {} : { step: STEPS[at] });

/** `webhook`: the one that was made, once it was. */
export type ConnectSearch = "step" | "webhook";

export interface Draft {
  displayName: string;
  description: string;
  scope: "environment" | "tenant";
  tenantId: string;
  eventKeys: string[];
  url: string;
  signing: "generated" | "own" | "none";
  secret: string;
}

const fresh = (): Draft => ({
  displayName: "",
  description: "",
  scope: "environment",
  tenantId: "",
  eventKeys: [],
  url: "",
  signing: "generated",
  secret: newSecret(),
});

/** What is missing before the next step. */
type Problems = Partial<Record<"displayName" | "tenantId" | "eventKeys" | "url" | "secret", string>>;

function problemsOf(draft: Draft, step: Step, face: Face, m: Messages): Problems {
  const problems: Problems = {};
  if (step === "name") {
    if (draft.displayName.trim() === "") problems.displayName = m.common.required;
    if (face.kind === "console" && draft.scope === "tenant" && draft.tenantId.trim() === "")
      problems.tenantId = m.common.required;
  }
  if (step === "events" && draft.eventKeys.length === 0) problems.eventKeys = m.connect.chooseOne;
  if (step === "endpoint") {
    const url = urlProblem(draft.url);
    if (url) problems.url = m.connect.urlProblem[url];
    const least = face.kind === "portal" ? 8 : 1;
    if (draft.signing === "own" && (lengthOf(draft.secret) < least || lengthOf(draft.secret) > 100)) {
      problems.secret = m.connect.secretLength(least);
    }
  }
  return problems;
}

export function Connect() {
  const m = useMessages();
  const face = useFace();
  return face.can("writeWebhooks") ? <Wizard /> : <OnlyLooks title={m.connect.title} />;
}

function Wizard() {
  const m = useMessages();
  const face = useFace();
  const navigate = useNavigate();
  const [search] = usePageSearch<ConnectSearch>();
  const [start] = useState(fresh);
  const [draft, setDraft] = useState(start);
  const [tried, setTried] = useState(false);
  const create = useCreateWebhook();
  const wanted = STEPS.indexOf((search.step ?? "name") as Step);
  // A step can be returned to, not skipped: after a reload, which forgets what was typed, the first is the one.
  const missing = STEPS.findIndex(each => Object.keys(problemsOf(draft, each, face, m)).length > 0);
  const at = create.data ? DONE : Math.max(0, Math.min(wanted, missing === -1 ? DONE - 1 : missing));
  const step = STEPS[at] ?? "name";
  const problems = problemsOf(draft, step, face, m);
  const change = (patch: Partial<Draft>) => setDraft({ ...draft, ...patch });
  useUnsaved(!create.data && JSON.stringify(draft) !== JSON.stringify(start));
  const isMisled = !create.data && wanted !== DONE && wanted !== at;
  useEffect(() => {
    if (isMisled) void navigate({ to: ".", search: stepSearch(at) as never, replace: true });
  }, [isMisled, at, navigate]);

  const go = (next: number) => {
    setTried(false);
    void navigate({ to: ".", search: stepSearch(next) as never });
  };
  const save = () =>
    create.mutate(request(draft, face), {
      onSuccess: ({ id }) => void navigate({ to: ".", search: { step: "done", webhook: id } as never }),
    });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    if (step === "test") save();
    else go(at + 1);
  };
  const shown = tried ? problems : {};
  if (wanted === DONE && !create.data) return <Made webhookId={search.webhook} />;
  return (
    <div className="connect stack">
      <div className="page-head">
        <h1>{m.connect.title}</h1>
        {step !== "done" && (
          <Link to="/webhooks" className={buttonClass("ghost")}>
            {m.common.cancel}
          </Link>
        )}
      </div>
      <ol className="steps">
        {STEPS.map((name, index) => (
          <li
            key={name}
            className={classes("step", index < at && "step-past", index === at && "step-now")}
            aria-current={index === at ? "step" : undefined}
          >
            <span className="step-mark">
              {index < at || step === "done" ? <Check aria-hidden="true" /> : index + 1}
            </span>
            <span className="step-title">{m.connect.steps[name]}</span>
          </li>
        ))}
      </ol>
      {step === "done" && create.data ? (
        <Done webhook={create.data} />
      ) : (
        <form onSubmit={submit} noValidate>
          <Card
            foot={
              <>
                {at > 0 && <Button onClick={() => go(at - 1)}>{m.common.back}</Button>}
                <span className="grow" />
                <Button type="submit" look="primary" busy={create.isPending}>
                  {step === "test" ? m.connect.save : m.common.next}
                </Button>
              </>
            }
          >
            <div className="stack">
              {step === "name" && <Name draft={draft} change={change} problems={shown} />}
              {step === "events" && (
                <>
                  <p className="soft">{m.connect.eventsLead}</p>
                  {shown.eventKeys && (
                    <Notice tone="bad" role="alert">
                      {shown.eventKeys}
                    </Notice>
                  )}
                  <EventPicker value={draft.eventKeys} onChange={eventKeys => change({ eventKeys })} />
                </>
              )}
              {step === "endpoint" && <Endpoint draft={draft} change={change} problems={shown} />}
              {step === "test" && <DraftTest draft={draft} />}
              {create.error && <ErrorNotice error={create.error} />}
              {create.error && issueAt(create.error, "/url") && (
                <p>
                  <Button onClick={() => go(2)}>{m.connect.changeUrl}</Button>
                </p>
              )}
            </div>
          </Card>
        </form>
      )}
    </div>
  );
}

/** The last step after a reload: its webhook has a page of its own. */
function Made({ webhookId }: { webhookId: string | undefined }) {
  return webhookId === undefined ? (
    <Navigate to="/webhooks" search={{} as never} replace />
  ) : (
    <Navigate to="/webhooks/$webhookId" params={{ webhookId }} search={{} as never} replace />
  );
}

function request(draft: Draft, face: Face) {
  return {
    displayName: draft.displayName.trim(),
    description: draft.description.trim(),
    url: draft.url.trim(),
    eventKeys: draft.eventKeys,
    secret: draft.signing === "none" ? null : draft.secret,
    ...(face.kind === "console" && draft.scope === "tenant" ? { tenantId: draft.tenantId.trim() } : {}),
  };
}

interface StepProps {
  draft: Draft;
  change: (patch: Partial<Draft>) => void;
  problems: Problems;
}

function Name({ draft, change, problems }: StepProps) {
  const m = useMessages();
  const face = useFace();
  return (
    <>
      <TextField
        label={m.webhooks.name}
        value={draft.displayName}
        onChange={event => change({ displayName: event.target.value })}
        error={problems.displayName}
        placeholder={m.connect.namePlaceholder}
        maxLength={100}
        autoFocus
      />
      <TextArea
        label={m.connect.description}
        hint={m.common.optional}
        value={draft.description}
        onChange={event => change({ description: event.target.value })}
        maxLength={1000}
        rows={2}
      />
      {face.kind === "console" && (
        <>
          <span className="field-label">{m.connect.whose}</span>
          <Choices
            label={m.connect.whose}
            value={draft.scope}
            onChange={scope => change({ scope })}
            options={[
              { value: "environment", title: m.webhooks.environmentScope, text: m.connect.environmentText },
              { value: "tenant", title: m.webhooks.tenantScope, text: m.connect.tenantText },
            ]}
          />
          {draft.scope === "tenant" && (
            <TextField
              label={m.connect.tenantId}
              value={draft.tenantId}
              onChange={event => change({ tenantId: event.target.value })}
              error={problems.tenantId}
              className="mono"
              spellCheck={false}
            />
          )}
        </>
      )}
    </>
  );
}

function Endpoint({ draft, change, problems }: StepProps) {
  const m = useMessages();
  return (
    <>
      <TextField
        label="URL"
        type="url"
        inputMode="url"
        placeholder="https://example.com/webhooks"
        value={draft.url}
        onChange={event => change({ url: event.target.value })}
        error={problems.url}
        hint={m.connect.urlHint}
        className="mono"
        spellCheck={false}
        autoFocus
      />
      <span className="field-label">{m.connect.signing}</span>
      <Choices
        label={m.connect.signing}
        value={draft.signing}
        onChange={signing =>
          change({ signing, secret: signing === "generated" ? newSecret() : signing === "own" ? "" : draft.secret })
        }
        options={[
          { value: "generated", title: m.connect.generated, text: m.connect.generatedText },
          { value: "own", title: m.connect.ownSecret, text: m.connect.ownSecretText },
          { value: "none", title: m.connect.unsigned, text: m.connect.unsignedText },
        ]}
      />
      {draft.signing === "generated" && (
        <div className="row secret-row">
          <code className="grow break">{draft.secret}</code>
          <CopyButton text={draft.secret} label={m.secret.copy} />
          <IconButton label={m.connect.another} size="small" onClick={() => change({ secret: newSecret() })}>
            <RefreshCw />
          </IconButton>
        </div>
      )}
      {draft.signing === "own" && (
        <TextField
          label={m.secret.title}
          value={draft.secret}
          onChange={event => change({ secret: event.target.value })}
          error={problems.secret}
          className="mono"
          spellCheck={false}
        />
      )}
    </>
  );
}

function Done({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  return (
    <>
      <Notice tone="good" role="status">
        <strong>{m.connect.doneTitle}</strong> {m.connect.doneText}
      </Notice>
      {webhook.isSigned && (
        <Card title={m.connect.verify}>
          <Verification webhook={webhook} />
        </Card>
      )}
      <DoneLinks webhook={webhook} />
    </>
  );
}

function DoneLinks({ webhook }: { webhook: Webhook }): ReactNode {
  const m = useMessages();
  return (
    <div className="row row-wrap">
      <Link to="/webhooks/$webhookId" params={{ webhookId: webhook.id }} className={buttonClass("primary")}>
        {m.connect.open}
      </Link>
      <Link to="/webhooks" className={buttonClass()}>
        {m.connect.toList}
      </Link>
    </div>
  );
}
