//! Short words about what was done, read out to those who do not see them.
import { CircleAlert, CircleCheck } from "lucide-react";
import { useSyncExternalStore } from "react";
import { usePartSeen } from "./part-seen";

interface Toast {
  id: number;
  tone: "good" | "bad";
  text: string;
}

let toasts: Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function change(next: Toast[]) {
  toasts = next;
  for (const listener of listeners) listener();
}

export function say(text: string, tone: Toast["tone"] = "good"): void {
  const toast = { id: nextId++, tone, text };
  change([...toasts.slice(-2), toast]);
  setTimeout(() => change(toasts.filter(other => other.id !== toast.id)), tone === "good" ? 4000 : 8000);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    listener => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  const isPlaced = usePartSeen(shown.length > 0);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {isPlaced &&
        shown.map(toast => (
          <div key={toast.id} className={`toast toast-${toast.tone}`}>
            {toast.tone === "good" ? <CircleCheck aria-hidden="true" /> : <CircleAlert aria-hidden="true" />}
            <span className="break">{toast.text}</span>
          </div>
        ))}
    </div>
  );
}
