//! The tab "Health": deliveries over time, how fast, and what the endpoint answers.
import { useQuery } from "@tanstack/react-query";
import { useFresh } from "@/features/deliveries/live";
import {
  DeliveriesChart,
  Incomplete,
  LatencyChart,
  RangeChoice,
  StatusBars,
  useRange,
} from "@/features/overview/charts";
import { statisticsQuery } from "@/features/overview/queries";
import { useMessages } from "@/i18n";
import { Card } from "@/ui/card";
import { Loaded } from "@/ui/states";
import { HealthCodes } from "./health-codes";
import type { Webhook } from "./queries";

export default function Health({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const range = useRange();
  useFresh(`?webhookId=${webhook.id}`, [["statistics"], ["webhooks", webhook.id], ["deliveries", "codes", webhook.id]]);
  const query = useQuery(statisticsQuery({ webhookId: webhook.id, range: range.name }));
  return (
    <div className="stack">
      <div className="row row-wrap row-between">
        <dl className="row row-wrap facts">
          <div>
            <dt>{m.health.inFlight}</dt>
            <dd className="numeric">
              {webhook.health.inFlight} / {webhook.health.share}
            </dd>
          </div>
          <div>
            <dt>{m.health.waiting}</dt>
            <dd className="numeric">{webhook.health.waitingInMemory}</dd>
          </div>
          <div>
            <dt>{m.health.failuresInARow}</dt>
            <dd className="numeric">{webhook.health.consecutiveFailures}</dd>
          </div>
        </dl>
        <RangeChoice range={range} />
      </div>
      <Loaded query={query} lines={8}>
        {statistics => (
          <>
            <Incomplete statistics={statistics} />
            <div className="grid grid-2">
              <Card title={m.charts.deliveries}>
                <DeliveriesChart statistics={statistics} />
              </Card>
              <Card title={m.charts.latency}>
                <LatencyChart statistics={statistics} />
              </Card>
              <Card title={m.charts.answers}>
                <StatusBars answers={statistics.total.answers} />
              </Card>
              <HealthCodes webhookId={webhook.id} />
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}
