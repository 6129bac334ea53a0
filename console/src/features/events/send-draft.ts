//! What is entered for an event that is to be sent, whichever type it gets. A payload that nobody has edited is the type's sample; one that
//! somebody has edited outlives a change of the type, until they say that the sample takes its place.
import { useState } from "react";
import type { EventType } from "@/features/event-types/queries";
import { useDraft, useUnsaved } from "@/shell/drafts";

export interface Entered {
  tenantId: string;
  userId: string;
  /** The text of a JSON object, or of what is to become one. */
  payload: string;
}

export interface SendDraft {
  value: Entered;
  edit: (patch: Partial<Entered>) => void;
  /** The payload was edited for another type, and this one has a sample: nobody has said yet which of the two it is to be. */
  isInQuestion: boolean;
  takeSample: () => void;
  keepPayload: () => void;
  /** What was sent is in no need of keeping. */
  sent: (value: Entered) => void;
}

/** `type`: undefined for a key that has none. */
export function useSendDraft(type: EventType | undefined): SendDraft {
  const [sent, setSent] = useState<Entered>();
  /** Key of the type that the payload was edited, or kept, for. */
  const [meantFor, setMeantFor] = useState<string>();
  const sample = JSON.stringify(type?.sample ?? {}, null, 2);
  const draft = useDraft<Entered>({
    tenantId: sent?.tenantId ?? "acme",
    userId: sent?.userId ?? "",
    payload: sample,
  });
  const { value } = draft;
  const isPayloadEdited = value.payload !== sample;
  useUnsaved(draft.isEdited && JSON.stringify(value) !== JSON.stringify(sent));
  return {
    value,
    edit: patch => {
      // What is edited further stays meant for the type that it was begun for.
      if (patch.payload !== undefined && !isPayloadEdited) setMeantFor(type?.key);
      draft.edit(patch);
    },
    isInQuestion: isPayloadEdited && type?.sample != null && type.key !== meantFor,
    takeSample: () => draft.edit({ payload: sample }),
    keepPayload: () => setMeantFor(type?.key),
    sent: setSent,
  };
}
