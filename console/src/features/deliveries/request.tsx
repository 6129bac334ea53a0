//! What an attempt sent; before the first one, what is known of it already.
import { useQuery } from "@tanstack/react-query";
import { webhookQuery } from "@/features/webhooks/queries";
import { type Messages, useMessages } from "@/i18n";
import { Code, Json } from "@/ui/code";
import { CopyButton } from "@/ui/copy";
import { Notice } from "@/ui/states";
import type { Attempt, SentRequest, WholeDelivery } from "./queries";

/** The headers that follow from the delivery alone. */
export const knownHeaders = ({ delivery, contentType }: WholeDelivery) => [
  { name: "content-type", value: contentType ?? "application/json" },
  { name: "webhook-id", value: delivery.eventId },
];

/** What stands for a value that is not told. */
export function withheldText(why: string, m: Messages): string {
  const texts: Record<string, string> = m.attempt.withheld;
  return texts[why] ?? why;
}

export function Request({ whole, attempt }: { whole: WholeDelivery; attempt: Attempt | undefined }) {
  const { delivery, body, method } = whole;
  const m = useMessages();
  const webhook = useQuery({ ...webhookQuery(delivery.webhookId), enabled: !attempt }).data;
  const url = attempt?.url ?? webhook?.url ?? "";
  return (
    <>
      <p className="break">
        <code>
          {attempt?.request?.method ?? method} {url}
        </code>{" "}
        {url && <CopyButton text={url} label={m.attempt.copyUrl} />}
      </p>
      {!attempt ? (
        <Lines lines={knownHeaders(whole)} note={m.attempt.signaturesNotKept} />
      ) : attempt.request ? (
        <Sent request={attempt.request} />
      ) : (
        <Notice>{m.attempt.notRecorded}</Notice>
      )}
      <div className="stack stack-tight">
        <h3>{m.attempt.body}</h3>
        {body === undefined ? (
          <p className="soft">{m.attempt.bodyNotKept}</p>
        ) : (
          <Json text={body} label={m.attempt.body} />
        )}
      </div>
    </>
  );
}

function Sent({ request }: { request: SentRequest }) {
  const m = useMessages();
  const lines = request.headers.map(({ name, value, withheld }) => ({
    name,
    value: value ?? withheldText(withheld ?? "", m),
  }));
  const isSigned = request.headers.some(({ withheld }) => withheld === "signature");
  return (
    <>
      {request.changedSince && <p className="small soft">{m.attempt.changedSince}</p>}
      <Lines lines={lines} note={isSigned ? m.attempt.signaturesNotKept : undefined} />
      <p className="small soft">
        {m.attempt.deadline(request.deadlineSeconds)} {request.clientCertificate && m.attempt.certificate}
      </p>
    </>
  );
}

function Lines({ lines, note }: { lines: { name: string; value: string }[]; note: string | undefined }) {
  const m = useMessages();
  return (
    <div className="stack stack-tight">
      <h3>{m.attempt.headers}</h3>
      <Code text={lines.map(({ name, value }) => `${name}: ${value}`).join("\n")} wrap label={m.attempt.headers} />
      {note && <p className="small faint">{note}</p>}
    </div>
  );
}
