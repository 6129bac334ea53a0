//! One attempt: what was sent, what was answered, where the time went.
import { sentence } from "@/api/problem";
import { Answer } from "@/features/webhooks/test-result";
import { useMessages } from "@/i18n";
import { statusText } from "@/logic/outcomes";
import { Card } from "@/ui/card";
import { Copyable } from "@/ui/copy";
import { Notice } from "@/ui/states";
import { Tabs } from "@/ui/tabs";
import { CopyAsCurl } from "./copy-as-curl";
import type { Attempt, WholeDelivery } from "./queries";
import { Request } from "./request";
import { Waterfall } from "./waterfall";
import { whyNot } from "./why";

type Tab = "request" | "response" | "timing";

export function AttemptView({
  whole,
  attempt,
  tab,
  onTab,
}: {
  whole: WholeDelivery;
  attempt: Attempt | undefined;
  tab: string;
  onTab: (tab: Tab) => void;
}) {
  const m = useMessages();
  const open: Tab = !attempt || tab === "request" ? "request" : tab === "timing" ? "timing" : "response";
  return (
    <Card
      title={attempt ? m.lifecycle.attempt(attempt.number) : m.attempt.request}
      actions={<CopyAsCurl whole={whole} attempt={attempt} />}
    >
      <Tabs<Tab>
        label={m.deliveries.attempts}
        value={open}
        onChange={onTab}
        tabs={[
          ...(attempt
            ? [{ value: "response" as const, title: m.attempt.response, content: () => <Response attempt={attempt} /> }]
            : []),
          {
            value: "request",
            title: m.attempt.request,
            content: () => <Request whole={whole} attempt={attempt} />,
          },
          ...(attempt
            ? [
                {
                  value: "timing" as const,
                  title: m.attempt.timing,
                  content: () => <Waterfall timings={attempt.timings} />,
                },
              ]
            : []),
        ]}
      />
    </Card>
  );
}

function Response({ attempt }: { attempt: Attempt }) {
  const m = useMessages();
  const good = attempt.statusCode != null && attempt.statusCode >= 200 && attempt.statusCode < 300;
  return (
    <>
      <Notice tone={good ? "good" : "bad"}>
        {attempt.statusCode != null ? (
          <strong>
            {attempt.statusCode} {statusText(attempt.statusCode)}
          </strong>
        ) : (
          <>
            <p className="break">{whyNot(attempt, m)}</p>
            {attempt.errorMessage && <p className="small soft break">{sentence(attempt.errorMessage)}</p>}
          </>
        )}
      </Notice>
      <Answer result={attempt} />
      {attempt.remoteAddress && (
        <p className="small soft">
          {attempt.statusCode != null ? m.attempt.from : m.compareRows.remoteAddress}{" "}
          <Copyable text={attempt.remoteAddress} />
        </p>
      )}
    </>
  );
}
