//! The filters of deliveries; each is a member of the URL's query.
import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useState } from "react";
import { useEventTypes } from "@/features/event-types/queries";
import { webhooksQuery } from "@/features/webhooks/queries";
import { useMessages } from "@/i18n";
import { type DeliveryFilters, SINCE, type Times } from "@/logic/deliveries";
import { useFace } from "@/shell/face";
import { Button } from "@/ui/button";
import { SelectField } from "@/ui/field";
import { TypedMoment, TypedText } from "@/ui/typed";

const STATES = ["pending", "retrying", "delivered", "failed", "discarded"] as const;
const SEVERAL_STATES = ["failed,discarded", "pending,retrying"] as const;
const CLASSES = ["2xx", "3xx", "4xx", "5xx"];

export function DeliveryFiltersBar({
  search,
  change,
  fixedWebhook,
}: {
  search: DeliveryFilters;
  change: (patch: DeliveryFilters) => void;
  fixedWebhook: boolean;
}) {
  const m = useMessages();
  const face = useFace();
  return (
    <search className="filters">
      <TypedText label={m.deliveries.search} value={search.q ?? ""} onChange={q => change({ q })} as="search" />
      <StateSelect value={search.state} onChange={state => change({ state })} />
      <StatusFilter value={search.status ?? ""} onChange={status => change({ status })} />
      <EventKeySelect value={search.event} onChange={event => change({ event })} />
      {!fixedWebhook && <WebhookSelect value={search.webhook} onChange={webhook => change({ webhook })} />}
      {face.kind === "console" && (
        <TypedText
          label={m.deliveries.tenant}
          value={search.tenant ?? ""}
          onChange={tenant => change({ tenant })}
          as="text"
        />
      )}
      <TimeFilter search={search} change={change} />
      {search.job && (
        <Button size="small" icon={<X />} onClick={() => change({ job: "" })}>
          {m.deliveries.ofJob}
        </Button>
      )}
    </search>
  );
}

/** Classes of status codes, no answer, or a certain code. */
export function StatusFilter({ value, onChange }: { value: string; onChange: (status: string) => void }) {
  const m = useMessages();
  const [asked, setAsked] = useState(false);
  const isExact = /^\d+$/.test(value);
  const shown = isExact || asked;
  return (
    <>
      <SelectField
        label={m.deliveries.statusCode}
        hideLabel
        value={shown ? "exact" : value}
        onChange={event => {
          const isAsked = event.target.value === "exact";
          setAsked(isAsked);
          onChange(isAsked ? "" : event.target.value);
        }}
      >
        <option value="">{m.deliveries.anyStatus}</option>
        <Unknown value={shown ? "" : value} known={[...CLASSES, "none"]} />
        {CLASSES.map(status => (
          <option key={status} value={status}>
            {status}
          </option>
        ))}
        <option value="none">{m.deliveries.noAnswer}</option>
        <option value="exact">{m.deliveries.exactStatus}</option>
      </SelectField>
      {shown && (
        <TypedText
          label={m.deliveries.statusCode}
          value={isExact ? value : ""}
          read={code => (code === "" || /^[1-5]\d\d$/.test(code) ? code : undefined)}
          onChange={code => {
            setAsked(true);
            onChange(code);
          }}
          as="text"
        />
      )}
    </>
  );
}

/** The last hours or days, or from one moment to another. */
export function TimeFilter({ search, change }: { search: Times; change: (patch: Times) => void }) {
  const m = useMessages();
  const since = search.since ?? (search.from || search.to ? "range" : "");
  return (
    <>
      <SelectField
        label={m.deliveries.time}
        hideLabel
        value={since}
        onChange={event =>
          change({ since: event.target.value, ...(event.target.value === "range" ? {} : { from: "", to: "" }) })
        }
      >
        <option value="">{m.deliveries.anyTime}</option>
        <Unknown value={since} known={[...Object.keys(SINCE), "range"]} />
        {Object.keys(SINCE).map(name => (
          <option key={name} value={name}>
            {m.deliveries.since[name as keyof typeof m.deliveries.since]}
          </option>
        ))}
        <option value="range">{m.deliveries.range}</option>
      </SelectField>
      {since === "range" && (
        <>
          {/* The fields stay when both are emptied. */}
          <TypedMoment
            label={m.deliveries.from}
            value={search.from}
            onChange={from => change({ since: "range", from })}
          />
          <TypedMoment label={m.deliveries.to} value={search.to} onChange={to => change({ since: "range", to })} />
        </>
      )}
    </>
  );
}

/** What an address asks for and no filter offers, which the server refuses: it is shown as what is chosen, so that something else can be. */
function Unknown({ value, known }: { value: string; known: readonly string[] }) {
  if (value === "" || known.includes(value)) return null;
  return <option value={value}>{value}</option>;
}

interface Choosing {
  value: string | undefined;
  onChange: (value: string) => void;
}

export function StateSelect({ value, onChange }: Choosing) {
  const m = useMessages();
  return (
    <SelectField
      label={m.deliveries.state}
      hideLabel
      value={value ?? ""}
      onChange={event => onChange(event.target.value)}
    >
      <option value="">{m.deliveries.anyState}</option>
      <Unknown value={value ?? ""} known={[...STATES, ...SEVERAL_STATES]} />
      {STATES.map(state => (
        <option key={state} value={state}>
          {m.states[state]}
        </option>
      ))}
      <option value={SEVERAL_STATES[0]}>{m.deliveries.failedOrDiscarded}</option>
      <option value={SEVERAL_STATES[1]}>{m.deliveries.waiting}</option>
    </SelectField>
  );
}

/** No event's key: those have no spaces. */
const ANOTHER = "another key";

/** An event type, or the key of events that have none. */
export function EventKeySelect({
  value = "",
  onChange,
  hideLabel = true,
  restMs,
}: Choosing & { hideLabel?: boolean; restMs?: number }) {
  const m = useMessages();
  const types = useEventTypes();
  const [asked, setAsked] = useState(false);
  const isTyped = asked || (value !== "" && !types.some(type => type.key === value));
  return (
    <>
      <SelectField
        label={m.deliveries.event}
        hideLabel={hideLabel}
        value={isTyped ? ANOTHER : value}
        onChange={event => {
          const isAsked = event.target.value === ANOTHER;
          setAsked(isAsked);
          onChange(isAsked ? "" : event.target.value);
        }}
        className="filter-long"
      >
        <option value="">{m.deliveries.anyEvent}</option>
        <option value={ANOTHER}>{m.deliveries.anotherEvent}</option>
        {types.map(type => (
          <option key={type.id} value={type.key}>
            {type.displayName}
          </option>
        ))}
      </SelectField>
      {isTyped && (
        <TypedText
          label={m.deliveries.eventKey}
          value={value}
          read={typed => typed.trim()}
          restMs={restMs}
          onChange={typed => {
            setAsked(true);
            onChange(typed);
          }}
          as="text"
        />
      )}
    </>
  );
}

export function WebhookSelect({ value, onChange }: Choosing) {
  const m = useMessages();
  const webhooks = useQuery(webhooksQuery).data?.items ?? [];
  return (
    <SelectField
      label={m.deliveries.webhook}
      hideLabel
      value={value ?? ""}
      onChange={event => onChange(event.target.value)}
      className="filter-long"
    >
      <option value="">{m.deliveries.anyWebhook}</option>
      {value && !webhooks.some(webhook => webhook.id === value) && <option value={value}>{value}</option>}
      {webhooks.map(webhook => (
        <option key={webhook.id} value={webhook.id}>
          {webhook.displayName || webhook.url}
        </option>
      ))}
    </SelectField>
  );
}
