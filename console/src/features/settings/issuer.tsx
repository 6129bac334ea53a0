//! The identity provider whose users' tokens are believed.
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Schemas } from "@/api/client";
import { issueAt } from "@/api/problem";
import { useMessages } from "@/i18n";
import { useDraft, useUnsaved } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Confirm } from "@/ui/dialog";
import { SelectField, TextArea, TextField } from "@/ui/field";
import { ErrorNotice, Loaded } from "@/ui/states";
import { say } from "@/ui/toast";
import { trustedIssuerQuery, useForgetIssuer, useSaveIssuer } from "./queries";

type Kind = "jwksUrl" | "publicKey" | "secret";

export function IssuerCard() {
  const query = useQuery(trustedIssuerQuery);
  return <Loaded query={query}>{issuer => <Form issuer={issuer} />}</Loaded>;
}

/** Its key, as it is sent to stay what it is. A secret is not shown: without one that is typed the server refuses it. */
const keyOf = ({ keyKind, jwksUrl, publicKey }: Schemas["TrustedIssuer"]) => ({
  [keyKind]: keyKind === "jwksUrl" ? jwksUrl : keyKind === "publicKey" ? publicKey : "",
});

function Form({ issuer }: { issuer: Schemas["TrustedIssuer"] | null }) {
  const m = useMessages();
  const face = useFace();
  const save = useSaveIssuer();
  const forget = useForgetIssuer();
  const [asking, setAsking] = useState(false);
  const draft = useDraft({
    kind: (issuer?.keyKind ?? "jwksUrl") as Kind,
    issuer: issuer?.issuer ?? "",
    audience: issuer?.audience ?? "",
    jwksUrl: issuer?.jwksUrl ?? "",
    publicKey: issuer?.publicKey ?? "",
    secret: "",
    tenantClaim: issuer?.tenantClaim ?? "tenantId",
    permissionsClaim: issuer?.permissionsClaim ?? "permissions",
  });
  useUnsaved(draft.isEdited);
  const { kind, ...form } = draft.value;
  const field = (name: keyof typeof form) => ({
    value: form[name],
    onChange: (event: { target: { value: string } }) => draft.edit({ [name]: event.target.value }),
    error: issueAt(save.error, `/${name}`),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { edited, value: sent } = draft;
    const isKeyEdited = "kind" in edited || kind in edited;
    save.mutate(
      now => {
        const member = (name: "issuer" | "audience" | "tenantClaim" | "permissionsClaim") =>
          now && !(name in edited) ? now[name] : form[name].trim();
        return {
          issuer: member("issuer"),
          audience: member("audience"),
          ...(now && !isKeyEdited ? keyOf(now) : { [kind]: form[kind] }),
          tenantClaim: member("tenantClaim"),
          permissionsClaim: member("permissionsClaim"),
        };
      },
      {
        onSuccess: () => {
          draft.saved(sent);
          say(m.common.saved);
        },
      },
    );
  };
  return (
    <form className="settings" onSubmit={submit} noValidate>
      <Card
        title={m.issuer.title}
        foot={
          face.manages && (
            <>
              {issuer && (
                <Button look="danger" onClick={() => setAsking(true)}>
                  {m.issuer.forget}
                </Button>
              )}
              <Button type="submit" look="primary" busy={save.isPending}>
                {m.common.save}
              </Button>
            </>
          )
        }
      >
        <fieldset className="stack" disabled={!face.manages}>
          <p className="soft">{m.issuer.text}</p>
          <TextField label={m.issuer.issuer} placeholder="https://id.example.com" {...field("issuer")} />
          <TextField label={m.issuer.audience} {...field("audience")} />
          <SelectField
            label={m.issuer.key}
            value={kind}
            onChange={event => draft.edit({ kind: event.target.value as Kind })}
          >
            <option value="jwksUrl">{m.issuer.kinds.jwksUrl}</option>
            <option value="publicKey">{m.issuer.kinds.publicKey}</option>
            <option value="secret">{m.issuer.kinds.secret}</option>
          </SelectField>
          {kind === "jwksUrl" && (
            <TextField label="URL" placeholder="https://id.example.com/.well-known/jwks.json" {...field("jwksUrl")} />
          )}
          {kind === "publicKey" && (
            <TextArea
              label="PEM"
              rows={6}
              className="mono"
              placeholder="-----BEGIN PUBLIC KEY-----"
              {...field("publicKey")}
            />
          )}
          {kind === "secret" && (
            <TextField
              label={m.issuer.secret}
              hint={issuer?.keyKind === "secret" ? m.issuer.secretKept : m.issuer.secretHint}
              type="password"
              autoComplete="new-password"
              {...field("secret")}
            />
          )}
          <div className="grid grid-2">
            <TextField label={m.issuer.tenantClaim} {...field("tenantClaim")} className="mono" />
            <TextField label={m.issuer.permissionsClaim} {...field("permissionsClaim")} className="mono" />
          </div>
          {save.error && <ErrorNotice error={save.error} />}
        </fieldset>
      </Card>
      <Confirm
        title={m.issuer.forget}
        text={m.issuer.forgetText}
        action={m.issuer.forget}
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          forget.mutate(undefined, {
            onSuccess: () => {
              draft.discard();
              setAsking(false);
            },
          })
        }
        busy={forget.isPending}
        error={forget.error}
      />
    </form>
  );
}
