//! Switching webhooks on for tenants: who may, how it looks, how it is embedded, and looking in as support.
import { useInfiniteQuery, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { basePath } from "@/api/client";
import { issueAt } from "@/api/problem";
import { useMessages } from "@/i18n";
import { embedSnippet, linkSnippet } from "@/logic/embed";
import { onlyEdited, useDraft, useUnsaved } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { oneOf, usePageSearch } from "@/shell/search";
import { sessionQuery, useEnvironment } from "@/shell/session";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Code } from "@/ui/code";
import { Copyable } from "@/ui/copy";
import { Choices, Segments, TextArea } from "@/ui/field";
import { Empty, ErrorNotice, Loaded, MoreFailed, Notice } from "@/ui/states";
import { Table } from "@/ui/table";
import { Tabs } from "@/ui/tabs";
import { Time } from "@/ui/time";
import { say } from "@/ui/toast";
import {
  type PortalSettings,
  portalSessionsQuery,
  portalSettingsQuery,
  useRevokePortalSession,
  useSavePortalSettings,
} from "./queries";
import { OpenAsSupport } from "./support";
import { ThemeForm } from "./theme-form";
import "./portal-settings.css";

/** Where this page was found. */
const ownAddress = new URL(basePath, location.origin).href.replace(/\/$/, "");

const TABS = ["access", "theme", "embed", "sessions"] as const;

type Tab = (typeof TABS)[number];

export function PortalSettingsPage() {
  const m = useMessages();
  const query = useQuery(portalSettingsQuery);
  const [search, change] = usePageSearch<"tab">();
  return (
    <div className="stack">
      <div className="page-head">
        <h1>{m.nav.portal}</h1>
      </div>
      <Loaded query={query} lines={6}>
        {settings => (
          <Tabs<Tab>
            label={m.nav.portal}
            value={oneOf<Tab>(search.tab, TABS)}
            onChange={tab => change({ tab: tab === "access" ? "" : tab })}
            tabs={[
              {
                value: "access",
                title: m.portalSettings.access,
                content: () => <Access settings={settings} />,
              },
              {
                value: "theme",
                title: m.portalSettings.theme,
                content: () => <ThemeForm settings={settings} />,
              },
              { value: "embed", title: m.portalSettings.embed, content: () => <Embed settings={settings} /> },
              { value: "sessions", title: m.portalSettings.sessions, content: () => <Sessions settings={settings} /> },
            ]}
          />
        )}
      </Loaded>
    </div>
  );
}

function Access({ settings }: { settings: PortalSettings }) {
  const m = useMessages();
  const face = useFace();
  const save = useSavePortalSettings();
  const draft = useDraft({
    webhooks: settings.webhooks as "hidden" | "always" | "byPermissions",
    allowedOrigins: (settings.allowedOrigins ?? []).join("\n"),
  });
  const { webhooks, allowedOrigins } = draft.value;
  const origins = allowedOrigins.split(/\s+/).filter(Boolean);
  useUnsaved(webhooks !== settings.webhooks || origins.join("\n") !== (settings.allowedOrigins ?? []).join("\n"));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const sent = draft.value;
    save.mutate(onlyEdited(draft, { webhooks, allowedOrigins: origins }), {
      onSuccess: () => {
        draft.saved(sent);
        say(m.common.saved);
      },
    });
  };
  return (
    <form className="stack settings" onSubmit={submit} noValidate>
      <Card
        title={m.portalSettings.who}
        foot={
          face.manages && (
            <Button type="submit" look="primary" busy={save.isPending}>
              {m.common.save}
            </Button>
          )
        }
      >
        <fieldset className="stack" disabled={!face.manages}>
          <Choices
            label={m.portalSettings.who}
            value={webhooks}
            onChange={next => draft.edit({ webhooks: next })}
            options={[
              { value: "hidden", title: m.portalSettings.hidden, text: m.portalSettings.hiddenText },
              { value: "always", title: m.portalSettings.always, text: m.portalSettings.alwaysText },
              {
                value: "byPermissions",
                title: m.portalSettings.byPermissions,
                text: m.portalSettings.byPermissionsText,
              },
            ]}
          />
          <TextArea
            label={m.portalSettings.origins}
            hint={m.portalSettings.originsHint}
            value={allowedOrigins}
            onChange={event => draft.edit({ allowedOrigins: event.target.value })}
            placeholder="https://app.example.com"
            className="mono"
            spellCheck={false}
            error={issueAt(save.error, "/allowedOrigins")}
          />
          {save.error && <ErrorNotice error={save.error} />}
        </fieldset>
      </Card>
    </form>
  );
}

function Embed({ settings }: { settings: PortalSettings }) {
  const m = useMessages();
  const environment = useEnvironment();
  const [search, change] = usePageSearch<"way">();
  const way = search.way === "frame" ? "frame" : "element";
  const { data: session } = useSuspenseQuery(sessionQuery);
  const base = session.portalBase ?? ownAddress;
  return (
    <div className="stack settings">
      {settings.webhooks === "hidden" && <p className="soft">{m.portalSettings.hiddenNow}</p>}
      {!session.portalBase && <Notice tone="warn">{m.portalSettings.noBase}</Notice>}
      <Card title={m.portalSettings.step1}>
        <div className="stack">
          <p className="soft">{m.portalSettings.step1Text}</p>
          <Code text={linkSnippet(base)} label={m.portalSettings.step1} />
        </div>
      </Card>
      <Card title={m.portalSettings.step2}>
        <div className="stack">
          <Segments
            label={m.portalSettings.step2}
            value={way}
            onChange={next => change({ way: next === "frame" ? next : "" })}
            options={[
              { value: "element", title: "<postrider-portal>" },
              { value: "frame", title: "<iframe>" },
            ]}
          />
          <Code text={embedSnippet(way, base, environment.id)} label={m.portalSettings.step2} />
        </div>
      </Card>
    </div>
  );
}

function Sessions({ settings }: { settings: PortalSettings }) {
  const m = useMessages();
  const face = useFace();
  const query = useInfiniteQuery(portalSessionsQuery);
  const revoke = useRevokePortalSession();
  return (
    <div className="stack">
      {face.manages && <OpenAsSupport isHidden={settings.webhooks === "hidden"} />}
      <Card title={m.portalSettings.sessions} flush>
        <Loaded query={query}>
          {data => {
            const rows = data.pages.flatMap(page => page.items);
            if (rows.length === 0)
              return <Empty title={m.portalSettings.noSessions}>{m.portalSettings.noSessionsText}</Empty>;
            return (
              <>
                <Table
                  label={m.portalSettings.sessions}
                  rows={rows}
                  rowKey={row => row.id}
                  columns={[
                    {
                      id: "tenant",
                      header: m.deliveries.tenant,
                      cell: row => <Copyable text={row.tenantId} />,
                    },
                    {
                      id: "user",
                      header: m.events.user,
                      shownFrom: "medium",
                      cell: row => (row.userId ? <Copyable text={row.userId} /> : "–"),
                    },
                    {
                      id: "purpose",
                      header: m.portalSettings.purpose,
                      shownFrom: "wide",
                      cell: row => m.portalSettings.purposes[row.purpose as "tenant" | "support"] ?? row.purpose,
                    },
                    {
                      id: "opened",
                      header: m.portalSettings.opened,
                      shownFrom: "medium",
                      cell: row =>
                        row.openedAt ? (
                          <Time at={row.openedAt} />
                        ) : (
                          <span className="soft">{m.portalSettings.notYet}</span>
                        ),
                    },
                    { id: "expires", header: m.portalSettings.expires, cell: row => <Time at={row.expiresAt} /> },
                    {
                      id: "revoke",
                      header: "",
                      cell: row =>
                        face.manages && (
                          <Button
                            size="small"
                            look="danger"
                            busy={revoke.isPending && revoke.variables === row.id}
                            disabled={revoke.isPending}
                            onClick={() => revoke.mutate(row.id)}
                          >
                            {m.portalSettings.revoke}
                          </Button>
                        ),
                    },
                  ]}
                />
                <MoreFailed list={query} />
                {query.hasNextPage && !query.isFetchNextPageError && (
                  <div className="card-foot">
                    <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                      {m.common.more}
                    </Button>
                  </div>
                )}
              </>
            );
          }}
        </Loaded>
        {revoke.error && <ErrorNotice error={revoke.error} />}
      </Card>
    </div>
  );
}
