//! Choosing events: by category with search, whole categories, and patterns of one's own.
import { ChevronRight, Plus, X } from "lucide-react";
import { useMemo, useState } from "react";
import { NoEventTypes } from "@/features/event-types/none";
import { type EventType, useEventTypes } from "@/features/event-types/queries";
import { useMessages } from "@/i18n";
import { covers, type Group, grouped, reached, toggleCategory, toggleType } from "@/logic/subscriptions";
import { Button } from "@/ui/button";
import { Checkbox, SearchField } from "@/ui/field";

export function EventPicker({
  value,
  onChange,
  disabled = false,
}: {
  value: string[];
  onChange: (patterns: string[]) => void;
  disabled?: boolean;
}) {
  const m = useMessages();
  const types = useEventTypes();
  const [search, setSearch] = useState("");
  const groups = useMemo(() => grouped(types, search), [types, search]);
  const strange = value.filter(pattern => pattern !== "*" && !stands(pattern, types));
  const everything = value.includes("*");
  return (
    <div className="picker">
      <div className="picker-tools">
        <SearchField label={m.picker.search} value={search} onChange={event => setSearch(event.target.value)} />
        <span className="small soft nowrap" aria-live="polite">
          {m.picker.chosen(everything ? types.length : reached(value, types).length)}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is one */}
      <label className="check-row picker-all">
        <Checkbox
          checked={everything}
          disabled={disabled}
          onChange={checked => onChange(checked ? ["*"] : [])}
          label={m.picker.everything}
        />
        <span>
          <span className="field-label">{m.picker.everything}</span>
          <br />
          <span className="field-hint">{m.picker.everythingText}</span>
        </span>
      </label>
      <div className="picker-groups">
        {groups.map(group => (
          <Category
            key={group.category}
            group={group}
            value={value}
            onChange={onChange}
            open={search !== ""}
            disabled={disabled || everything}
            all={types}
          />
        ))}
        {groups.length === 0 && (
          <NoEventTypes>
            <p className="soft picker-none">{m.picker.none}</p>
          </NoEventTypes>
        )}
      </div>
      {strange.length > 0 && (
        <ul className="row row-wrap">
          {strange.map(pattern => (
            <li key={pattern} className="chip">
              <code>{pattern}</code>
              <button
                type="button"
                className="copy"
                aria-label={m.picker.remove(pattern)}
                disabled={disabled}
                onClick={() => onChange(value.filter(other => other !== pattern))}
              >
                <X aria-hidden="true" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {!disabled && <OwnPattern onAdd={pattern => !value.includes(pattern) && onChange([...value, pattern])} />}
    </div>
  );
}

/** Whether one of the boxes shows it. */
function stands(pattern: string, types: EventType[]): boolean {
  return types.some(
    type =>
      pattern === type.key || pattern === type.id || pattern === type.categoryId || pattern === `${type.category}.*`,
  );
}

function Category({
  group,
  value,
  onChange,
  open,
  disabled,
  all,
}: {
  group: Group<EventType>;
  value: string[];
  onChange: (patterns: string[]) => void;
  open: boolean;
  disabled: boolean;
  all: EventType[];
}) {
  const m = useMessages();
  const chosen = group.types.filter(type => value.some(pattern => covers(pattern, type)));
  const whole = value.includes(`${group.category}.*`) || value.includes(group.types[0]?.categoryId ?? "");
  const members: Group<EventType> = {
    category: group.category,
    types: all.filter(type => type.category === group.category),
  };
  const [isOpen, setOpen] = useState(chosen.length > 0 && !whole);
  const shown = open || isOpen;
  return (
    <div className="picker-group">
      <div className="row">
        <Checkbox
          checked={
            whole || (chosen.length > 0 && chosen.length === group.types.length)
              ? true
              : chosen.length > 0
                ? "indeterminate"
                : false
          }
          disabled={disabled}
          onChange={() => onChange(toggleCategory(value, members))}
          label={m.picker.wholeCategory(group.category)}
        />
        <button type="button" className="picker-toggle" aria-expanded={shown} onClick={() => setOpen(!shown)}>
          <ChevronRight aria-hidden="true" />
          <span className="field-label">{group.category}</span>
          <span className="small faint">
            {chosen.length > 0 ? `${chosen.length} / ${group.types.length}` : group.types.length}
          </span>
          {whole && <span className="badge badge-accent">{m.picker.futureToo}</span>}
        </button>
      </div>
      {shown && (
        <ul className="picker-types">
          {group.types.map(type => (
            <li key={type.id}>
              {/* biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is one */}
              <label className="check-row">
                <Checkbox
                  checked={value.some(pattern => covers(pattern, type))}
                  disabled={disabled}
                  onChange={() => onChange(toggleType(value, type, all))}
                  label={type.displayName}
                />
                <span className="grow">
                  {type.displayName} <code className="faint break">{type.key}</code>
                  {type.description && <span className="field-hint picker-text">{type.description}</span>}
                </span>
              </label>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function OwnPattern({ onAdd }: { onAdd: (pattern: string) => void }) {
  const m = useMessages();
  const [text, setText] = useState("");
  const add = () => {
    const pattern = text.trim();
    if (pattern) onAdd(pattern);
    setText("");
  };
  return (
    <details className="picker-own">
      <summary>{m.picker.own}</summary>
      <div className="row">
        <input
          className="input mono"
          aria-label={m.picker.own}
          placeholder="orders.*"
          value={text}
          onChange={event => setText(event.target.value)}
          onKeyDown={event => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            add();
          }}
        />
        <Button icon={<Plus />} onClick={add} disabled={text.trim() === ""}>
          {m.common.add}
        </Button>
      </div>
      <p className="field-hint">{m.picker.ownText}</p>
    </details>
  );
}
