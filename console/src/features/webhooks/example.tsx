//! What a webhook is tried with: a sample of an event type, or an event that happened.
import { useMessages } from "@/i18n";
import { SelectField } from "@/ui/field";
import { useRelative } from "@/ui/time";
import type { RecentEvent } from "./recent";

/** The value of the choice that is a sample; events are chosen by their ids. */
export const SAMPLE = "sample";

/** Samples first, then events, newest first. */
export function ExampleSelect({
  label,
  hideLabel = false,
  value,
  samples,
  events,
  onChange,
}: {
  label: string;
  hideLabel?: boolean;
  value: string;
  samples: { value: string; name: string }[];
  events: RecentEvent[];
  onChange: (value: string) => void;
}) {
  const m = useMessages();
  const relative = useRelative();
  return (
    <SelectField label={label} hideLabel={hideLabel} value={value} onChange={event => onChange(event.target.value)}>
      {samples.map(sample => (
        <option key={sample.value} value={sample.value}>
          {sample.name}
        </option>
      ))}
      {events.map(event => (
        <option key={event.id} value={event.id}>
          {m.payload.withEvent(relative(event.acceptedAt), event.tenantId ?? "")}
        </option>
      ))}
    </SelectField>
  );
}
