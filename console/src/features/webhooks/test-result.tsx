//! What came of a test, or of an attempt: the answer, or why there is none.

import type { Schemas } from "@/api/client";
import { sentence } from "@/api/problem";
import { whyNot } from "@/features/deliveries/why";
import { useMessages } from "@/i18n";
import { statusText } from "@/logic/outcomes";
import { duration } from "@/logic/time";
import { Badge } from "@/ui/badge";
import { Code, Json } from "@/ui/code";
import { Notice } from "@/ui/states";

type Exchange = Schemas["ExchangeResult"] & { timings: Schemas["Timings"] };

export function TestOutcome({ result }: { result: Schemas["TestResult"] }) {
  const m = useMessages();
  return (
    <div className="stack" data-testid="test-result">
      <Notice tone={result.isSuccess ? "good" : "bad"} role="status">
        <strong>{result.isSuccess ? m.test.worked : m.test.failed}</strong> <Outcome result={result} />
      </Notice>
      <Answer result={result} />
    </div>
  );
}

/** In a sentence. */
export function Outcome({ result }: { result: Exchange }) {
  const m = useMessages();
  const took = duration(result.timings.totalMs, m.locale);
  if (result.statusCode == null) {
    return (
      <>
        {whyNot(result, m)}{" "}
        {result.errorMessage && <span className="small break">{sentence(result.errorMessage)}</span>}
      </>
    );
  }
  return <>{m.test.answered(`${result.statusCode} ${statusText(result.statusCode)}`.trim(), took)}</>;
}

/** Headers and body of an answer. */
export function Answer({ result }: { result: Exchange }) {
  const m = useMessages();
  if (result.statusCode == null) return null;
  return (
    <div className="stack">
      {result.body ? (
        <div className="stack stack-tight">
          <h3>{m.attempt.body}</h3>
          <Json text={result.body} label={m.attempt.body} />
          {result.bodyEnd && result.bodyEnd !== "complete" && (
            <p className="small soft">
              {m.attempt.bodyEnd[result.bodyEnd as keyof typeof m.attempt.bodyEnd] ?? result.bodyEnd}
            </p>
          )}
        </div>
      ) : (
        <p className="soft">{m.attempt.noBody}</p>
      )}
      {result.headers.length > 0 && (
        <div className="stack stack-tight">
          <h3>
            {m.attempt.headers} <Badge>{result.headers.length}</Badge>
          </h3>
          <Code
            text={result.headers.map(({ name, value }) => `${name}: ${value}`).join("\n")}
            wrap
            label={m.attempt.headers}
          />
        </div>
      )}
    </div>
  );
}
