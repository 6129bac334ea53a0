//! Statistics, as the server rolled them up.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, must, type Schemas } from "@/api/client";

export type Statistics = Schemas["Series"];
export type Point = Statistics["points"][number];

export const RANGES = {
  "1h": { seconds: 3600, resolution: "minute" },
  "24h": { seconds: 86_400, resolution: "hour" },
  "7d": { seconds: 604_800, resolution: "hour" },
  "30d": { seconds: 2_592_000, resolution: "day" },
} as const;

export type RangeName = keyof typeof RANGES;

export const statisticsQuery = ({
  range,
  ...of
}: {
  range: RangeName;
  webhookId?: string;
  tenantId?: string;
  eventKey?: string;
}) =>
  queryOptions({
    queryKey: ["statistics", range, of],
    queryFn: ({ signal }) => {
      const { seconds, resolution } = RANGES[range];
      const from = new Date(Date.now() - seconds * 1000).toISOString();
      return must(api.GET("/api/v1/statistics", { params: { query: { ...of, from, resolution } as never }, signal }));
    },
    placeholderData: keepPreviousData,
  });

export const summaryQuery = queryOptions({
  queryKey: ["statistics-summary"],
  queryFn: ({ signal }) => must(api.GET("/api/v1/statistics/summary", { signal })),
});
