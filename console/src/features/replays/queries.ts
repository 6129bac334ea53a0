//! Jobs: bulk resends and replays.
import { infiniteQueryOptions, queryOptions, useQueryClient } from "@tanstack/react-query";
import { api, must, type Schemas } from "@/api/client";
import { useMutation } from "@/api/mutation";
import { hasCode } from "@/api/problem";

export type Job = Schemas["Job"];
export type JobRequest = Schemas["JobRequest"];

export const jobsQuery = infiniteQueryOptions({
  queryKey: ["jobs"],
  queryFn: ({ pageParam, signal }) =>
    must(
      api.GET("/api/v1/jobs", {
        params: { query: { limit: 50, ...(pageParam === undefined ? {} : { cursor: pageParam }) } },
        signal,
      }),
    ),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: page => page.nextCursor ?? undefined,
});

/** The newest of them, for a glance. */
export const newestJobsQuery = queryOptions({
  queryKey: ["jobs", "newest"],
  queryFn: ({ signal }) => must(api.GET("/api/v1/jobs", { params: { query: { limit: 50 } }, signal })),
});

/** What was discarded last on its way to a webhook; `null`: nothing. */
export const newestDiscardedQuery = (webhookId: string) =>
  queryOptions({
    queryKey: ["deliveries", "newest-discarded", webhookId],
    queryFn: async ({ signal }) => {
      const query = { webhookId, state: "discarded", limit: 1 };
      const { items } = await must(api.GET("/api/v1/deliveries", { params: { query }, signal }));
      return items[0] ?? null;
    },
  });

export const jobQuery = (jobId: string) =>
  queryOptions({
    queryKey: ["jobs", jobId],
    queryFn: ({ signal }) => must(api.GET("/api/v1/jobs/{jobId}", { params: { path: { jobId } }, signal })),
  });

/** How many deliveries it would make. */
export const previewQuery = (request: JobRequest) =>
  queryOptions({
    queryKey: ["job-preview", request],
    queryFn: ({ signal }) => must(api.POST("/api/v1/jobs/preview", { body: request, signal })),
    staleTime: 0,
    gcTime: 0,
    // One count is under way at a time: what was asked before the last change may not have ended yet.
    retry: (failures, error) => failures < 20 && hasCode(error, "too_many_at_once"),
    retryDelay: 1000,
  });

export function useStartJob() {
  const queries = useQueryClient();
  return useMutation({
    /** `key` makes a second click the same job. */
    mutationFn: ({ request, key }: { request: JobRequest; key: string }) =>
      must(api.POST("/api/v1/jobs", { params: { header: { "Idempotency-Key": key } } as never, body: request })),
    onSuccess: job => {
      queries.setQueryData(jobQuery(job.id).queryKey, job);
      void queries.invalidateQueries({ queryKey: ["jobs"], exact: true });
      void queries.invalidateQueries({ queryKey: newestJobsQuery.queryKey });
    },
  });
}

/** Deliveries a second that a job may make: a vendor's, and a tenant's user's. */
export const RATE_MOST = { console: 5000, portal: 500 };

export const isRate = (rate: number, most: number) => Number.isInteger(rate) && rate >= 1 && rate <= most;

export function useJobRate(jobId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (ratePerSecond: number) =>
      must(api.PATCH("/api/v1/jobs/{jobId}", { params: { path: { jobId } }, body: { ratePerSecond } })),
    onSuccess: job => {
      queries.setQueryData(jobQuery(job.id).queryKey, job);
      void queries.invalidateQueries({ queryKey: ["jobs"], exact: true });
    },
  });
}

export function useSteerJob(jobId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (action: "pause" | "resume" | "cancel") =>
      must(api.POST(`/api/v1/jobs/{jobId}/${action}`, { params: { path: { jobId } } })),
    onSuccess: job => {
      queries.setQueryData(jobQuery(job.id).queryKey, job);
      void queries.invalidateQueries({ queryKey: ["jobs"], exact: true });
    },
  });
}
