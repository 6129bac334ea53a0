//! What needs attention, in sentences.
import { Link } from "@tanstack/react-router";
import type { Schemas } from "@/api/client";
import { useMessages } from "@/i18n";
import { Notice } from "@/ui/states";
import { Time } from "@/ui/time";

type Item = Schemas["Attention"];

/** Listed one by one up to here; then as a number. */
const LISTED = 5;

export function Attention({ attention, count }: { attention: Item[]; count: number }) {
  const m = useMessages();
  if (count === 0) return null;
  return (
    <Notice tone={attention.some(item => item.kind !== "webhook_paused") ? "bad" : "warn"}>
      <div className="attention">
        <strong>{m.attention.title(count)}</strong>
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
                  {m.attention.since} <Time at={item.since} />
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
