//! The choice of what the charts are about.
import { useState } from "react";
import { useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import type { Subject } from "@/logic/subject";
import { SelectField } from "@/ui/field";
import { TypedText } from "@/ui/typed";

const TENANT = "tenant";
/** Before the key in an option's value. */
const EVENT = "event ";

export function SubjectChoice({ subject, choose }: { subject: Subject; choose: (subject: Subject) => void }) {
  const m = useMessages();
  const types = useEventTypes();
  // Tenants are not listed anywhere: whoever wants one types its id.
  // Neither are keys of events that have no type.
  const [asked, setAsked] = useState<"tenant" | "key">();
  const { tenantId, eventKey } = subject;
  const isTenant = tenantId !== undefined || (asked === "tenant" && eventKey === undefined);
  const isTyped =
    !isTenant && (asked === "key" || (eventKey !== undefined && !types.some(type => type.key === eventKey)));
  return (
    <search className="filters">
      <SelectField
        label={m.overview.subject}
        hideLabel
        value={isTenant ? TENANT : isTyped ? EVENT : eventKey === undefined ? "" : EVENT + eventKey}
        onChange={event => {
          const chosen = event.target.value;
          setAsked(chosen === TENANT ? "tenant" : chosen === EVENT ? "key" : undefined);
          const key = chosen.startsWith(EVENT) ? chosen.slice(EVENT.length) : "";
          choose(key === "" ? {} : { eventKey: key });
        }}
      >
        <option value="">{m.overview.wholeEnvironment}</option>
        <option value={TENANT}>{m.overview.oneTenant}</option>
        <optgroup label={m.nav.eventTypes}>
          <option value={EVENT}>{m.deliveries.anotherEvent}</option>
          {types.map(type => (
            <option key={type.id} value={EVENT + type.key}>
              {type.displayName}
            </option>
          ))}
        </optgroup>
      </SelectField>
      {isTenant && (
        <TypedText
          label={m.connect.tenantId}
          value={tenantId ?? ""}
          onChange={typed => {
            setAsked("tenant");
            choose(typed === "" ? {} : { tenantId: typed });
          }}
          as="text"
        />
      )}
      {isTyped && (
        <TypedText
          label={m.deliveries.eventKey}
          value={eventKey ?? ""}
          read={typed => typed.trim()}
          onChange={typed => {
            setAsked("key");
            choose(typed === "" ? {} : { eventKey: typed });
          }}
          as="text"
        />
      )}
    </search>
  );
}
