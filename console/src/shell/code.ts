//! The code of pages, which comes when they are opened: what becomes of it where it cannot be had. The router by itself would load the
//! whole page anew, which leaves the reader with the browser's own words where the server is down.
import { type ComponentType, createElement, use } from "react";
import { isReachable } from "@/api/reach";

/** The server is there and the code is not: it is another version's by now, or the browser holds on to an earlier failure. */
export class Outdated extends Error {}

/** Before that has passed the page is not loaded anew a second time: it would not help, and go on for ever. */
const AGAIN_MS = 60_000;
const KEY = "postrider-loaded-anew";

/** For `lazyRouteComponent`, which asks again whenever its page is opened again. */
export function fetched<T>(load: () => Promise<T>): () => Promise<T> {
  let failure: unknown;
  return async () => {
    if (!isOfStyles(failure)) {
      try {
        return await load();
      } catch (error) {
        failure = error;
      }
    }
    // What calls of the API fail with where nobody answers, and told in the same words.
    if (!(await isReachable())) throw new TypeError("the code of this page cannot be reached", { cause: failure });
    throw new Outdated("the code of this page is not there", { cause: failure });
  };
}

let tries = 0;

/** From now on parts whose code could not be had ask for it again when they are shown. */
export function askAgain(): void {
  tries += 1;
}

/** A part of a page whose code comes when it is shown. React's own `lazy` keeps a failure for as long as the window is open. */
export function part<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  const ask = fetched(load);
  let code: Promise<{ default: ComponentType<P> }> | undefined;
  let tried = tries;
  let isFailed = false;
  const current = () => {
    // Not as soon as it failed: what throws is drawn twice, and would ask for ever.
    if (code && !(isFailed && tried !== tries)) return code;
    tried = tries;
    isFailed = false;
    code = ask();
    code.catch(() => {
      isFailed = true;
    });
    return code;
  };
  // biome-ignore lint/correctness/noComponentHookFactories: called once for each part, where modules are, as React's own `lazy` is
  return function Part(props: P) {
    return createElement(use(current()).default, props);
  };
}

/** Styles that could not be had are not asked for again: with the next try the page would come without them. */
function isOfStyles(failure: unknown): boolean {
  return failure instanceof Error && failure.message.startsWith("Unable to preload CSS");
}

/** Loads the whole page anew, unless that was done just now. Where the browser keeps nothing, nobody knows, and it is not done. */
export function loadAnew(reload = () => location.reload(), now = Date.now()): void {
  try {
    const last = Number(sessionStorage.getItem(KEY) ?? Number.NEGATIVE_INFINITY);
    if (now - last < AGAIN_MS) return;
    sessionStorage.setItem(KEY, String(now));
  } catch {
    return;
  }
  reload();
}
