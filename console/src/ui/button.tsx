//! Buttons, and links that look like them.
import { type ButtonHTMLAttributes, type MouseEvent, type ReactNode, type Ref, useEffect, useState } from "react";
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

export function Button({ look, size, icon, busy, children, className, disabled, onClick, ...rest }: ButtonProps) {
  const isAction = rest.type === "submit" || busy !== undefined;
  const click = (event: MouseEvent<HTMLButtonElement>) => {
    // The second click of a double click is none of its own, and the button may not be the one that the first was for.
    if (isAction && event.detail > 1) event.preventDefault();
    else onClick?.(event);
  };
  return (
    <button
      type="button"
      {...rest}
      onClick={click}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={classes(buttonClass(look, size), className)}
    >
      {busy ? <span className="spinner" aria-hidden="true" /> : icon}
      {children}
    </button>
  );
}

/** Longer than a double click takes. */
const LATE_MS = 500;

/** A button that comes where another one was just clicked, and can be clicked itself half a second later. */
export function LateButton({ disabled, ...rest }: ButtonProps) {
  const [isReady, setReady] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setReady(true), LATE_MS);
    return () => clearTimeout(timer);
  }, []);
  return <Button {...rest} disabled={disabled || !isReady} />;
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
