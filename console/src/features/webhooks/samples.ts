//! Which samples a webhook can be tried with.
import type { EventType } from "@/features/event-types/queries";
import { sampleBody } from "@/logic/sample";
import { reached } from "@/logic/subscriptions";

export interface SampleChoice {
  key: string;
  name: string;
  body: Record<string, unknown>;
}

const NIL = "00000000-0000-0000-0000-000000000000";

/** A sample of each event that the subscriptions reach, of those that have one. */
export function sampleChoices(
  types: EventType[],
  eventKeys: string[],
  tenantId: string | null,
  vendorId = NIL,
): SampleChoice[] {
  return reached(eventKeys, types)
    .filter(type => type.sample)
    .map(type => ({
      key: type.key,
      name: type.displayName,
      body: sampleBody({ key: type.key, sample: type.sample as Record<string, unknown> }, { vendorId, tenantId }),
    }));
}
