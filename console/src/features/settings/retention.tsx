//! How long the environment keeps its events. Less than before is asked for once more: what is older goes for good.
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Schemas } from "@/api/client";
import { issueAt } from "@/api/problem";
import { useMessages } from "@/i18n";
import { keptSince, wholeDays } from "@/logic/retention";
import { useUnsaved } from "@/shell/drafts";
import { useFace } from "@/shell/face";
import { useEnvironment } from "@/shell/session";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Confirm } from "@/ui/dialog";
import { Choices, TextField } from "@/ui/field";
import { ErrorNotice, Loaded } from "@/ui/states";
import { say } from "@/ui/toast";
import { retentionQuery, useSaveRetention } from "./queries";

export function RetentionCard() {
  const query = useQuery(retentionQuery);
  return <Loaded query={query}>{retention => <Form key={JSON.stringify(retention)} retention={retention} />}</Loaded>;
}

function Form({ retention }: { retention: Schemas["Retention"] }) {
  const m = useMessages();
  const face = useFace();
  const environment = useEnvironment();
  const save = useSaveRetention();
  const [whose, setWhose] = useState<"server" | "own">(retention.days === null ? "server" : "own");
  const [text, setText] = useState(String(retention.effectiveDays));
  /** When it was asked whether to delete what is older by then; undefined: it was not. */
  const [askedAt, setAskedAt] = useState<number>();
  const days = whose === "server" ? null : wholeDays(text);
  const isEdited = days !== retention.days;
  useUnsaved(isEdited);
  const effective = days ?? retention.defaultDays;
  const put = () => {
    if (days !== undefined) save.mutate({ days }, { onSuccess: () => say(m.common.saved) });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (days === undefined) return;
    if (effective < retention.effectiveDays) setAskedAt(Date.now());
    else put();
  };
  const moment = (at: Date) =>
    new Intl.DateTimeFormat(m.locale, { dateStyle: "medium", timeStyle: "short" }).format(at);
  return (
    <form onSubmit={submit} noValidate>
      <Card
        title={m.retention.title}
        foot={
          isEdited && (
            <Button type="submit" look="primary" busy={save.isPending} disabled={days === undefined}>
              {m.common.save}
            </Button>
          )
        }
      >
        <div className="stack">
          <p className="soft">{m.retention.text}</p>
          <Choices
            label={m.retention.title}
            value={whose}
            onChange={setWhose}
            disabled={!face.manages}
            options={[
              { value: "server", title: m.retention.server, text: m.retention.serverText(retention.defaultDays) },
              { value: "own", title: m.retention.own, text: m.retention.ownText },
            ]}
          />
          {whose === "own" && (
            <TextField
              label={m.retention.days}
              inputMode="numeric"
              value={text}
              onChange={event => setText(event.target.value)}
              disabled={!face.manages}
              error={days === undefined ? m.retention.range : issueAt(save.error, "/days")}
            />
          )}
          {save.error && askedAt === undefined && <ErrorNotice error={save.error} />}
        </div>
      </Card>
      <Confirm
        title={m.retention.shorterTitle(effective)}
        text={m.retention.shorterText(moment(keptSince(effective, askedAt ?? 0)))}
        action={m.retention.shorterAction}
        confirmWith={environment.name.trim() || environment.id}
        open={askedAt !== undefined}
        onClose={() => setAskedAt(undefined)}
        onConfirm={put}
        busy={save.isPending}
        error={save.error}
      />
    </form>
  );
}
