// @vitest-environment jsdom
import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import type { Messages } from "@/i18n";
import { consoleWords } from "@/i18n/console";
import { en } from "@/i18n/en";
import { clock } from "@/logic/time";
import { summary } from "./attention";

const words: Messages = { ...consoleWords, ...en };

const item = (kind: string, since: string | null): Schemas["Attention"] => ({
  kind,
  since,
  webhookId: kind,
  displayName: kind,
  tenantId: null,
  reason: null,
  failuresInARow: 3,
});

test("what is paused keeps failing like the others, since the first of them", () => {
  const items = [
    item("webhook_disabled", null),
    item("webhook_paused", "2026-06-15T10:00:00Z"),
    item("webhook_failing", "2026-06-15T09:12:00Z"),
  ];
  const since = clock("2026-06-15T09:12:00Z", Date.now(), words.locale);
  expect(summary(items, 3, words)).toBe(`1 webhook was disabled and 2 have kept failing since ${since}.`);
  expect(summary(items, 21, words)).toBe("21 webhooks need attention");
});
