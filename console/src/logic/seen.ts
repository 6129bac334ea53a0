//! What runs only while somebody looks at the page.

/** How long a page is hidden before what runs is stopped: who glances at another tab and comes back misses nothing. */
export const HIDDEN_MS = 5000;

/** Starts something, stops it when the page has been hidden for a while, and starts it anew when it is seen again. `start` gives how to
 * stop it; what is returned ends all of this. */
export function whileSeen(start: () => () => void): () => void {
  let stop: (() => void) | undefined = start();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const halt = () => {
    stop?.();
    stop = undefined;
  };
  const look = () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible") stop ??= start();
    else timer = setTimeout(halt, HIDDEN_MS);
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    clearTimeout(timer);
    halt();
  };
}
