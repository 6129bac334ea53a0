//! The session that the portal's pages are shown in.
import { createContext, useContext } from "react";
import type { PortalSession } from "./access";

interface Held {
  session: PortalSession;
  /** The reader has left. */
  onLeft: () => void;
}

const Context = createContext<Held | undefined>(undefined);

export const SessionProvider = Context.Provider;

export function usePortalSession(): Held {
  const held = useContext(Context);
  if (!held) throw new Error("the portal's pages are shown in a session");
  return held;
}
