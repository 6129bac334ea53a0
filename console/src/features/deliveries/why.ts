//! Why an attempt had no answer, in the reader's language. What the server says of it besides is its own, in English.
import { sentence } from "@/api/problem";
import type { Messages } from "@/i18n";
import { relativeDate } from "@/logic/time";

interface Unanswered {
  failure?: string | null;
  errorMessage?: string | null;
}

export function whyNot(attempt: Unanswered, m: Messages, now = Date.now()): string {
  const texts: Record<string, string> = m.failureTexts;
  const dated = attempt.failure === "tls" ? untimely(attempt.errorMessage ?? "", m, now) : undefined;
  return dated ?? texts[attempt.failure ?? ""] ?? sentence(m.test.noAnswer);
}

/** Of a certificate out of its time, how long ago or how soon: the server's message has the date. */
function untimely(message: string, m: Messages, now: number): string | undefined {
  const expired = /\b(the|a) certificate .*expired on (\d{4}-\d\d-\d\d)/.exec(message);
  if (expired?.[2]) {
    const words = expired[1] === "the" ? m.certificate.expired : m.certificate.chainExpired;
    return words(relativeDate(expired[2], now, m.locale));
  }
  const [, begins] = /is not valid before (\d{4}-\d\d-\d\d)/.exec(message) ?? [];
  if (!begins) return undefined;
  const words = Date.parse(begins) > now ? m.certificate.notYet : m.certificate.wasNotYet;
  return words(relativeDate(begins, now, m.locale));
}
