//! Buttons, and links that look like them.
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import { classes } from "./classes";

export type ButtonLook = "default" | "primary" | "danger" | "ghost";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: ButtonLook;
  size?: "normal" | "small";
  icon?: ReactNode;
  /** Something is under way: the button waits and says so. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function buttonClass(look: ButtonLook = "default", size: "normal" | "small" = "normal"): string {
  return classes("button", look !== "default" && `button-${look}`, size === "small" && "button-small");
}

export function Button({ look, size, icon, busy = false, children, className, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={classes(buttonClass(look, size), className)}
    >
      {busy ? <span className="spinner" aria-hidden="true" /> : icon}
      {children}
    </button>
  );
}

export function IconButton({ label, children, look = "ghost", size, ...rest }: ButtonProps & { label: string }) {
  return (
    <button
      type="button"
      {...rest}
      aria-label={label}
      title={label}
      className={classes(buttonClass(look, size), "button-icon", rest.className)}
    >
      {children}
    </button>
  );
}
