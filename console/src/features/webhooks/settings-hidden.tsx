//! Hidden values once more, as the URL leads to another server than they were given for.
import { issueAt } from "@/api/problem";
import { useMessages } from "@/i18n";
import type { HiddenValue } from "@/logic/hidden";
import { TextArea, TextField } from "@/ui/field";
import { Notice } from "@/ui/states";

export function HiddenAgain({
  values,
  given,
  onChange,
  tried,
  error,
}: {
  values: HiddenValue[];
  given: Record<string, string>;
  onChange: (given: Record<string, string>) => void;
  tried: boolean;
  error: unknown;
}) {
  const m = useMessages();
  const words = {
    password: m.access.password,
    token: m.access.token,
    clientSecret: m.access.clientSecret,
    privateKey: m.access.privateKey,
  };
  return (
    <Notice tone="warn" role="status">
      <div className="stack">
        <p>{m.settings.hiddenAgain}</p>
        {values.map(({ at, kind, name }) => {
          const wiring = {
            label: kind === "header" ? (name ?? "") : words[kind],
            value: given[at] ?? "",
            onChange: (event: { target: { value: string } }) => onChange({ ...given, [at]: event.target.value }),
            error: tried && !given[at] ? m.common.required : issueAt(error, at),
            className: "mono",
            spellCheck: false,
          };
          return kind === "privateKey" ? (
            <TextArea key={at} rows={4} {...wiring} />
          ) : (
            <TextField key={at} type="password" autoComplete="new-password" {...wiring} />
          );
        })}
      </div>
    </Notice>
  );
}
