//! Which of the two faces a screen is shown in, and what its reader may do.
import { createContext, useContext } from "react";
import type { Schemas } from "@/api/client";

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
  /** Whether its reader may change what is the vendor's alone: event types, settings, credentials. */
  manages: boolean;
}

export const consoleFace: Face = { kind: "console", tenantId: undefined, can: () => true, manages: true };

const CHANGES: ReadonlySet<Permission> = new Set(["writeWebhooks", "deleteWebhooks", "triggerEvents"]);

/** The console of whoever is signed in with a credential that looks and changes nothing. */
export const lookingFace: Face = {
  kind: "console",
  tenantId: undefined,
  can: permission => !CHANGES.has(permission),
  manages: false,
};

/** The console as far as the credential that it is signed in with goes. */
export const faceOf = (scope: Schemas["CredentialScope"]): Face => (scope === "full" ? consoleFace : lookingFace);

const Context = createContext<Face>(consoleFace);

export const FaceProvider = Context.Provider;
export const useFace = (): Face => useContext(Context);
