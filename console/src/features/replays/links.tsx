//! Ways to a replay from where it is needed, with what is looked at filled in.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Repeat } from "lucide-react";
import type { ReactNode } from "react";
import { statisticsQuery } from "@/features/overview/queries";
import type { Webhook } from "@/features/webhooks/queries";
import { useMessages } from "@/i18n";
import { discardedIn, isReplayed, type NewReplaySearch } from "@/logic/replay";
import { useFace } from "@/shell/face";
import { buttonClass } from "@/ui/button";
import { Notice } from "@/ui/states";
import { Time } from "@/ui/time";
import { newestDiscardedQuery, newestJobsQuery } from "./queries";

/** A link to the form; nothing for who may not start one. */
export function ReplayLink({
  search,
  children,
}: {
  search: Partial<Record<NewReplaySearch, string>>;
  children: ReactNode;
}) {
  const face = useFace();
  if (!face.can("writeWebhooks")) return null;
  return (
    <Link to="/replays/new" search={search as never} className={buttonClass()}>
      <Repeat aria-hidden="true" />
      {children}
    </Link>
  );
}

/** That events were discarded while a webhook was disabled, and how to send them all the same. */
export function DiscardedNotice({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const may = face.can("readDeliveries") && face.can("writeWebhooks");
  const statistics = useQuery({ ...statisticsQuery({ webhookId: webhook.id, range: "7d" }), enabled: may });
  const discarded = discardedIn(statistics.data?.points ?? []);
  const asks = may && discarded !== null;
  const newest = useQuery({ ...newestDiscardedQuery(webhook.id), enabled: asks });
  const jobs = useQuery({ ...newestJobsQuery, enabled: asks });
  if (!discarded || !newest.data || !jobs.data) return null;
  if (!newest.data.reason?.startsWith("webhook_")) return null;
  const lastAt = newest.data.endedAt ?? newest.data.createdAt;
  if (isReplayed(jobs.data.items, webhook, discarded, lastAt)) return null;
  return (
    <Notice tone="warn">
      <p>
        {m.replay.discarded(discarded.count)} <Time at={discarded.since} />. {!webhook.isActive && m.replay.enableFirst}
      </p>
      <p>
        <Link
          to="/replays/new"
          search={{ webhooks: webhook.id, from: discarded.from, include: "undelivered" } as never}
        >
          {m.replay.openDiscarded}
        </Link>
      </p>
    </Notice>
  );
}
