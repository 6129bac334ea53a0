//! Two attempts side by side, what was sent and what was answered; what differs is marked.
import { X } from "lucide-react";
import { Fragment, type ReactNode } from "react";
import { useMessages } from "@/i18n";
import { type Difference, differences } from "@/logic/compare";
import { exactTime } from "@/logic/time";
import { IconButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { classes } from "@/ui/classes";
import { Notice } from "@/ui/states";
import type { Attempt } from "./queries";
import { withheldText } from "./request";
import "./deliveries.css";

export function Compare({
  first,
  second,
  onClose,
}: {
  first: Attempt;
  second: Attempt;
  onClose: () => void;
}): ReactNode {
  const m = useMessages();
  const [left, right] = first.startedAt < second.startedAt ? [first, second] : [second, first];
  const { request, response, settingsChanged } = differences(left, right, {
    time: at => exactTime(at, m.locale),
    withheld: why => withheldText(why, m),
    notRecorded: m.compare.notRecorded,
    certificateShown: m.compare.certificateShown,
  });
  return (
    <Card
      title={m.delivery.comparing}
      flush
      actions={
        <IconButton label={m.common.close} size="small" onClick={onClose}>
          <X />
        </IconButton>
      }
    >
      {settingsChanged && (
        <div className="card-body">
          <Notice tone="warn">{m.compare.settingsChanged}</Notice>
        </div>
      )}
      <div className="compare">
        <span />
        <strong>{m.lifecycle.attempt(left.number)}</strong>
        <strong>{m.lifecycle.attempt(right.number)}</strong>
        <h3 className="compare-part">{m.compare.request}</h3>
        <Rows rows={request} />
        {!left.request && !right.request && <p className="compare-part small soft">{m.attempt.notRecorded}</p>}
        <p className="compare-part small soft">{m.compare.sameBody}</p>
        <h3 className="compare-part">{m.compare.response}</h3>
        <Rows rows={response} />
      </div>
    </Card>
  );
}

function Rows({ rows }: { rows: Difference[] }): ReactNode {
  const m = useMessages();
  const names: Record<string, string> = m.compareRows;
  return rows.map(row => (
    <Fragment key={`${row.isHeader} ${row.name}`}>
      <span className="soft">{(row.isHeader ? undefined : names[row.name]) ?? row.name}</span>
      {[row.left, row.right].map((value, side) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: left and right
        <span key={side} className={classes("mono", row.differs && "compare-differs")}>
          {value || "–"}
        </span>
      ))}
    </Fragment>
  ));
}
