//! Name, description, URL and deadline.
import { type FormEvent, useState } from "react";
import { issueAt } from "@/api/problem";
import { useMessages } from "@/i18n";
import { givenAgain, hiddenValues, leadsElsewhere } from "@/logic/hidden";
import { urlProblem } from "@/logic/url";
import { onlyEdited } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { TextArea, TextField } from "@/ui/field";
import type { Webhook } from "./queries";
import { SaveCard, useCardDraft } from "./save-card";
import { HiddenAgain } from "./settings-hidden";
import { useEditedSaved } from "./tested";

export function GeneralCard({ webhook }: { webhook: Webhook }) {
  const m = useMessages();
  const face = useFace();
  const draft = useCardDraft(webhook, {
    displayName: webhook.displayName,
    description: webhook.description,
    url: webhook.url,
    deadlineSeconds: String(webhook.deadlineSeconds),
    given: {} as Record<string, string>,
  });
  const { displayName, description, url, deadlineSeconds, given } = draft.value;
  const [tried, setTried] = useState(false);
  const bad = urlProblem(url);
  const hidden = leadsElsewhere(webhook.url, url) ? hiddenValues(webhook) : [];
  const seconds = Number(deadlineSeconds);
  const badDeadline = !Number.isInteger(seconds) || seconds < 1 || seconds > 30;
  const edited = { url: url.trim() !== webhook.url, deadline: seconds !== webhook.deadlineSeconds };
  useEditedSaved(edited);
  const dirty =
    displayName !== webhook.displayName ||
    description !== webhook.description ||
    url !== webhook.url ||
    edited.deadline;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (bad || badDeadline || hidden.some(({ at }) => !given[at])) return;
    setTried(false);
    draft.save({
      ...onlyEdited(draft, {
        displayName: displayName.trim(),
        description: description.trim(),
        url: url.trim(),
        deadlineSeconds: seconds,
      }),
      ...(hidden.length > 0 ? givenAgain(webhook, given) : {}),
    });
  };
  const off = !face.can("writeWebhooks");
  return (
    <SaveCard title={m.settings.general} dirty={dirty && !off} draft={draft} onSubmit={submit}>
      <TextField
        label={m.webhooks.name}
        value={displayName}
        onChange={event => draft.edit({ displayName: event.target.value })}
        disabled={off}
        maxLength={100}
      />
      <TextArea
        label={m.connect.description}
        value={description}
        onChange={event => draft.edit({ description: event.target.value })}
        disabled={off}
        rows={2}
        maxLength={1000}
      />
      <TextField
        label="URL"
        type="url"
        value={url}
        onChange={event => draft.edit({ url: event.target.value })}
        error={bad ? m.connect.urlProblem[bad] : issueAt(draft.error, "/url")}
        className="mono"
        disabled={off}
        spellCheck={false}
      />
      {hidden.length > 0 && (
        <HiddenAgain
          values={hidden}
          given={given}
          onChange={next => draft.edit({ given: next })}
          tried={tried}
          error={draft.error}
        />
      )}
      <TextField
        label={m.settings.deadline}
        hint={m.settings.deadlineHint}
        type="number"
        min={1}
        max={30}
        value={deadlineSeconds}
        onChange={event => draft.edit({ deadlineSeconds: event.target.value })}
        error={badDeadline ? m.settings.deadlineRange : undefined}
        disabled={off}
      />
    </SaveCard>
  );
}
