//! Whether the server is there, and what is done when it is there again.
import { basePath } from "./client";

/** How long is waited before it is looked again; longer, up to a limit, where what was done then failed in the same way at once. */
const LEAST_MS = 3000;
const MOST_MS = 60_000;

export async function isReachable(): Promise<boolean> {
  try {
    // A proxy in front answers for a server that is down, with a status that says so.
    return (await fetch(`${basePath}healthz`, { cache: "no-store" })).status < 500;
  } catch {
    return false;
  }
}

const waiting = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | undefined;
let patience = LEAST_MS;
let acted = Number.NEGATIVE_INFINITY;

/** Acts once the server answers, one look for all that wait. What is returned ends the waiting. */
export function whenReachable(act: () => void): () => void {
  const own = () => act();
  waiting.add(own);
  if (timer === undefined) {
    patience = Date.now() - acted < 2 * patience ? Math.min(2 * patience, MOST_MS) : LEAST_MS;
    timer = setTimeout(look, patience);
  }
  return () => {
    waiting.delete(own);
    if (waiting.size > 0) return;
    clearTimeout(timer);
    timer = undefined;
  };
}

async function look() {
  const isBack = document.visibilityState === "visible" && (await isReachable());
  timer = undefined;
  if (waiting.size === 0) return;
  if (!isBack) {
    timer = setTimeout(look, patience);
    return;
  }
  acted = Date.now();
  const acts = [...waiting];
  waiting.clear();
  for (const act of acts) act();
}
