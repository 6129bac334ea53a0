//! Talking with the page around the frame. Only the parent is listened to; who may be the parent is the server's to say.
import { useEffect } from "react";

export const isFramed = window.parent !== window;

export function tell(
  message:
    | { type: "postrider:ready"; version: 1 }
    | { type: "postrider:resize"; height: number }
    | { type: "postrider:navigate" }
    | { type: "postrider:expiring" }
    | { type: "postrider:expired" },
): void {
  // Nothing in these is secret, and the frame does not know its parent's origin.
  if (isFramed) window.parent.postMessage(message, "*");
}

export type Told =
  | { type: "code"; code: string }
  | { type: "token"; token: string }
  | { type: "theme"; theme: unknown };

/** A message of the parent's; null: none of ours. */
export function understand(data: unknown): Told | null {
  if (typeof data !== "object" || data === null) return null;
  const { type, code, token, theme } = data as Record<string, unknown>;
  if (type === "postrider:code" && typeof code === "string") return { type: "code", code };
  if (type === "postrider:token" && typeof token === "string") return { type: "token", token };
  if (type === "postrider:theme") return { type: "theme", theme };
  return null;
}

export function useParent(onTold: (told: Told) => void): void {
  useEffect(() => {
    const hear = (event: MessageEvent) => {
      if (!isFramed || event.source !== window.parent) return;
      const told = understand(event.data);
      if (told) onTold(told);
    };
    window.addEventListener("message", hear);
    return () => window.removeEventListener("message", hear);
  }, [onTold]);
  useEffect(() => tell({ type: "postrider:ready", version: 1 }), []);
}

/** Says how high the content is, whenever that changes. */
export function useHeight(): void {
  useEffect(() => {
    const root = document.getElementById("root");
    if (!isFramed || !root) return;
    let last = 0;
    const observer = new ResizeObserver(() => {
      const height = Math.ceil(root.getBoundingClientRect().height);
      if (height !== last) tell({ type: "postrider:resize", height });
      last = height;
    });
    observer.observe(root);
    return () => observer.disconnect();
  }, []);
}
