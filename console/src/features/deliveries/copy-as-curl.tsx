//! "Copy as cURL": an attempt's request as a command, and in a word what is not in it.
import { useQuery } from "@tanstack/react-query";
import { Terminal } from "lucide-react";
import { useState } from "react";
import { type Webhook, webhookQuery } from "@/features/webhooks/queries";
import { useMessages } from "@/i18n";
import { type Again, sendAgain } from "@/logic/curl";
import { Button } from "@/ui/button";
import { copyText } from "@/ui/copy";
import { say } from "@/ui/toast";
import type { Attempt, WholeDelivery } from "./queries";
import { knownHeaders } from "./request";

export function CopyAsCurl({ whole, attempt }: { whole: WholeDelivery; attempt: Attempt | undefined }) {
  const { delivery, body } = whole;
  const m = useMessages();
  const { data: webhook, isLoading } = useQuery(webhookQuery(delivery.webhookId));
  const [busy, setBusy] = useState(false);
  const request = attempt?.request;
  const method = request?.method ?? whole.method;
  const url = attempt?.url ?? webhook?.url;
  if (!url || (body === undefined && method !== "GET")) return null;
  const copy = async () => {
    setBusy(true);
    const { text, signing, hidden } = await sendAgain(
      {
        method,
        url,
        headers: request?.headers ?? headersOf(whole, webhook),
        hasCertificate: request?.clientCertificate ?? false,
        body: body ?? null,
        id: delivery.eventId,
        secret: webhook?.secret ?? undefined,
        at: Math.floor(Date.now() / 1000),
      },
      { leftOut: m.attempt.curlLeftOut, certificate: m.attempt.curlCertificate },
    );
    await copyText(text);
    setBusy(false);
    const without = hidden.length > 0 ? ` ${m.attempt.curlWithout(hidden.join(", "))}` : "";
    say(m.attempt.curlCopied[signing] + without);
  };
  return (
    <Button size="small" icon={<Terminal />} busy={busy || isLoading} onClick={() => void copy()}>
      {m.attempt.copyCurl}
    </Button>
  );
}

const SCHEMES = { hmac: "v1,…", ed25519: "v1a,…", both: "v1,… v1a,…" };

/** What a request has for certain whose headers are not recorded, or that is not yet sent. */
function headersOf(whole: WholeDelivery, webhook: Webhook | undefined): Again["headers"] {
  const headers: Again["headers"] = [...knownHeaders(whole), { name: "webhook-timestamp", value: "" }];
  if (webhook && !webhook.isSigned) return headers;
  return [
    ...headers,
    { name: "x-webhook-secret", withheld: "signature" },
    { name: "webhook-signature", value: SCHEMES[webhook?.signature ?? "hmac"], withheld: "signature" },
  ];
}
