//! Form fields: a label, a hint, what is wrong.
import { Check, Minus, Search } from "lucide-react";
import { Checkbox as RadixCheckbox, Switch as RadixSwitch } from "radix-ui";
import {
  type InputHTMLAttributes,
  type ReactNode,
  type RefAttributes,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";
import { classes } from "./classes";

interface Labelled {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | undefined;
  /** The label is for readers of the screen alone. */
  hideLabel?: boolean;
}

interface Wiring {
  id: string;
  "aria-invalid": true | undefined;
  "aria-describedby": string | undefined;
}

export function Field({
  label,
  hint,
  error,
  hideLabel,
  children,
}: Labelled & { children: (wiring: Wiring) => ReactNode }) {
  const id = useId();
  const notes = hint || error ? `${id}-notes` : undefined;
  return (
    <div className="field">
      <label className={hideLabel ? "visually-hidden" : "field-label"} htmlFor={id}>
        {label}
      </label>
      {children({ id, "aria-invalid": error ? true : undefined, "aria-describedby": notes })}
      {notes && (
        <span id={notes} className="stack stack-tight">
          {error && (
            <span className="field-error" role="alert">
              {error}
            </span>
          )}
          {hint && <span className="field-hint">{hint}</span>}
        </span>
      )}
    </div>
  );
}

type Without<T> = Omit<T, "id">;

export function TextField({
  label,
  hint,
  error,
  hideLabel,
  ...rest
}: Labelled & Without<InputHTMLAttributes<HTMLInputElement>>) {
  return (
    <Field label={label} hint={hint} error={error} hideLabel={hideLabel ?? false}>
      {wiring => <input autoComplete="off" {...rest} {...wiring} className={classes("input", rest.className)} />}
    </Field>
  );
}

export function TextArea({
  label,
  hint,
  error,
  hideLabel,
  ...rest
}: Labelled & Without<TextareaHTMLAttributes<HTMLTextAreaElement>>) {
  return (
    <Field label={label} hint={hint} error={error} hideLabel={hideLabel ?? false}>
      {wiring => <textarea rows={3} {...rest} {...wiring} className={classes("input", rest.className)} />}
    </Field>
  );
}

export function SelectField({
  label,
  hint,
  error,
  hideLabel,
  children,
  ...rest
}: Labelled & Without<SelectHTMLAttributes<HTMLSelectElement>> & RefAttributes<HTMLSelectElement>) {
  return (
    <Field label={label} hint={hint} error={error} hideLabel={hideLabel ?? false}>
      {wiring => (
        <select {...rest} {...wiring} className={classes("input", rest.className)}>
          {children}
        </select>
      )}
    </Field>
  );
}

export function SearchField({ label, ...rest }: { label: string } & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <span className="input-search">
      <Search aria-hidden="true" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        autoComplete="off"
        spellCheck={false}
        {...rest}
        className="input"
      />
    </span>
  );
}

export function Switch({
  label,
  checked,
  onChange,
  disabled,
}: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}) {
  return (
    <RadixSwitch.Root
      className="switch"
      aria-label={label}
      checked={checked}
      onCheckedChange={onChange}
      disabled={disabled ?? false}
    >
      <RadixSwitch.Thumb className="switch-thumb" />
    </RadixSwitch.Root>
  );
}

export function Checkbox({
  label,
  checked,
  onChange,
  disabled,
}: {
  label?: string;
  checked: boolean | "indeterminate";
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}) {
  return (
    <RadixCheckbox.Root
      className="checkbox"
      aria-label={label}
      checked={checked}
      onCheckedChange={value => onChange(value === true)}
      disabled={disabled ?? false}
    >
      <RadixCheckbox.Indicator>
        {checked === "indeterminate" ? <Minus aria-hidden="true" /> : <Check aria-hidden="true" />}
      </RadixCheckbox.Indicator>
    </RadixCheckbox.Root>
  );
}

/** One of a few, each with a sentence. */
export function Choices<T extends string>({
  label,
  value,
  options,
  onChange,
  disabled,
}: {
  label: string;
  value: T;
  options: { value: T; title: string; text: string }[];
  onChange: (value: T) => void;
  disabled?: boolean;
}) {
  const name = useId();
  return (
    <fieldset className="stack stack-tight" disabled={disabled}>
      <legend className="visually-hidden">{label}</legend>
      {options.map(option => (
        <label key={option.value} className="choice">
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          <span>
            <span className="field-label">{option.title}</span>
            <br />
            <span className="field-hint">{option.text}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** One of a few, in a row. */
export function Segments<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: { value: T; title: string }[];
  onChange: (value: T) => void;
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out in a line everywhere
    <div className="segments" role="group" aria-label={label}>
      {options.map(option => (
        <button
          key={option.value}
          type="button"
          className="segment"
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.title}
        </button>
      ))}
    </div>
  );
}
