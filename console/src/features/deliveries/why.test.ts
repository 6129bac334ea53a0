import { expect, test } from "vitest";
import type { Messages } from "@/i18n";
import { consoleWords } from "@/i18n/console";
import { de } from "@/i18n/de";
import { en } from "@/i18n/en";
import { whyNot } from "./why";

const english: Messages = { ...consoleWords, ...en };
const german: Messages = { ...consoleWords, ...de };
const now = Date.parse("2026-03-10T12:00:00Z");
const tls = (errorMessage: string) => ({ failure: "tls", errorMessage });

test.each([
  ["the certificate of example.com expired on 2026-03-07", "The endpoint's certificate expired 3 days ago."],
  ["the certificate of example.com expired on 2026-03-10", "The endpoint's certificate expired today."],
  ["the certificate of example.com expired on 2025-12-01", "The endpoint's certificate expired 3 months ago."],
  [
    "a certificate in the chain of example.com expired on 2024-01-01",
    "A certificate in the endpoint's chain expired 2 years ago.",
  ],
  [
    "the certificate of example.com is not valid before 2026-03-12",
    "The endpoint's certificate is not valid yet: its time begins in 2 days.",
  ],
  [
    "the certificate of example.com is not valid before 2026-03-09",
    "The endpoint's certificate was not valid yet: its time began yesterday.",
  ],
])("%s: how long ago comes first", (message, words) => {
  expect(whyNot(tls(message), english, now)).toBe(words);
});

test("in German, too", () => {
  const message = "the certificate of example.com expired on 2026-03-07";
  expect(whyNot(tls(message), german, now)).toBe("Das Zertifikat des Endpunkts ist vor 3 Tagen abgelaufen.");
});

test("without a date, or of another failure, it is the sentence of its kind", () => {
  expect(whyNot(tls("the certificate of example.com is self-signed"), english, now)).toBe(en.failureTexts.tls);
  expect(whyNot({ failure: "timeout", errorMessage: null }, english, now)).toBe(en.failureTexts.timeout);
  expect(whyNot({ failure: "of a later version" }, english, now)).toContain(en.test.noAnswer.slice(1));
});
