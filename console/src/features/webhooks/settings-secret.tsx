//! The secret: shown on demand, and exchanged with an overlap.
import { type FormEvent, useState } from "react";
import { useMessages } from "@/i18n";
import { lengthOf, newSecret } from "@/logic/secret";
import { span } from "@/logic/time";
import { useFace } from "@/shell/face";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Copyable } from "@/ui/copy";
import { Confirm, Dialog } from "@/ui/dialog";
import { Choices, SelectField, TextField } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/states";
import { Time } from "@/ui/time";
import { say } from "@/ui/toast";
import { useChangeWebhook, useEndOverlap, useRotateKey, useRotateSecret, type Webhook } from "./queries";
import { SaveCard, useCardDraft } from "./save-card";
import { SecretValue } from "./secret-value";

export function SecretCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const [rotating, setRotating] = useState(false);
  const change = useChangeWebhook(webhook.id);
  const end = useEndOverlap(webhook.id);
  const previous = webhook.previousSecret;
  return (
    <Card
      title={m.secret.title}
      actions={
        webhook.isSigned && (
          <Button size="small" onClick={() => setRotating(true)}>
            {m.secret.rotate}
          </Button>
        )
      }
    >
      <div className="stack">
        {webhook.secret ? (
          <SecretValue secret={webhook.secret} />
        ) : (
          <div className="row row-wrap row-between">
            <p className="soft">{m.secret.none}</p>
            <Button size="small" busy={change.isPending} onClick={() => change.mutate({ secret: newSecret() })}>
              {m.secret.add}
            </Button>
          </div>
        )}
        {previous && (
          <Notice tone="accent">
            <p>
              {m.secret.overlap} <Time at={previous.validUntil} />.
              {previous.headerSwitchesAt && (
                <>
                  {" "}
                  {m.secret.headerSwitches} <Time at={previous.headerSwitchesAt} />.
                </>
              )}
            </p>
            <p>
              <Button
                size="small"
                busy={end.isPending}
                onClick={() => end.mutate(undefined, { onSuccess: () => say(m.secret.overlapEnded) })}
              >
                {m.secret.endOverlap}
              </Button>
            </p>
          </Notice>
        )}
        {change.error && <ErrorNotice error={change.error} />}
        {end.error && <ErrorNotice error={end.error} />}
      </div>
      {rotating && <Rotate webhook={webhook} onClose={() => setRotating(false)} />}
    </Card>
  );
}

const OVERLAPS = [0, 3600, 86_400, 604_800];

function Rotate({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const m = useMessages();
  const face = useFace();
  const rotate = useRotateSecret(webhook.id);
  const [own, setOwn] = useState<"generated" | "own">("generated");
  const [secret, setSecret] = useState("");
  const [overlap, setOverlap] = useState("86400");
  const [when, setWhen] = useState<"end" | "now">("end");
  const least = face.kind === "portal" ? 8 : 1;
  const bad = own === "own" && (lengthOf(secret) < least || lengthOf(secret) > 100);
  const [tried, setTried] = useState(false);
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    setTried(true);
    if (bad) return;
    rotate.mutate(
      { ...(own === "own" ? { secret } : {}), overlapSeconds: Number(overlap), headerSwitch: when },
      {
        onSuccess: () => {
          say(m.secret.rotated);
          onClose();
        },
      },
    );
  };
  return (
    <Dialog
      title={m.secret.rotateTitle}
      description={m.secret.rotateText}
      open
      onClose={onClose}
      onSubmit={submit}
      foot={
        <>
          <Button onClick={onClose}>{m.common.cancel}</Button>
          <Button type="submit" look="primary" busy={rotate.isPending}>
            {m.secret.rotate}
          </Button>
        </>
      }
    >
      <Choices
        label={m.secret.title}
        value={own}
        onChange={setOwn}
        options={[
          { value: "generated", title: m.connect.generated, text: m.connect.generatedText },
          { value: "own", title: m.connect.ownSecret, text: m.connect.ownSecretText },
        ]}
      />
      {own === "own" && (
        <TextField
          label={m.secret.new}
          value={secret}
          onChange={event => setSecret(event.target.value)}
          error={tried && bad ? m.connect.secretLength(least) : undefined}
          className="mono"
          spellCheck={false}
        />
      )}
      <SelectField
        label={m.secret.overlapFor}
        hint={m.secret.overlapHint}
        value={overlap}
        onChange={event => setOverlap(event.target.value)}
      >
        {OVERLAPS.map(seconds => (
          <option key={seconds} value={seconds}>
            {seconds === 0 ? m.secret.noOverlap : span(seconds, m.locale)}
          </option>
        ))}
      </SelectField>
      {overlap !== "0" && (
        <Choices
          label={m.secret.when}
          value={when}
          onChange={setWhen}
          options={[
            { value: "end", title: m.secret.atEnd, text: m.secret.atEndText },
            { value: "now", title: m.secret.atOnce, text: m.secret.atOnceText },
          ]}
        />
      )}
      {rotate.error && <ErrorNotice error={rotate.error} />}
    </Dialog>
  );
}

type Kind = Webhook["signature"];

/** What `webhook-signature` carries: by the secret, by a key whose public half anyone may have, or both. */
export function SignatureCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const rotate = useRotateKey(webhook.id);
  const draft = useCardDraft<{ kind: Kind }>(webhook, { kind: webhook.signature });
  const { kind } = draft.value;
  const [asking, setAsking] = useState(false);
  const off = !face.can("writeWebhooks");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    draft.save({ signature: kind });
  };
  return (
    <SaveCard title={m.signature.title} dirty={!off && draft.isEdited} draft={draft} onSubmit={submit}>
      <Choices
        label={m.signature.title}
        value={kind}
        onChange={next => draft.edit({ kind: next })}
        disabled={off}
        options={[
          { value: "hmac", title: m.signature.hmac, text: m.signature.hmacText },
          { value: "ed25519", title: m.signature.ed25519, text: m.signature.ed25519Text },
          { value: "both", title: m.signature.both, text: m.signature.bothText },
        ]}
      />
      {webhook.publicKey && (
        <div className="stack stack-tight">
          <span className="field-label">{m.signature.publicKey}</span>
          <Copyable text={webhook.publicKey} />
          {!off && (
            <span>
              <Button size="small" onClick={() => setAsking(true)}>
                {m.signature.rotate}
              </Button>
            </span>
          )}
        </div>
      )}
      <Confirm
        title={m.signature.rotate}
        text={m.signature.rotateText}
        action={m.signature.rotate}
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() => rotate.mutate(undefined, { onSuccess: () => setAsking(false) })}
        busy={rotate.isPending}
        error={rotate.error}
      />
    </SaveCard>
  );
}
