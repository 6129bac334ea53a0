//! How requests look and how they are let in: method, headers, authentication, client certificate.
import { Plus, Trash2 } from "lucide-react";
import type { FormEvent } from "react";
import type { Schemas } from "@/api/client";
import { issueAt } from "@/api/problem";
import { useMessages } from "@/i18n";
import { onlyEdited } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { Button, IconButton } from "@/ui/button";
import { Checkbox, SelectField, TextArea, TextField } from "@/ui/field";
import type { Webhook } from "./queries";
import { SaveCard, useCardDraft } from "./save-card";
import { useTested } from "./tested";

type Method = Schemas["RequestMethod"];
const METHODS: Method[] = ["POST", "PUT", "PATCH", "DELETE", "GET"];

export function RequestCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const draft = useCardDraft(webhook, {
    method: webhook.method,
    headers: webhook.headers.map((header, index) => ({ ...header, key: index })),
  });
  const { method, headers } = draft.value;
  const setHeaders = (next: typeof headers) => draft.edit({ headers: next });
  const off = !face.can("writeWebhooks");
  const bare = headers.map(({ key: _, ...header }) => header);
  const asSent = { method, headers: bare.filter(header => header.name.trim() !== "") };
  const dirty = method !== webhook.method || JSON.stringify(bare) !== JSON.stringify(webhook.headers);
  useTested("request", dirty ? asSent : undefined);
  const set = (key: number, patch: Partial<Schemas["CustomHeader"]>) =>
    setHeaders(headers.map(header => (header.key === key ? { ...header, ...patch } : header)));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    draft.save(onlyEdited(draft, asSent));
  };
  return (
    <SaveCard title={m.request.title} dirty={dirty && !off} draft={draft} onSubmit={submit}>
      <SelectField
        label={m.request.method}
        value={method}
        disabled={off}
        onChange={event => draft.edit({ method: event.target.value as Method })}
      >
        {METHODS.map(each => (
          <option key={each}>{each}</option>
        ))}
      </SelectField>
      <div className="stack stack-tight">
        <span className="field-label">{m.request.headers}</span>
        <span className="field-hint">{m.request.headersHint}</span>
        {headers.map((header, index) => (
          <div key={header.key} className="row row-wrap row-end header-row">
            <TextField
              label={m.request.name}
              hideLabel
              placeholder="x-api-key"
              value={header.name}
              disabled={off}
              className="mono"
              onChange={event => set(header.key, { name: event.target.value })}
              error={issueAt(draft.error, `/headers/${index}/name`)}
            />
            <span className="grow">
              <TextField
                label={m.request.value}
                hideLabel
                value={header.value ?? ""}
                placeholder={
                  header.value === null || header.value === undefined ? m.payload.hiddenValue : "{{ tenantId }}"
                }
                disabled={off}
                className="mono"
                onChange={event => set(header.key, { value: event.target.value })}
                error={issueAt(draft.error, `/headers/${index}/value`)}
              />
            </span>
            {/* biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is one */}
            <label className="check-row">
              <Checkbox
                label={m.request.sensitive}
                checked={header.isSensitive ?? false}
                disabled={off}
                onChange={isSensitive => set(header.key, { isSensitive })}
              />
              <span className="small soft">{m.request.sensitive}</span>
            </label>
            {!off && (
              <IconButton
                label={m.request.removeHeader}
                size="small"
                onClick={() => setHeaders(headers.filter(other => other.key !== header.key))}
              >
                <Trash2 />
              </IconButton>
            )}
          </div>
        ))}
        {!off && (
          <span>
            <Button
              size="small"
              icon={<Plus />}
              onClick={() => setHeaders([...headers, { name: "", value: "", isSensitive: false, key: Date.now() }])}
            >
              {m.request.addHeader}
            </Button>
          </span>
        )}
      </div>
    </SaveCard>
  );
}

type Authentication = NonNullable<Webhook["authentication"]>;
type Kind = "none" | "basic" | "bearer" | "oauth2";

interface AuthenticationDraft {
  username: string;
  password: string;
  token: string;
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  scope: string;
  audience: string;
  clientAuthentication: "basic" | "form";
}

const draftOf = (authentication: Authentication | null | undefined): AuthenticationDraft => ({
  username: "",
  password: "",
  token: "",
  tokenUrl: "",
  clientId: "",
  clientSecret: "",
  scope: "",
  audience: "",
  clientAuthentication: "basic",
  ...Object.fromEntries(Object.entries(authentication ?? {}).filter(([, value]) => value !== null)),
});

/** As it is sent. A secret that was not typed again is left out, and stays as it is. */
function authenticationOf(kind: Kind, draft: AuthenticationDraft): Authentication | null {
  const kept = (value: string) => (value === "" ? null : value);
  if (kind === "basic") return { type: "basic", username: draft.username, password: kept(draft.password) };
  if (kind === "bearer") return { type: "bearer", token: kept(draft.token) };
  if (kind === "none") return null;
  return {
    type: "oauth2",
    tokenUrl: draft.tokenUrl.trim(),
    clientId: draft.clientId,
    clientSecret: kept(draft.clientSecret),
    scope: kept(draft.scope),
    audience: kept(draft.audience),
    clientAuthentication: draft.clientAuthentication,
  };
}

export function AuthenticationCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const was = (webhook.authentication?.type ?? "none") as Kind;
  const before = draftOf(webhook.authentication);
  const draft = useCardDraft(webhook, {
    ...before,
    kind: was,
    certificate: webhook.clientCertificate?.certificate ?? "",
    privateKey: "",
  });
  const { kind, certificate, privateKey, ...way } = draft.value;
  const off = !face.can("writeWebhooks");
  const certificateChanged = certificate !== (webhook.clientCertificate?.certificate ?? "") || privateKey !== "";
  const dirty = draft.isEdited;
  const wayChanged = Object.keys(draft.edited).some(name => name !== "certificate" && name !== "privateKey");
  const asSent = {
    ...(wayChanged ? { authentication: authenticationOf(kind, way) } : {}),
    ...(certificateChanged
      ? {
          clientCertificate: certificate.trim() === "" ? null : { certificate, ...(privateKey ? { privateKey } : {}) },
        }
      : {}),
  };
  useTested("authentication", dirty ? asSent : undefined);
  const field = (name: keyof AuthenticationDraft) => ({
    value: way[name],
    disabled: off,
    onChange: (event: { target: { value: string } }) => draft.edit({ [name]: event.target.value }),
    error: issueAt(draft.error, `/authentication/${name}`),
    className: "mono",
  });
  const secret = (name: keyof AuthenticationDraft) => ({
    ...field(name),
    type: "password",
    autoComplete: "new-password",
    placeholder: kind === was ? m.payload.hiddenValue : "",
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    draft.save(asSent);
  };
  return (
    <SaveCard title={m.access.title} dirty={dirty && !off} draft={draft} onSubmit={submit}>
      <SelectField
        label={m.access.kind}
        value={kind}
        disabled={off}
        onChange={event => draft.edit({ kind: event.target.value as Kind })}
      >
        <option value="none">{m.access.none}</option>
        <option value="basic">{m.access.basic}</option>
        <option value="bearer">{m.access.bearer}</option>
        <option value="oauth2">{m.access.oauth2}</option>
      </SelectField>
      {kind === "basic" && (
        <>
          <TextField label={m.access.username} {...field("username")} />
          <TextField label={m.access.password} {...secret("password")} />
        </>
      )}
      {kind === "bearer" && <TextField label={m.access.token} {...secret("token")} />}
      {kind === "oauth2" && (
        <>
          <TextField
            label={m.access.tokenUrl}
            placeholder="https://id.example.com/oauth/token"
            {...field("tokenUrl")}
          />
          <TextField label={m.access.clientId} {...field("clientId")} />
          <TextField label={m.access.clientSecret} {...secret("clientSecret")} />
          <TextField label={m.access.scope} hint={m.common.optional} {...field("scope")} />
          <TextField label={m.access.audience} hint={m.common.optional} {...field("audience")} />
          <SelectField label={m.access.clientAuthentication} {...field("clientAuthentication")}>
            <option value="basic">{m.access.inHeader}</option>
            <option value="form">{m.access.inForm}</option>
          </SelectField>
        </>
      )}
      <details open={certificate !== ""}>
        <summary>{m.access.certificate}</summary>
        <div className="stack certificate">
          <TextArea
            label={m.access.certificatePem}
            hint={m.access.certificateHint}
            rows={4}
            className="mono"
            value={certificate}
            disabled={off}
            onChange={event => draft.edit({ certificate: event.target.value })}
            error={issueAt(draft.error, "/clientCertificate")}
            spellCheck={false}
          />
          <TextArea
            label={m.access.privateKey}
            rows={4}
            className="mono"
            value={privateKey}
            disabled={off}
            placeholder={webhook.clientCertificate ? m.payload.hiddenValue : ""}
            onChange={event => draft.edit({ privateKey: event.target.value })}
            spellCheck={false}
          />
        </div>
      </details>
    </SaveCard>
  );
}
