//! The environment's settings.
import { useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useMessages } from "@/i18n";
import { useDraft, useUnsaved } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { oneOf, usePageSearch } from "@/shell/search";
import { useEnvironment } from "@/shell/session";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Copyable } from "@/ui/copy";
import { TextField } from "@/ui/field";
import { ErrorNotice, Loaded } from "@/ui/states";
import { Tabs } from "@/ui/tabs";
import { say } from "@/ui/toast";
import { Credentials } from "./credentials";
import { IssuerCard } from "./issuer";
import { sourceAddressesQuery, useRenameEnvironment } from "./queries";
import { RetentionCard } from "./retention";

const TABS = ["environment", "credentials", "issuer"] as const;

type Tab = (typeof TABS)[number];

export function Settings() {
  const m = useMessages();
  const [search, change] = usePageSearch<"tab">();
  return (
    <div className="stack">
      <h1>{m.nav.settings}</h1>
      <Tabs<Tab>
        label={m.nav.settings}
        value={oneOf<Tab>(search.tab, TABS)}
        onChange={tab => change({ tab: tab === "environment" ? "" : tab })}
        tabs={[
          { value: "environment", title: m.environment.title, content: () => <EnvironmentTab /> },
          { value: "credentials", title: m.credentials.title, content: () => <Credentials /> },
          { value: "issuer", title: m.issuer.title, content: () => <IssuerCard /> },
        ]}
      />
    </div>
  );
}

function EnvironmentTab() {
  const m = useMessages();
  const face = useFace();
  const environment = useEnvironment();
  const addresses = useQuery(sourceAddressesQuery);
  const rename = useRenameEnvironment(environment.id);
  const draft = useDraft({ name: environment.name });
  useUnsaved(draft.isEdited);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const sent = draft.value.name.trim();
    if (sent === "") return;
    rename.mutate(sent, {
      onSuccess: () => {
        draft.discard();
        say(m.common.saved);
      },
    });
  };
  return (
    <div className="stack settings">
      <form onSubmit={submit} noValidate>
        <Card
          title={m.environment.title}
          foot={
            draft.isEdited && (
              <Button type="submit" look="primary" busy={rename.isPending}>
                {m.common.save}
              </Button>
            )
          }
        >
          <div className="stack">
            <TextField
              label={m.environment.name}
              hint={m.environment.nameHint}
              value={draft.value.name}
              onChange={event => draft.edit({ name: event.target.value })}
              disabled={!face.manages}
            />
            <div className="stack stack-tight">
              <span className="field-label">{m.environment.clientId}</span>
              <Copyable text={environment.id} />
              <span className="field-hint">{m.environment.clientIdHint}</span>
            </div>
            {rename.error && <ErrorNotice error={rename.error} />}
          </div>
        </Card>
      </form>
      <RetentionCard />
      <Card title={m.environment.addresses}>
        <div className="stack stack-tight">
          <p className="soft">{m.environment.addressesText}</p>
          <Loaded query={addresses} lines={1}>
            {list =>
              list.length === 0 ? (
                <p>{m.environment.noAddresses}</p>
              ) : (
                <ul>
                  {list.map(address => (
                    <li key={address}>
                      <Copyable text={address} />
                    </li>
                  ))}
                </ul>
              )
            }
          </Loaded>
        </div>
      </Card>
    </div>
  );
}
