//! Where the time of an attempt went.
import type { Schemas } from "@/api/client";
import { useMessages } from "@/i18n";
import { duration } from "@/logic/time";
import { timeline } from "@/logic/timeline";
import "./deliveries.css";

export function Waterfall({ timings }: { timings: Schemas["Timings"] }) {
  const m = useMessages();
  return (
    <div className="waterfall">
      {timeline(timings).map(part => (
        <PartRow key={part.name} name={m.timing[part.name]} part={part} />
      ))}
      <span className="field-label">{m.timing.total}</span>
      <span />
      <span className="numeric field-label">{duration(timings.totalMs, m.locale)}</span>
    </div>
  );
}

function PartRow({ name, part }: { name: string; part: { start: number; length: number; ms: number | null } }) {
  const m = useMessages();
  return (
    <>
      <span className="soft">{name}</span>
      <div className="waterfall-track" aria-hidden="true">
        {part.ms !== null && (
          <div
            className="waterfall-bar"
            style={{ width: `${part.length * 100}%`, marginLeft: `${part.start * 100}%` }}
          />
        )}
      </div>
      <span className="numeric">
        {part.ms === null ? <span className="faint">{m.timing.reused}</span> : duration(part.ms, m.locale)}
      </span>
    </>
  );
}
