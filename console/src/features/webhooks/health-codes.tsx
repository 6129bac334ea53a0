//! Exact status codes. The statistics count classes of them; which codes they are shows in the newest deliveries.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { recentCodesQuery } from "@/features/deliveries/queries";
import { useMessages } from "@/i18n";
import { countCodes } from "@/logic/codes";
import { count } from "@/logic/numbers";
import { statusText, toneOfStatus } from "@/logic/outcomes";
import { Badge } from "@/ui/badge";
import { Card } from "@/ui/card";
import { Loaded } from "@/ui/states";

export function HealthCodes({ webhookId }: { webhookId: string }) {
  const m = useMessages();
  const query = useQuery(recentCodesQuery(webhookId));
  return (
    <Card title={m.charts.codes}>
      <Loaded query={query} lines={3}>
        {({ items }) => {
          const codes = countCodes(items);
          if (codes.length === 0) return <p className="soft">{m.charts.noCodes}</p>;
          const counted = codes.reduce((sum, each) => sum + each.count, 0);
          return (
            <div className="stack stack-tight">
              <ul className="stack stack-tight">
                {codes.map(each => (
                  <li key={each.code} className="row row-between">
                    <Link
                      to="/webhooks/$webhookId"
                      params={{ webhookId }}
                      search={{ tab: "deliveries", status: String(each.code) } as never}
                    >
                      <Badge tone={toneOfStatus(each.code === "none" ? null : each.code)}>
                        {each.code === "none" ? m.deliveries.noAnswer : `${each.code} ${statusText(each.code)}`.trim()}
                      </Badge>
                    </Link>
                    <span className="numeric">{count(each.count, m.locale)}</span>
                  </li>
                ))}
              </ul>
              <p className="small soft">{m.charts.codesText(counted)}</p>
            </div>
          );
        }}
      </Loaded>
    </Card>
  );
}
