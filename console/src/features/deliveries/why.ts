//! Why an attempt had no answer, in the reader's language. What the server says of it besides is its own, in English.
import { sentence } from "@/api/problem";
import type { Messages } from "@/i18n";

export function whyNot(attempt: { failure?: string | null }, m: Messages): string {
  const texts: Record<string, string> = m.failureTexts;
  return texts[attempt.failure ?? ""] ?? sentence(m.test.noAnswer);
}
