//! All bulk resends and replays, newest first.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Plus, Repeat } from "lucide-react";
import { useLive } from "@/features/deliveries/live";
import { useMessages } from "@/i18n";
import { useFace } from "@/shell/face";
import { Button, buttonClass } from "@/ui/button";
import { Card } from "@/ui/card";
import { Empty, Loaded, MoreFailed } from "@/ui/states";
import { Table } from "@/ui/table";
import { Time } from "@/ui/time";
import { JobState } from "./progress";
import { jobsQuery } from "./queries";

export function Replays() {
  const m = useMessages();
  const face = useFace();
  const query = useInfiniteQuery(jobsQuery);
  const queries = useQueryClient();
  const refresh = () => void queries.invalidateQueries({ queryKey: ["jobs"] });
  useLive("", {
    onOpen: refresh,
    onMissed: refresh,
    onJob: job =>
      queries.setQueryData(jobsQuery.queryKey, data => {
        if (!data) return data;
        const known = data.pages.some(page => page.items.some(each => each.id === job.id));
        const pages = data.pages.map((page, index) => ({
          ...page,
          items: known
            ? page.items.map(each => (each.id === job.id ? job : each))
            : index === 0
              ? [job, ...page.items]
              : page.items,
        }));
        return { ...data, pages };
      }),
  });
  const link = face.can("writeWebhooks") && (
    <Link to="/replays/new" className={buttonClass("primary")}>
      <Plus aria-hidden="true" />
      {m.jobs.new}
    </Link>
  );
  return (
    <div className="stack">
      <div className="page-head">
        <h1>{m.nav.replays}</h1>
        {link}
      </div>
      <Loaded query={query} lines={6}>
        {data => {
          const jobs = data.pages.flatMap(page => page.items);
          return (
            <Card flush>
              {jobs.length === 0 ? (
                <Empty icon={<Repeat aria-hidden="true" />} title={m.jobs.none} actions={link}>
                  {m.jobs.noneText}
                </Empty>
              ) : (
                <Table
                  label={m.nav.replays}
                  rows={jobs}
                  rowKey={job => job.id}
                  linked
                  columns={[
                    {
                      id: "kind",
                      header: m.jobs.kind,
                      cell: job => (
                        <Link to="/replays/$jobId" params={{ jobId: job.id }}>
                          {m.jobs.kinds[job.kind]}
                        </Link>
                      ),
                    },
                    { id: "state", header: m.deliveries.state, cell: job => <JobState job={job} /> },
                    {
                      id: "progress",
                      header: m.jobs.progressLabel,
                      cell: job => <span className="numeric">{m.jobs.progress(job.done, job.total ?? null)}</span>,
                    },
                    {
                      id: "created",
                      header: m.deliveries.created,
                      shownFrom: "medium",
                      cell: job => <Time at={job.createdAt} />,
                    },
                  ]}
                />
              )}
              <MoreFailed list={query} />
              {query.hasNextPage && !query.isFetchNextPageError && (
                <div className="card-foot">
                  <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                    {m.common.more}
                  </Button>
                </div>
              )}
            </Card>
          );
        }}
      </Loaded>
    </div>
  );
}
