//! How far a job is, by push, and steering it.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pause, Play, Square } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useLive } from "@/features/deliveries/live";
import { useMessages } from "@/i18n";
import { progressOf } from "@/logic/progress";
import { useFace } from "@/shell/face";
import { Badge, type Tone } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { TextField } from "@/ui/field";
import { ErrorNotice, Loaded, Notice } from "@/ui/states";
import { isRate, type Job, jobQuery, RATE_MOST, useJobRate, useSteerJob } from "./queries";

const TONES: Record<string, Tone> = { running: "accent", paused: "warn", cancelled: "calm", completed: "good" };

export const JobState = ({ job }: { job: Job }) => {
  const m = useMessages();
  return (
    <Badge tone={TONES[job.state] ?? "calm"} dot>
      {m.jobs.states[job.state as keyof typeof m.jobs.states] ?? job.state}
    </Badge>
  );
};

export function JobProgress({ jobId }: { jobId: string }) {
  const query = useQuery(jobQuery(jobId));
  return <Loaded query={query}>{job => <Progress job={job} />}</Loaded>;
}

function Progress({ job }: { job: Job }) {
  const m = useMessages();
  const face = useFace();
  const queries = useQueryClient();
  const steer = useSteerJob(job.id);
  const [cancelling, setCancelling] = useState(false);
  const refresh = () => void queries.invalidateQueries({ queryKey: jobQuery(job.id).queryKey });
  const ended = job.state === "completed" || job.state === "cancelled";
  useLive(ended ? null : "", {
    onJob: next => next.id === job.id && queries.setQueryData(jobQuery(job.id).queryKey, next),
    onOpen: refresh,
    onMissed: refresh,
  });
  const share = progressOf(job);
  return (
    <div className="stack" data-job-state={job.state}>
      <div className="row row-between row-wrap">
        <span className="row">
          <JobState job={job} />
          <span className="numeric" role="status">
            {m.jobs.progress(job.done, job.total ?? null)}
          </span>
        </span>
        {!ended && face.can("writeWebhooks") && (
          <span className="row">
            {job.state === "running" ? (
              <Button size="small" icon={<Pause />} busy={steer.isPending} onClick={() => steer.mutate("pause")}>
                {m.jobs.pause}
              </Button>
            ) : (
              <Button size="small" icon={<Play />} busy={steer.isPending} onClick={() => steer.mutate("resume")}>
                {m.jobs.resume}
              </Button>
            )}
            <Button size="small" look="danger" icon={<Square />} onClick={() => setCancelling(true)}>
              {m.jobs.cancel}
            </Button>
          </span>
        )}
      </div>
      <div
        className="meter"
        role="progressbar"
        aria-label={m.jobs.progressLabel}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
      >
        <div style={{ width: `${share * 100}%` }} />
      </div>
      <p className="small soft numeric">{m.jobs.counts(job.skipped, job.failed, job.ratePerSecond)}</p>
      {job.pausedBecause === "webhook_inactive" && <Notice tone="warn">{m.jobs.pausedByDisabling}</Notice>}
      {steer.error && <ErrorNotice error={steer.error} />}
      {!ended && face.can("writeWebhooks") && <Rate job={job} />}
      <Confirm
        title={m.jobs.cancelTitle}
        text={m.jobs.cancelText}
        action={m.jobs.cancel}
        keep={m.jobs.keep}
        open={cancelling}
        onClose={() => setCancelling(false)}
        onConfirm={() => steer.mutate("cancel", { onSuccess: () => setCancelling(false) })}
        busy={steer.isPending}
        error={steer.error}
      />
    </div>
  );
}

/** How fast it goes, to be changed while it has not ended. */
function Rate({ job }: { job: Job }) {
  const m = useMessages();
  const face = useFace();
  const change = useJobRate(job.id);
  const [typed, setTyped] = useState<string>();
  const rate = Number(typed ?? job.ratePerSecond);
  const most = RATE_MOST[face.kind];
  const isBad = !isRate(rate, most);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isBad) change.mutate(rate, { onSuccess: () => setTyped(undefined) });
  };
  return (
    <form className="stack" onSubmit={submit}>
      <TextField
        label={m.replay.rate}
        type="number"
        min={1}
        max={most}
        value={typed ?? String(job.ratePerSecond)}
        onChange={event => setTyped(event.target.value)}
        error={isBad ? m.replay.rateRange(most) : undefined}
      />
      {typed !== undefined && (
        <span className="row">
          <Button type="submit" size="small" busy={change.isPending} disabled={isBad || rate === job.ratePerSecond}>
            {m.jobs.changeRate}
          </Button>
        </span>
      )}
      {change.error && <ErrorNotice error={change.error} />}
    </form>
  );
}
