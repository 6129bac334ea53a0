//! Fields whose value is a member of the URL, which follows a moment later, and what clears them. What is typed is theirs and stays as it
//! was typed; it is told when it can be meant and the typing rests. A value from elsewhere comes in, though not in the midst of
//! somebody's typing.
import { type ChangeEvent, type FocusEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useMessages } from "@/i18n";
import { fromLocalInput, toLocalInput } from "@/logic/time";
import { Button } from "./button";
import { Field, SearchField, TextField } from "./field";

/** How long the typing rests before what was typed is told. */
const REST_MS = 300;

const drops = new Set<() => void>();

/** Gives up what was typed and is not told yet, in every field. */
function dropTyped(): void {
  for (const drop of drops) drop();
}

/** Of a list in which nothing is found. Whoever clears its filters means what is typed and not told yet, too. */
export function ClearFilters({ onClear }: { onClear: () => void }) {
  const m = useMessages();
  const clear = () => {
    dropTyped();
    onClear();
  };
  return <Button onClick={clear}>{m.common.clearFilters}</Button>;
}

/** What a text means; undefined: nothing that there is, or nothing yet. */
type Read = (text: string, input: HTMLInputElement) => string | undefined;

interface Typed {
  value: string;
  onChange: (value: string) => void;
  read?: Read | undefined;
  /** 0: what can be meant is told at once. */
  restMs?: number | undefined;
}

const asItIs: Read = text => text;

function useTyped(typed: Typed) {
  const { value } = typed;
  const [text, setText] = useState(value);
  const [isMeant, setMeant] = useState(true);
  const [isFocused, setFocused] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const latest = useRef(typed);
  useEffect(() => {
    latest.current = typed;
  });
  /** What was told last, or came in last. */
  const told = useRef(value);
  /** What was told and has not come back yet. */
  const underWay = useRef<string[]>([]);
  const isUnsaved = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const show = (next: string) => {
    clearTimeout(timer.current);
    told.current = next;
    underWay.current = [];
    isUnsaved.current = false;
    setText(next);
    setMeant(true);
    // Of a date that is typed in part the value is empty, as that of none: it is set, whatever it was.
    if (input.current) input.current.value = next;
  };
  const tell = (meant: string) => {
    told.current = meant;
    isUnsaved.current = false;
    if (meant !== latest.current.value) underWay.current.push(meant);
    latest.current.onChange(meant);
  };
  const type = (element: HTMLInputElement) => {
    const { read = asItIs, restMs = REST_MS } = latest.current;
    clearTimeout(timer.current);
    setText(element.value);
    const meant = read(element.value, element);
    setMeant(meant !== undefined);
    isUnsaved.current = meant !== told.current;
    if (meant === undefined || meant === told.current) return;
    if (restMs === 0) tell(meant);
    else timer.current = setTimeout(tell, restMs, meant);
  };

  const shown = useRef(show);
  useEffect(() => {
    shown.current = show;
  });
  const focused = useRef(false);
  useEffect(() => {
    const at = underWay.current.indexOf(value);
    if (at !== -1) {
      underWay.current = underWay.current.slice(at + 1);
      return;
    }
    if (value === told.current) return;
    if (focused.current && isUnsaved.current) told.current = value;
    else shown.current(value);
  }, [value]);
  useEffect(() => {
    const drop = () => shown.current(latest.current.value);
    drops.add(drop);
    return () => {
      drops.delete(drop);
      clearTimeout(timer.current);
    };
  }, []);

  const focus = (isNow: boolean) => {
    focused.current = isNow;
    setFocused(isNow);
  };
  return {
    text,
    input,
    isMeant,
    isFocused,
    wiring: {
      onChange: (event: ChangeEvent<HTMLInputElement>) => type(event.target),
      onFocus: () => focus(true),
      onBlur: (event: FocusEvent<HTMLInputElement>) => {
        focus(false);
        // The rest begins anew: what is clicked instead may clear the field.
        type(event.target);
      },
    },
    type,
  };
}

export function TypedText({
  label,
  as,
  ...typed
}: Typed & {
  label: string;
  as: "search" | "text";
}) {
  const { text, wiring } = useTyped(typed);
  if (as === "search") return <SearchField label={label} value={text} {...wiring} />;
  return <TextField label={label} hideLabel placeholder={label} value={text} {...wiring} className="filter-short" />;
}

/** A date and a time. One that is typed in part is none yet, and neither is a year of which the first digits are there. */
const wholeMoment: Read = (text, input) => {
  if (input.validity.badInput) return undefined;
  if (text === "") return "";
  const year = Number(text.slice(0, text.indexOf("-")));
  return year >= 1970 && year <= 9999 && fromLocalInput(text) ? text : undefined;
};

export function TypedMoment({
  label,
  value,
  onChange,
  hideLabel = true,
  restMs,
  onUnclear,
}: {
  label: string;
  value: string | undefined;
  onChange: (at: string) => void;
  hideLabel?: boolean;
  restMs?: number;
  /** Told when what is in the field comes to be no moment, and when it is one again. */
  onUnclear?: (isUnclear: boolean) => void;
}) {
  const m = useMessages();
  const { text, input, isMeant, isFocused, wiring, type } = useTyped({
    value: toLocalInput(value),
    onChange: local => onChange(fromLocalInput(local) ?? ""),
    read: wholeMoment,
    restMs,
  });
  // Written by hand: a drawing would take from a date what is typed of it.
  const [first] = useState(text);
  const tell = useRef(onUnclear);
  useEffect(() => {
    tell.current = onUnclear;
  });
  useEffect(() => tell.current?.(!isMeant), [isMeant]);
  return (
    <Field label={label} hideLabel={hideLabel} error={isMeant || isFocused ? undefined : m.deliveries.wholeMoment}>
      {field => (
        <input
          {...field}
          {...wiring}
          ref={input}
          type="datetime-local"
          className="input"
          title={label}
          defaultValue={first}
          // The last part that is taken out of a date changes no value.
          onKeyUp={(event: KeyboardEvent<HTMLInputElement>) => event.key !== "Tab" && type(event.currentTarget)}
        />
      )}
    </Field>
  );
}
