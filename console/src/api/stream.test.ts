// @vitest-environment jsdom
import { expect, test } from "vitest";
import { parseMessages } from "./stream";

test("messages are cut where they end, and what is incomplete waits", () => {
  const text = 'event: open\ndata: {}\n\n: alive\n\nevent: delivery\ndata: {"a":\ndata: 1}\n\nevent: del';
  expect(parseMessages(text)).toEqual({
    messages: [
      { event: "open", data: "{}" },
      { event: "delivery", data: '{"a":\n1}' },
    ],
    rest: "event: del",
  });
});
