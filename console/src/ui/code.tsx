//! Text as it is: JSON in colours, anything else plain. Everything is rendered as text, whatever it contains.
import { ListIndentIncrease } from "lucide-react";
import { useMemo } from "react";
import { useMessages } from "@/i18n";
import { jsonTokens, prettyJson } from "@/logic/json";
import { classes } from "./classes";
import { CopyButton } from "./copy";

/** Beyond that many characters colours cost more than they help. */
const COLOURED = 60_000;

export function Code({
  text,
  copy = true,
  wrap = false,
  label,
}: {
  text: string;
  copy?: boolean;
  wrap?: boolean;
  label?: string;
}) {
  return (
    <section className={classes("code", wrap && "code-wrap")} aria-label={label}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>{text}</pre>
      {copy && (
        <span className="code-tools">
          <CopyButton text={text} />
        </span>
      )}
    </section>
  );
}

/** JSON, indented where it can be read. What is copied is `text` byte for byte, or indented by a button of its own. */
export function Json({ value, text, label }: { value?: unknown; text?: string; label?: string }) {
  const m = useMessages();
  const pretty = useMemo(() => (text === undefined ? JSON.stringify(value, null, 2) : prettyJson(text)), [value, text]);
  const tokens = useMemo(
    () => (pretty !== undefined && pretty.length <= COLOURED ? jsonTokens(pretty) : undefined),
    [pretty],
  );
  if (pretty === undefined) return <Code text={text ?? ""} label={label ?? ""} wrap />;
  return (
    <section className="code" aria-label={label}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>
        {tokens
          ? tokens.map(token =>
              token.kind ? (
                <span key={token.at} className={`j-${token.kind}`}>
                  {token.text}
                </span>
              ) : (
                token.text
              ),
            )
          : pretty}
      </pre>
      <span className="code-tools">
        <CopyButton text={text ?? pretty} />
        {text !== undefined && text !== pretty && (
          <CopyButton text={pretty} label={m.common.copyIndented} icon={<ListIndentIncrease aria-hidden="true" />} />
        )}
      </span>
    </section>
  );
}
