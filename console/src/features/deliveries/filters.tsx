//! The filters of deliveries; each is a member of the URL's query.
import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useEventTypes } from "@/features/event-types/queries";
import { webhooksQuery } from "@/features/webhooks/queries";
import { useMessages } from "@/i18n";
import { type DeliveryFilters, SINCE, type Times } from "@/logic/deliveries";
import { fromLocalInput, toLocalInput } from "@/logic/time";
import { useFace } from "@/shell/face";
import { Button } from "@/ui/button";
import { Field, SearchField, SelectField, TextField } from "@/ui/field";

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
      <Debounced label={m.deliveries.search} value={search.q ?? ""} onChange={q => change({ q })} as="search" />
      <StateSelect value={search.state} onChange={state => change({ state })} />
      <StatusFilter value={search.status ?? ""} onChange={status => change({ status })} />
      <EventKeySelect value={search.event} onChange={event => change({ event })} />
      {!fixedWebhook && <WebhookSelect value={search.webhook} onChange={webhook => change({ webhook })} />}
      {face.kind === "console" && (
        <Debounced
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
        <Debounced
          label={m.deliveries.statusCode}
          value={isExact ? value : ""}
          onChange={code => {
            setAsked(true);
            if (code === "" || /^[1-5]\d\d$/.test(code)) onChange(code);
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
          <Moment label={m.deliveries.from} value={search.from} onChange={from => change({ from })} />
          <Moment label={m.deliveries.to} value={search.to} onChange={to => change({ to })} />
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

/** How long the typing rests before what was typed is acted on. */
const REST_MS = 300;

/** A text that is acted on when the typing rests, however often the screen around it is drawn meanwhile. */
export function Debounced({
  label,
  value,
  onChange,
  as,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  as: "search" | "text";
}) {
  const [text, setText] = useState(value);
  const told = useRef(value);
  const latest = useRef(onChange);
  useEffect(() => {
    latest.current = onChange;
  });
  useEffect(() => {
    // What was told from here comes back as the value; what was typed meanwhile stays.
    if (value === told.current) return;
    told.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    if (text === told.current) return;
    const timer = setTimeout(() => {
      told.current = text;
      latest.current(text);
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [text]);
  if (as === "search")
    return <SearchField label={label} value={text} onChange={event => setText(event.target.value)} />;
  return (
    <TextField
      label={label}
      hideLabel
      placeholder={label}
      value={text}
      onChange={event => setText(event.target.value)}
      className="filter-short"
    />
  );
}

export function Moment({
  label,
  value,
  onChange,
  hideLabel = true,
}: {
  label: string;
  value: string | undefined;
  onChange: (at: string) => void;
  hideLabel?: boolean;
}) {
  return (
    <Field label={label} hideLabel={hideLabel}>
      {wiring => (
        <input
          {...wiring}
          type="datetime-local"
          className="input"
          title={label}
          value={toLocalInput(value)}
          onChange={event => onChange(fromLocalInput(event.target.value) ?? "")}
        />
      )}
    </Field>
  );
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
export function EventKeySelect({ value = "", onChange, hideLabel = true }: Choosing & { hideLabel?: boolean }) {
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
        <Debounced
          label={m.deliveries.eventKey}
          value={value}
          onChange={typed => {
            setAsked(true);
            onChange(typed.trim());
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
