//! A card whose content is saved as one.
import type { FormEvent, ReactNode } from "react";
import type { Schemas } from "@/api/client";
import { useMessages } from "@/i18n";
import { type Draft, useDraft, useUnsaved } from "@/shell/drafts";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { ErrorNotice } from "@/ui/states";
import { say } from "@/ui/toast";
import { useChangeWebhook, type Webhook } from "./queries";

/** What a card edits, and its way to the server. */
export interface CardDraft<T extends object> extends Draft<T> {
  save: (patch: Schemas["WebhookPatch"]) => void;
  isSaving: boolean;
  error: unknown;
}

/** `server`: what the card shows of the webhook. Other cards' drafts stay what they are when this one is saved. */
export function useCardDraft<T extends object>(webhook: Webhook, server: T): CardDraft<T> {
  const m = useMessages();
  const change = useChangeWebhook(webhook.id);
  const draft = useDraft(server);
  const save = (patch: Schemas["WebhookPatch"]) => {
    const sent = draft.value;
    change.mutate(patch, {
      onSuccess: () => {
        draft.saved(sent);
        // Read out, too: the region of toasts is live.
        say(m.common.saved);
      },
    });
  };
  const discard = () => {
    draft.discard();
    change.reset();
  };
  return { ...draft, discard, save, isSaving: change.isPending, error: change.error };
}

export function SaveCard<T extends object>({
  title,
  dirty,
  draft,
  onSubmit,
  children,
}: {
  title: ReactNode;
  /** What is edited means something else than what is saved. */
  dirty: boolean;
  draft: CardDraft<T>;
  onSubmit: (event: FormEvent) => void;
  children: ReactNode;
}) {
  const m = useMessages();
  useUnsaved(dirty);
  return (
    <form onSubmit={onSubmit} noValidate>
      <Card
        title={title}
        foot={
          dirty && (
            <>
              <Button onClick={draft.discard}>{m.common.discard}</Button>
              <Button type="submit" look="primary" busy={draft.isSaving}>
                {m.common.save}
              </Button>
            </>
          )
        }
      >
        <div className="stack">
          {children}
          {draft.error ? <ErrorNotice error={draft.error} /> : null}
        </div>
      </Card>
    </form>
  );
}
