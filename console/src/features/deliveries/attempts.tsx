//! The attempts of a delivery; two of them can be compared.
import { useMessages } from "@/i18n";
import { duration } from "@/logic/time";
import { Card } from "@/ui/card";
import { Checkbox } from "@/ui/field";
import { Time } from "@/ui/time";
import type { Attempt } from "./queries";
import { StatusCode } from "./state-badge";
import "./deliveries.css";

export function Attempts({
  attempts,
  chosen,
  compared,
  onChoose,
  onCompare,
}: {
  attempts: Attempt[];
  chosen: string | undefined;
  compared: string[];
  onChoose: (id: string) => void;
  onCompare: (ids: string[]) => void;
}) {
  const m = useMessages();
  const newestFirst = [...attempts].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  const canCompare = attempts.length > 1;
  return (
    <Card title={m.deliveries.attempts} flush>
      {attempts.length === 0 ? (
        <p className="card-body soft">{m.delivery.noAttempts}</p>
      ) : (
        <ul>
          {newestFirst.map(attempt => (
            <li key={attempt.id} className="attempt-item" data-chosen={attempt.id === chosen || undefined}>
              {canCompare && (
                <Checkbox
                  label={m.delivery.compareAttempt(attempt.number)}
                  checked={compared.includes(attempt.id)}
                  onChange={checked =>
                    onCompare(checked ? [...compared.slice(-1), attempt.id] : compared.filter(id => id !== attempt.id))
                  }
                />
              )}
              <button
                type="button"
                className="attempt-button"
                aria-pressed={attempt.id === chosen}
                onClick={() => onChoose(attempt.id)}
              >
                <span className="field-label">{m.lifecycle.attempt(attempt.number)}</span>
                <StatusCode attempt={attempt} />
                <span className="small soft">
                  <Time at={attempt.startedAt} />
                </span>
                <span className="small soft numeric">{duration(attempt.timings.totalMs, m.locale)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {canCompare && <p className="card-body small faint">{m.delivery.compareHint}</p>}
    </Card>
  );
}
