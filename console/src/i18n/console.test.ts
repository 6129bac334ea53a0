import { expect, test } from "vitest";
import { consoleWords } from "./console";

test("what needs attention is one sentence", () => {
  const { summary } = consoleWords.attention;
  expect(summary([{ kind: "webhook_failing", count: 3 }], "09:12")).toBe("3 webhooks have kept failing since 09:12.");
  expect(
    summary(
      [
        { kind: "webhook_failing", count: 1 },
        { kind: "webhook_disabled", count: 2 },
      ],
      undefined,
    ),
  ).toBe("1 webhook has kept failing and 2 were disabled.");
});
