//! Copying: ids, URLs, secrets, payloads.
import { Check, Copy as CopyIcon } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useMessages } from "@/i18n";

export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) {
    try {
      return await navigator.clipboard.writeText(text);
    } catch {
      // A frame without that permission: the older way works there.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function CopyButton({
  text,
  label,
  icon,
  children,
}: {
  text: string | (() => string);
  label?: string;
  icon?: ReactNode;
  children?: ReactNode;
}) {
  const m = useMessages();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    await copyText(typeof text === "string" ? text : text());
    setCopied(true);
  };
  const shown = copied ? <Check aria-hidden="true" /> : (icon ?? <CopyIcon aria-hidden="true" />);
  if (children) {
    return (
      <button type="button" className="button button-small" onClick={() => void copy()}>
        {shown}
        {copied ? m.common.copied : children}
      </button>
    );
  }
  const name = copied ? m.common.copied : (label ?? m.common.copy);
  return (
    <button type="button" className="copy" aria-label={name} title={name} onClick={() => void copy()}>
      {shown}
    </button>
  );
}

/** A word in monospace that can be copied. */
export function Copyable({ text, shown }: { text: string; shown?: string }) {
  return (
    <span className="copyable">
      <code className="truncate" title={text}>
        {shown ?? text}
      </code>
      <CopyButton text={text} />
    </span>
  );
}
