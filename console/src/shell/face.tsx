//! Which of the two faces a screen is shown in, and what its reader may do.
import { createContext, useContext } from "react";

export const PERMISSIONS = {
  readWebhooks: "fe.connectivity.read.webhooks",
  readDeliveries: "fe.connectivity.read.webhookLogs",
  writeWebhooks: "fe.connectivity.write.webhook",
  deleteWebhooks: "fe.connectivity.delete.webhook",
  readEvents: "fe.connectivity.read.events",
  readCategories: "fe.connectivity.read.eventCategories",
  triggerEvents: "fe.connectivity.write.triggerEvent",
} as const;

export type Permission = keyof typeof PERMISSIONS;

export interface Face {
  kind: "console" | "portal";
  /** The portal's tenant. */
  tenantId: string | undefined;
  can: (permission: Permission) => boolean;
}

export const consoleFace: Face = { kind: "console", tenantId: undefined, can: () => true };

const Context = createContext<Face>(consoleFace);

export const FaceProvider = Context.Provider;
export const useFace = (): Face => useContext(Context);
