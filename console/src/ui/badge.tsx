//! Small words with a colour.
import type { ReactNode } from "react";
import { classes } from "./classes";

export type Tone = "calm" | "good" | "bad" | "warn" | "accent";

export function Badge({
  tone = "calm",
  dot = false,
  title,
  children,
}: {
  tone?: Tone;
  dot?: boolean;
  title?: string;
  children: ReactNode;
}) {
  return (
    <span className={classes("badge", tone !== "calm" && `badge-${tone}`, dot && "badge-dot")} title={title}>
      {children}
    </span>
  );
}
