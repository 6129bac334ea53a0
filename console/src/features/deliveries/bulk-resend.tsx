//! Sending a filtered set again: how many first, then under way, with progress.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { JobProgress } from "@/features/replays/progress";
import { type Job, type JobRequest, previewQuery, useStartJob } from "@/features/replays/queries";
import { useMessages } from "@/i18n";
import type { DeliveryQuery } from "@/logic/deliveries";
import { newKey } from "@/logic/secret";
import { Button, LateButton } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { ErrorNotice, Loaded } from "@/ui/states";

export function BulkResend({ open, onClose, query }: { open: boolean; onClose: () => void; query: DeliveryQuery }) {
  return open ? <Resend query={query} onClose={onClose} /> : null;
}

/** What the list shows, as a job's request. Lists by id or job are not offered: a job knows neither, and would send more than is shown. */
export function resendRequest(query: DeliveryQuery): JobRequest {
  const { id: _, jobId: __, state, ...filter } = query;
  return { kind: "resend", filter: state ? { ...filter, state: state.split(",") } : filter };
}

/** One dialog from the question to the progress: what it was opened from gets the focus back in the end. */
function Resend({ query, onClose }: { query: DeliveryQuery; onClose: () => void }) {
  const m = useMessages();
  // Made once for this dialog: a second click is the same job.
  const [key] = useState(newKey);
  const [request] = useState(() => resendRequest(query));
  const start = useStartJob();
  const job = start.data;
  const preview = useQuery({ ...previewQuery(request), enabled: !job });
  const count = preview.data?.deliveries;
  return (
    <Dialog
      title={m.bulk.title}
      open
      onClose={onClose}
      // The progress has a form of its own.
      onSubmit={job ? undefined : () => start.mutate({ request, key })}
      foot={
        job ? (
          <RunningFoot job={job} onClose={onClose} />
        ) : (
          <>
            <Button onClick={onClose}>{m.common.cancel}</Button>
            <Button type="submit" look="primary" busy={start.isPending} disabled={!count}>
              {m.bulk.start(count ?? 0)}
            </Button>
          </>
        )
      }
    >
      {job ? (
        <JobProgress jobId={job.id} />
      ) : (
        <>
          <Loaded query={preview} lines={1}>
            {({ deliveries, complete }) => (
              <p role="status">
                <strong>{m.bulk.count(deliveries, complete)}</strong>
              </p>
            )}
          </Loaded>
          <p className="soft">{m.bulk.text}</p>
          {start.error && <ErrorNotice error={start.error} />}
        </>
      )}
    </Dialog>
  );
}

/** Buttons of their own: whoever clicked twice to start closes nothing. */
function RunningFoot({ job, onClose }: { job: Job; onClose: () => void }) {
  const m = useMessages();
  return (
    <>
      <Link to="/replays/$jobId" params={{ jobId: job.id }} className="button">
        {m.bulk.details}
      </Link>
      <LateButton look="primary" onClick={onClose}>
        {m.common.close}
      </LateButton>
    </>
  );
}
