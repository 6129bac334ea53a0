//! The choice of what the charts are about.
import { useState } from "react";
import { Debounced } from "@/features/deliveries/filters";
import { useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import type { Subject } from "@/logic/subject";
import { SelectField } from "@/ui/field";
import "@/features/deliveries/deliveries.css";

const TENANT = "tenant";
/** Before the key in an option's value. */
const EVENT = "event ";

export function SubjectChoice({ subject, choose }: { subject: Subject; choose: (subject: Subject) => void }) {
  const m = useMessages();
  const types = useEventTypes();
  // Tenants are not listed anywhere: whoever wants one types its id.
  const [asked, setAsked] = useState(false);
  const { tenantId, eventKey } = subject;
  const isTenant = tenantId !== undefined || (asked && eventKey === undefined);
  return (
    <search className="filters">
      <SelectField
        label={m.overview.subject}
        hideLabel
        value={isTenant ? TENANT : eventKey === undefined ? "" : EVENT + eventKey}
        onChange={event => {
          const chosen = event.target.value;
          setAsked(chosen === TENANT);
          choose(chosen.startsWith(EVENT) ? { eventKey: chosen.slice(EVENT.length) } : {});
        }}
      >
        <option value="">{m.overview.wholeEnvironment}</option>
        <option value={TENANT}>{m.overview.oneTenant}</option>
        <optgroup label={m.nav.eventTypes}>
          {eventKey !== undefined && !types.some(type => type.key === eventKey) && (
            <option value={EVENT + eventKey}>{eventKey}</option>
          )}
          {types.map(type => (
            <option key={type.id} value={EVENT + type.key}>
              {type.displayName}
            </option>
          ))}
        </optgroup>
      </SelectField>
      {isTenant && (
        <Debounced
          label={m.connect.tenantId}
          value={tenantId ?? ""}
          onChange={typed => {
            setAsked(true);
            choose(typed === "" ? {} : { tenantId: typed });
          }}
          as="text"
        />
      )}
    </search>
  );
}
