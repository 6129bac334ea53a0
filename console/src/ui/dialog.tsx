//! Dialogs, and the question before something that cannot be undone.
import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type FormEvent, type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { useMessages } from "@/i18n";
import { isFramed } from "@/portal/frame";
import { Button, IconButton } from "./button";
import { classes } from "./classes";
import { usePartSeen } from "./part-seen";
import { ErrorNotice } from "./states";

/** What has the focus: of an item of a menu, which closes, the button that the menu belongs to. */
function focused(): HTMLElement | null {
  const element = document.activeElement;
  const opener = element?.closest('[role="menu"]')?.getAttribute("aria-labelledby");
  const found = opener ? document.getElementById(opener) : element;
  // Where nothing has the focus the body is named.
  return found instanceof HTMLElement && found !== document.body ? found : null;
}

export function Dialog({
  title,
  description,
  open,
  onClose,
  wide = false,
  held = false,
  foot,
  onSubmit,
  children,
}: {
  title: ReactNode;
  description?: ReactNode;
  open: boolean;
  onClose: () => void;
  wide?: boolean;
  /** Closed by its own buttons alone: what it shows, or waits for, is not to be lost by a click beside it or a key. */
  held?: boolean;
  foot?: ReactNode;
  /** Makes the dialog a form. */
  onSubmit?: () => void;
  children?: ReactNode;
}) {
  const m = useMessages();
  const isPlaced = usePartSeen(open);
  const opener = useRef<HTMLElement | null>(null);
  // Before anything in the dialog is there to take the focus to itself.
  useLayoutEffect(() => {
    if (open) opener.current = focused();
  }, [open]);
  // Dialogs are opened by state, not by a trigger that the library would know of.
  const giveBack = (event: Event) => {
    event.preventDefault();
    const isThere = opener.current?.isConnected;
    const to = isThere ? opener.current : document.getElementById("content");
    const others = [...document.querySelectorAll('[role="dialog"]')];
    // Another dialog that took this one's place has the focus; one that this was opened from gets it back.
    if (others.length > 0 && !others.some(other => other.contains(to))) return;
    // Another page may have come with a field that took it. The whole of a page is not scrolled to.
    if (!isThere && focused()) return;
    to?.focus({ preventScroll: !isThere });
  };
  // Nobody closes what is out of sight: keys and clicks then mean what is shown in its place.
  const keep = (event: Event) => {
    if (held || document.documentElement.hasAttribute("data-covered")) event.preventDefault();
  };
  const body = (
    <>
      <div className="dialog-head">
        <Radix.Title>{title}</Radix.Title>
        {!held && (
          <Radix.Close asChild>
            <IconButton label={m.common.close} size="small">
              <X />
            </IconButton>
          </Radix.Close>
        )}
      </div>
      <div className="dialog-body stack">
        {description ? (
          <Radix.Description className="soft">{description}</Radix.Description>
        ) : (
          <Radix.Description className="visually-hidden">{title}</Radix.Description>
        )}
        {children}
      </div>
      {foot && <div className="dialog-foot">{foot}</div>}
    </>
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    onSubmit?.();
  };
  return (
    <Radix.Root open={open && isPlaced} onOpenChange={isOpen => !isOpen && onClose()}>
      <Radix.Portal>
        {/* The library's own keeps everything but the dialog from being scrolled: also the page around a frame, which alone brings the
            rest of a dialog into sight. The frame itself has nothing to scroll. */}
        {isFramed ? <div className="veil" /> : <Radix.Overlay className="veil" />}
        <Radix.Content
          className={classes("dialog", wide && "dialog-wide")}
          asChild={Boolean(onSubmit)}
          onCloseAutoFocus={giveBack}
          onEscapeKeyDown={keep}
          onInteractOutside={keep}
        >
          {onSubmit ? (
            <form onSubmit={submit} noValidate>
              {body}
            </form>
          ) : (
            body
          )}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Asks once more. `confirmWith` is what must be typed where much would be lost; `keep` says what the other button does where "Cancel"
 * could be taken for the action. */
export function Confirm({
  title,
  text,
  action,
  keep,
  open,
  onClose,
  onConfirm,
  busy,
  error,
  confirmWith,
}: {
  title: string;
  text: ReactNode;
  action: string;
  keep?: string;
  open: boolean;
  onClose: () => void;
  onConfirm: () => void;
  busy: boolean;
  error?: unknown;
  confirmWith?: string;
}) {
  const m = useMessages();
  const [typed, setTyped] = useState("");
  const close = () => {
    setTyped("");
    onClose();
  };
  return (
    <Dialog
      title={title}
      open={open}
      onClose={close}
      onSubmit={onConfirm}
      foot={
        <>
          <Button onClick={close}>{keep ?? m.common.cancel}</Button>
          <Button
            type="submit"
            look="danger"
            busy={busy}
            disabled={confirmWith !== undefined && typed.trim() !== confirmWith}
          >
            {action}
          </Button>
        </>
      }
    >
      <div className="soft">{text}</div>
      {confirmWith !== undefined && (
        <label className="field">
          <span className="field-label">{m.common.typeToConfirm(confirmWith)}</span>
          <input className="input" value={typed} onChange={event => setTyped(event.target.value)} autoComplete="off" />
        </label>
      )}
      {error ? <ErrorNotice error={error} /> : null}
    </Dialog>
  );
}
