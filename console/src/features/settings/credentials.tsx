//! The environment's secrets: made, named, seen in use, revoked.
import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useMessages } from "@/i18n";
import { useFace } from "@/shell/face";
import { useEnvironment } from "@/shell/session";
import { Badge } from "@/ui/badge";
import { Button, LateButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { Copyable, CopyButton } from "@/ui/copy";
import { Confirm, Dialog } from "@/ui/dialog";
import { Choices, TextField } from "@/ui/field";
import { ErrorNotice, Loaded, Notice } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { type Credential, credentialsQuery, useCreateCredential, useRevokeCredential } from "./queries";

type Scope = Credential["scope"];

const SCOPES: Scope[] = ["full", "events", "read"];

export function Credentials() {
  const m = useMessages();
  const face = useFace();
  const environment = useEnvironment();
  const query = useQuery(credentialsQuery(environment.id));
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<Credential>();
  return (
    <Card
      title={m.credentials.title}
      flush
      actions={
        face.manages && (
          <Button size="small" look="primary" icon={<Plus />} onClick={() => setCreating(true)}>
            {m.credentials.create}
          </Button>
        )
      }
    >
      <Loaded query={query}>
        {items => (
          <Table
            label={m.credentials.title}
            rows={[...items].sort((a, b) => Number(Boolean(a.revokedAt)) - Number(Boolean(b.revokedAt)))}
            rowKey={credential => credential.id}
            columns={[
              {
                id: "name",
                header: m.credentials.name,
                cell: credential => (
                  <span className="row row-wrap credential-name">
                    <span className="field-label break">{credential.name}</span>
                    {credential.id === environment.credentialId && <Badge tone="accent">{m.credentials.yours}</Badge>}
                    {credential.revokedAt && <Badge>{m.credentials.revoked}</Badge>}
                  </span>
                ),
              },
              {
                id: "scope",
                header: m.credentials.scope,
                cell: credential => (
                  <span title={m.credentials.scopes[credential.scope].text}>
                    {m.credentials.scopes[credential.scope].title}
                  </span>
                ),
              },
              {
                id: "kind",
                header: m.credentials.kind,
                shownFrom: "wide",
                cell: credential => m.credentials.kinds[credential.kind],
              },
              {
                id: "used",
                header: m.credentials.lastUsed,
                shownFrom: "medium",
                cell: credential =>
                  credential.lastUsedAt ? (
                    <Time at={credential.lastUsedAt} />
                  ) : (
                    <span className="soft">{m.credentials.never}</span>
                  ),
              },
              {
                id: "created",
                header: m.credentials.created,
                shownFrom: "medium",
                cell: credential => <Time at={credential.createdAt} />,
              },
              {
                id: "maker",
                header: m.credentials.createdBy,
                shownFrom: "wide",
                cell: credential =>
                  credential.createdBy ? (
                    <span className="break">{credential.createdBy.name}</span>
                  ) : (
                    <span className="soft">{m.credentials.operator}</span>
                  ),
              },
              {
                id: "actions",
                header: "",
                cell: credential =>
                  face.manages &&
                  !credential.revokedAt &&
                  (credential.id === environment.credentialId ? (
                    <span className="small soft">{m.credentials.inUse}</span>
                  ) : (
                    <Button size="small" look="danger" onClick={() => setRevoking(credential)}>
                      {m.credentials.revoke}
                    </Button>
                  )),
              },
            ]}
          />
        )}
      </Loaded>
      {face.manages && <p className="card-body small soft">{m.credentials.inUseText}</p>}
      {creating && <Create onClose={() => setCreating(false)} />}
      {revoking && <Revoke credential={revoking} onClose={() => setRevoking(undefined)} />}
    </Card>
  );
}

function Create({ onClose }: { onClose: () => void }) {
  const m = useMessages();
  const environment = useEnvironment();
  const create = useCreateCredential(environment.id);
  const [name, setName] = useState("");
  const [scope, setScope] = useState<Scope>("full");
  if (create.data) {
    return (
      <Dialog
        title={m.credentials.created}
        open
        held
        onClose={onClose}
        foot={
          <LateButton look="primary" onClick={onClose}>
            {m.credentials.kept}
          </LateButton>
        }
      >
        <Notice tone="warn">{m.credentials.once}</Notice>
        <dl className="details">
          <dt>{m.environment.clientId}</dt>
          <dd>
            <Copyable text={environment.id} />
          </dd>
          <dt>{m.signIn.secret}</dt>
          <dd className="row">
            <code className="break" data-testid="new-secret">
              {create.data.secret}
            </code>
            <CopyButton text={create.data.secret} />
          </dd>
        </dl>
      </Dialog>
    );
  }
  return (
    <Dialog
      title={m.credentials.create}
      description={m.credentials.createText}
      open
      // The secret is in the answer alone.
      held={create.isPending}
      onClose={onClose}
      onSubmit={() => name.trim() && create.mutate({ name: name.trim(), scope })}
      foot={
        <>
          <Button onClick={onClose} disabled={create.isPending}>
            {m.common.cancel}
          </Button>
          <Button type="submit" look="primary" busy={create.isPending} disabled={name.trim() === ""}>
            {m.credentials.create}
          </Button>
        </>
      }
    >
      <TextField
        label={m.credentials.name}
        value={name}
        onChange={event => setName(event.target.value)}
        placeholder="billing service"
        autoFocus
      />
      <Choices
        label={m.credentials.scope}
        value={scope}
        onChange={setScope}
        options={SCOPES.map(value => ({ value, ...m.credentials.scopes[value] }))}
      />
      {create.error && <ErrorNotice error={create.error} />}
    </Dialog>
  );
}

function Revoke({ credential, onClose }: { credential: Credential; onClose: () => void }) {
  const m = useMessages();
  const environment = useEnvironment();
  const revoke = useRevokeCredential(environment.id);
  return (
    <Confirm
      title={m.credentials.revokeTitle(credential.name)}
      text={
        <>
          <p>{m.credentials.revokeText}</p>
          <p>{m.credentials.revokePortals(credential.portals)}</p>
        </>
      }
      action={m.credentials.revoke}
      open
      onClose={onClose}
      onConfirm={() => revoke.mutate(credential.id, { onSuccess: onClose })}
      busy={revoke.isPending}
      error={revoke.error}
    />
  );
}
