//! Light or dark: as the system has it, unless a person chose.
import { useSyncExternalStore } from "react";

export type Mode = "light" | "dark" | "auto";

const KEY = "postrider-mode";
const system = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
let chosen: Mode = remembered();

function remembered(): Mode {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "auto";
  } catch {
    // A frame whose storage is blocked.
    return "auto";
  }
}

function apply() {
  const dark = chosen === "dark" || (chosen === "auto" && system.matches);
  document.documentElement.dataset["mode"] = dark ? "dark" : "light";
  for (const listener of listeners) listener();
}

system.addEventListener("change", apply);
apply();

/** Sets the mode; `remember` where a person chose it, not a theme. */
export function setMode(mode: Mode, remember: "remember" | "forget" = "remember"): void {
  chosen = mode;
  if (remember === "remember") {
    try {
      localStorage.setItem(KEY, mode);
    } catch {
      // As above: it holds until the page is closed.
    }
  }
  apply();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useMode = (): Mode => useSyncExternalStore(subscribe, () => chosen);

/** What is on the screen. */
export const useShownMode = (): "light" | "dark" =>
  useSyncExternalStore(subscribe, () => (document.documentElement.dataset["mode"] === "dark" ? "dark" : "light"));
