//! One webhook: whether it runs, where it sends, and its tabs.
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import { Suspense, useState } from "react";
import { describeError } from "@/api/problem";
import { Deliveries } from "@/features/deliveries/list";
import { DiscardedNotice, ReplayLink } from "@/features/replays/links";
import { useMessages } from "@/i18n";
import { part } from "@/shell/code";
import { useFace } from "@/shell/face";
import { oneOf, usePageSearch } from "@/shell/search";
import { Named } from "@/shell/title";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Copyable, CopyButton } from "@/ui/copy";
import { Confirm } from "@/ui/dialog";
import { Switch } from "@/ui/field";
import { Loaded, Skeleton } from "@/ui/states";
import { Tabs } from "@/ui/tabs";
import { say } from "@/ui/toast";
import { Body } from "./body";
import { useChangeWebhook, type Webhook, webhookQuery } from "./queries";
import { WebhookSettings } from "./settings";
import { HealthNotice, StatusBadge } from "./status";
import { TestDialog } from "./test-dialog";
import { TestedSettings } from "./tested";
import "./webhooks.css";

const Health = part(() => import("./health"));

const TABS = ["body", "deliveries", "settings", "health"] as const;
/** Of whoever may not see deliveries. */
const UNDELIVERED = ["body", "settings"] as const;

export type WebhookTab = (typeof TABS)[number];

export function WebhookPage() {
  const m = useMessages();
  const { webhookId = "" } = useParams({ strict: false });
  const query = useQuery(webhookQuery(webhookId));
  return (
    <div className="stack">
      <Link to="/webhooks" className="row small">
        <ArrowLeft aria-hidden="true" size={14} /> {m.webhooks.title}
      </Link>
      <Loaded query={query} lines={8}>
        {webhook => (
          // Drafts belong to the webhook, not to a version of it: what is saved elsewhere takes no card's draft away.
          <TestedSettings key={webhook.id}>
            <Shown webhook={webhook} />
          </TestedSettings>
        )}
      </Loaded>
    </div>
  );
}

function Shown({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const [search, change] = usePageSearch<"tab">();
  const [testing, setTesting] = useState(false);
  const tabs = face.can("readDeliveries") ? TABS : UNDELIVERED;
  return (
    <>
      <Named name={webhook.displayName || m.webhooks.unnamed} />
      <div className="page-head">
        <span className="row row-wrap">
          <h1 className="break">{webhook.displayName || m.webhooks.unnamed}</h1>
          <StatusBadge webhook={webhook} />
          {face.kind === "console" && webhook.tenantId && <Badge title={m.webhooks.scope}>{webhook.tenantId}</Badge>}
        </span>
        <ActiveSwitch webhook={webhook} />
      </div>
      <div className="row row-wrap row-between">
        <span className="copyable webhook-address">
          <Badge>{webhook.method}</Badge>
          <code className="truncate" title={webhook.url}>
            {webhook.url}
          </code>
          <CopyButton text={webhook.url} />
        </span>
        {face.can("writeWebhooks") && (
          <Button size="small" onClick={() => setTesting(true)}>
            {m.test.open}
          </Button>
        )}
        <ReplayLink search={{ webhooks: webhook.id }}>{m.replay.openWebhook}</ReplayLink>
      </div>
      <HealthNotice webhook={webhook} />
      <DiscardedNotice webhook={webhook} />
      <Tabs<WebhookTab>
        label={m.webhooks.tabs}
        value={oneOf<WebhookTab>(search.tab, tabs)}
        onChange={next => change({ tab: next === "body" ? "" : next })}
        tabs={[
          { value: "body", title: m.webhooks.tab.body, content: () => <Body webhook={webhook} /> },
          ...(face.can("readDeliveries")
            ? [
                {
                  value: "deliveries" as const,
                  title: m.webhooks.tab.deliveries,
                  content: () => <Deliveries webhookId={webhook.id} />,
                },
              ]
            : []),
          {
            value: "settings",
            title: m.webhooks.tab.settings,
            content: () => <WebhookSettings webhook={webhook} />,
          },
          ...(face.can("readDeliveries")
            ? [
                {
                  value: "health" as const,
                  title: m.webhooks.tab.health,
                  content: () => (
                    <Suspense fallback={<Skeleton lines={6} />}>
                      <Health webhook={webhook} />
                    </Suspense>
                  ),
                },
              ]
            : []),
        ]}
      />
      <p className="small faint">
        {m.webhooks.id} <Copyable text={webhook.id} />
      </p>
      {testing && <TestDialog webhook={webhook} onClose={() => setTesting(false)} />}
    </>
  );
}

function ActiveSwitch({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const change = useChangeWebhook(webhook.id);
  const [asking, setAsking] = useState(false);
  const set = (isActive: boolean) =>
    change.mutate(
      { isActive },
      {
        onSuccess: () => {
          setAsking(false);
          say(isActive ? m.webhooks.enabled : m.webhooks.disabled);
        },
        onError: error => say(describeError(error, m).text, "bad"),
      },
    );
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the switch inside is one
    <label className="row">
      <span className="soft">{webhook.isActive ? m.webhooks.isOn : m.webhooks.isOff}</span>
      <Switch
        label={m.webhooks.enable}
        checked={webhook.isActive}
        disabled={!face.can("writeWebhooks") || change.isPending}
        onChange={on => (on ? set(true) : setAsking(true))}
      />
      <Confirm
        title={m.webhooks.disableTitle}
        text={m.webhooks.disableText}
        action={m.webhooks.disable}
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() => set(false)}
        busy={change.isPending}
        error={change.error}
      />
    </label>
  );
}
