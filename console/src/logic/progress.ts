//! How far a job is.

export interface Counted {
  state: string;
  total?: number | null;
  done: number;
  skipped: number;
  failed: number;
}

/** 0 to 1. What was skipped is not part of the total as it was counted, so that only `done` and `failed` are measured against it. */
export function progressOf(job: Counted): number {
  if (job.state === "completed") return 1;
  if (!job.total) return 0;
  return Math.min(1, (job.done + job.failed) / job.total);
}
