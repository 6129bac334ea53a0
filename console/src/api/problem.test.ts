import { expect, test } from "vitest";
import { consoleWords } from "@/i18n/console";
import { de } from "@/i18n/de";
import { en } from "@/i18n/en";
import { ApiProblem, describeError } from "./problem";

const refused = new ApiProblem(400, {
  code: "url_refused",
  detail: "the address 10.0.0.1 is private",
  errors: [],
  requestId: "r1",
});

test("a refusal is told in the reader's language, and the server's own words stand beside it", () => {
  expect(describeError(refused, { ...consoleWords, ...en })).toMatchObject({
    text: "The address 10.0.0.1 is private.",
    said: undefined,
  });
  expect(describeError(refused, { ...consoleWords, ...de })).toMatchObject({
    text: "An diese URL sendet der Server nicht.",
    said: "the address 10.0.0.1 is private",
  });
});

test("a code that is newer than this page is told in the server's words", () => {
  const unknown = new ApiProblem(400, { code: "not_known_yet", detail: "it is new", requestId: "r1" });
  expect(describeError(unknown, { ...consoleWords, ...de })).toMatchObject({ text: "It is new.", said: undefined });
});
