//! Whether the server is there, and what is done when it is there again.
import { basePath } from "./client";

/** How long is waited before it is looked again; longer, up to a limit, where what was done then failed in the same way at once. */
const LEAST_MS = 3000;
const MOST_MS = 60_000;
/** Windows that lost the server at once are not all back at once: each waits longer by a share of its own, up to this one. */
const SPREAD = 0.25;
/** A server that takes as long to say that it is there is not. */
const DEADLINE_MS = 5000;

export async function isReachable(): Promise<boolean> {
  try {
    // A proxy in front answers for a server that is down, with a status that says so.
    const signal = AbortSignal.timeout(DEADLINE_MS);
    return (await fetch(`${basePath}healthz`, { cache: "no-store", signal })).status < 500;
  } catch {
    return false;
  }
}

const waiting = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | undefined;
/** Which looks are in force: of those before, one may still be under way. */
let turn = 0;
let isLooking = false;
let patience = LEAST_MS;
let acted = Number.NEGATIVE_INFINITY;

/** Acts once the server answers, one look for all that wait. What is returned ends the waiting. */
export function whenReachable(act: () => void): () => void {
  const own = () => act();
  waiting.add(own);
  if (!isLooking) {
    isLooking = true;
    patience = Date.now() - acted < 2 * patience ? Math.min(2 * patience, MOST_MS) : LEAST_MS;
    lookLater();
  }
  return () => {
    waiting.delete(own);
    if (waiting.size === 0) end();
  };
}

function end() {
  clearTimeout(timer);
  turn += 1;
  isLooking = false;
}

function lookLater() {
  timer = setTimeout(look, patience * (1 + SPREAD * Math.random()));
}

async function look() {
  const own = turn;
  const isBack = document.visibilityState === "visible" && (await isReachable());
  if (own !== turn) return;
  if (!isBack) return lookLater();
  end();
  acted = Date.now();
  const acts = [...waiting];
  waiting.clear();
  for (const act of acts) act();
}
