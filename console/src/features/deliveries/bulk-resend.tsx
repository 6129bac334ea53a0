//! Sending a filtered set again: how many first, then under way, with progress.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { JobProgress } from "@/features/replays/progress";
import { type Job, type JobRequest, previewQuery, useStartJob } from "@/features/replays/queries";
import { useMessages } from "@/i18n";
import type { DeliveryQuery } from "@/logic/deliveries";
import { newKey } from "@/logic/secret";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { ErrorNotice, Loaded } from "@/ui/states";

export function BulkResend({ open, onClose, query }: { open: boolean; onClose: () => void; query: DeliveryQuery }) {
  const [job, setJob] = useState<Job>();
  const close = () => {
    setJob(undefined);
    onClose();
  };
  if (!open) return null;
  return job ? <Running job={job} onClose={close} /> : <Ask query={query} onClose={close} onStarted={setJob} />;
}

/** What the list shows, as a job's request. Lists by id or job are not offered: a job knows neither, and would send more than is shown. */
export function resendRequest(query: DeliveryQuery): JobRequest {
  const { id: _, jobId: __, state, ...filter } = query;
  return { kind: "resend", filter: state ? { ...filter, state: state.split(",") } : filter };
}

function Ask({
  query,
  onClose,
  onStarted,
}: {
  query: DeliveryQuery;
  onClose: () => void;
  onStarted: (job: Job) => void;
}) {
  const m = useMessages();
  // Made once for this dialog: a second click is the same job.
  const [key] = useState(newKey);
  const [request] = useState(() => resendRequest(query));
  const preview = useQuery(previewQuery(request));
  const start = useStartJob();
  const count = preview.data?.deliveries;
  return (
    <Dialog
      title={m.bulk.title}
      open
      onClose={onClose}
      onSubmit={() => start.mutate({ request, key }, { onSuccess: onStarted })}
      foot={
        <>
          <Button onClick={onClose}>{m.common.cancel}</Button>
          <Button type="submit" look="primary" busy={start.isPending} disabled={!count}>
            {m.bulk.start(count ?? 0)}
          </Button>
        </>
      }
    >
      <Loaded query={preview} lines={1}>
        {({ deliveries, complete }) => (
          <p role="status">
            <strong>{m.bulk.count(deliveries, complete)}</strong>
          </p>
        )}
      </Loaded>
      <p className="soft">{m.bulk.text}</p>
      {start.error && <ErrorNotice error={start.error} />}
    </Dialog>
  );
}

function Running({ job, onClose }: { job: Job; onClose: () => void }) {
  const m = useMessages();
  return (
    <Dialog
      title={m.bulk.title}
      open
      onClose={onClose}
      foot={
        <>
          <Link to="/replays/$jobId" params={{ jobId: job.id }} className="button">
            {m.bulk.details}
          </Link>
          <Button look="primary" onClick={onClose}>
            {m.common.close}
          </Button>
        </>
      }
    >
      <JobProgress jobId={job.id} />
    </Dialog>
  );
}
