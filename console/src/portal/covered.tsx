//! The pages of a session that has ended, or that the vendor has hidden for now: what is being written in them stays, out of reach and,
//! unless the session is about to be renewed, out of sight.
import { Clock } from "lucide-react";
import { type ReactNode, useEffect, useLayoutEffect, useState } from "react";
import { useMessages } from "@/i18n";
import { usePartSeen } from "@/ui/part-seen";
import { PATIENCE_MS } from "./renewal";

/** `renewing`: another session may come at any moment. */
export type Cover = "none" | "renewing" | "hidden";

export function Covered({ cover, children }: { cover: Cover; children: ReactNode }) {
  const isCovered = cover !== "none";
  useLayoutEffect(() => {
    if (!isCovered) return;
    const { documentElement: root, activeElement: before } = document;
    // Dialogs and menus stand beside the pages.
    root.setAttribute("data-covered", "");
    return () => {
      root.removeAttribute("data-covered");
      if (before instanceof HTMLElement && document.activeElement === document.body)
        before.focus({ preventScroll: true });
    };
  }, [isCovered]);
  return (
    <div className={cover === "renewing" ? "portal-dimmed" : undefined} inert={isCovered} hidden={cover === "hidden"}>
      {children}
    </div>
  );
}

/** Whether that has been so for as long as calls wait. */
export function useIsLate(isSo: boolean): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    if (!isSo) return;
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [isSo]);
  return isLate;
}

/** In the part of the frame that is seen. */
export function RenewingNotice() {
  const m = useMessages();
  const isPlaced = usePartSeen(true);
  return (
    <div className="portal-renewing" role="status">
      {isPlaced && (
        <div className="toast">
          <Clock aria-hidden="true" />
          <span>{m.portal.renewing}</span>
        </div>
      )}
    </div>
  );
}
