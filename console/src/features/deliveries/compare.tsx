//! Two attempts side by side; what differs is marked.
import { X } from "lucide-react";
import { Fragment, type ReactNode } from "react";
import { useMessages } from "@/i18n";
import { differences } from "@/logic/compare";
import { exactTime } from "@/logic/time";
import { IconButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { classes } from "@/ui/classes";
import type { Attempt } from "./queries";

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
  const rows = differences(left, right, at => exactTime(at, m.locale));
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
      <div className="compare">
        <span />
        <strong>{m.lifecycle.attempt(left.number)}</strong>
        <strong>{m.lifecycle.attempt(right.number)}</strong>
        {rows.map(row => (
          <Fragment key={row.name}>
            <span className="soft">{m.compare[row.name as keyof typeof m.compare] ?? row.name}</span>
            {[row.left, row.right].map((value, side) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: left and right
              <span key={side} className={classes("mono", row.differs && "compare-differs")}>
                {value || "–"}
              </span>
            ))}
          </Fragment>
        ))}
      </div>
    </Card>
  );
}
