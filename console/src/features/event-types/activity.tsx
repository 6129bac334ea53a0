//! What becomes of the deliveries of an event type. The vendor's alone: it is about all tenants.
import { useQuery } from "@tanstack/react-query";
import { useFresh } from "@/features/deliveries/live";
import { DeliveriesChart, Incomplete, RangeChoice, useRange } from "@/features/overview/charts";
import { statisticsQuery } from "@/features/overview/queries";
import { useMessages } from "@/i18n";
import { Card } from "@/ui/card";
import { Loaded } from "@/ui/states";

const FRESH = [["statistics"]];

export default function Activity({ eventKey }: { eventKey: string }) {
  const m = useMessages();
  const range = useRange();
  const query = useQuery(statisticsQuery({ eventKey, range: range.name }));
  useFresh("?statistics=true", FRESH);
  return (
    <Card title={m.charts.deliveries} actions={<RangeChoice range={range} />}>
      <Loaded query={query} lines={6}>
        {statistics => (
          <>
            <Incomplete statistics={statistics} />
            <DeliveriesChart statistics={statistics} />
          </>
        )}
      </Loaded>
    </Card>
  );
}
