//! What needs attention: in one sentence, and each thing by itself.
import { Link } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { type Messages, useMessages } from "@/i18n";
import { clock, exactTime } from "@/logic/time";
import { Notice } from "@/ui/states";
import "./overview.css";

type Item = Schemas["Attention"];

/** Listed one by one up to here; then as a number. */
const LISTED = 5;

/**
 * "3 webhooks have kept failing and 1 was disabled since 09:12." Where not all are known, only how many. Those that are paused are so
 * because they fail; which ones they are, the list says.
 */
export function summary(attention: Item[], count: number, m: Messages): string {
  if (attention.length < count) return m.attention.title(count);
  const kinds = new Map<string, number>();
  for (const item of attention) {
    const kind = item.kind === "webhook_paused" ? "webhook_failing" : item.kind;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const parts = [...kinds].map(([kind, of]) => ({ kind, count: of }));
  const first = attention.flatMap(item => item.since ?? []).sort()[0];
  return m.attention.summary(parts, first && clock(first, Date.now(), m.locale));
}

export function Attention({ attention, count }: { attention: Item[]; count: number }) {
  const m = useMessages();
  if (count === 0) return null;
  return (
    <Notice tone={attention.some(item => item.kind !== "webhook_paused") ? "bad" : "warn"}>
      <div className="attention">
        <strong>{summary(attention, count, m)}</strong>
        <ul className="attention">
          {attention.slice(0, LISTED).map(item => (
            <li key={`${item.kind} ${item.webhookId}`}>
              <Link to="/webhooks/$webhookId" params={{ webhookId: item.webhookId }}>
                {item.displayName || item.webhookId}
              </Link>{" "}
              {m.attention[item.kind as "webhook_failing"] ?? item.kind}
              {item.since && (
                <>
                  {" "}
                  {m.attention.since}{" "}
                  <time dateTime={item.since} title={exactTime(item.since, m.locale)}>
                    {clock(item.since, Date.now(), m.locale)}
                  </time>
                </>
              )}
              .
            </li>
          ))}
        </ul>
        {count > LISTED && (
          <Link to="/webhooks" search={{ status: "failing" } as never}>
            {m.attention.more(count - Math.min(LISTED, attention.length))}
          </Link>
        )}
      </div>
    </Notice>
  );
}
