import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { accentVariables, contrast, isColour } from "./colour";
import { type FormField, fieldsOf, numberOf, setField } from "./form";
import { lifecycle } from "./lifecycle";
import { percent } from "./numbers";
import { progressOf } from "./progress";
import { lengthOf, newKey, newSecret } from "./secret";
import { signatureHeaders } from "./sign";
import { curl, quoted, verificationSnippet } from "./snippets";
import { stacked } from "./stacked";
import { timeline } from "./timeline";
import { urlProblem } from "./url";

test("whatever accent a vendor chooses, text on it and in it can be read", () => {
  for (const accent of ["#4353d8", "#ffee00", "#000000", "#ffffff", "#ff0000", "#7f7f7f", "#00ff88"]) {
    for (const mode of ["light", "dark"] as const) {
      const made = accentVariables(accent, mode) as Record<
        "--accent" | "--on-accent" | "--accent-soft" | "--accent-text",
        string
      >;
      expect(contrast(made["--accent"], made["--on-accent"]), `${accent} ${mode}`).toBeGreaterThanOrEqual(4.5);
      expect(contrast(made["--accent-text"], made["--accent-soft"]), `${accent} ${mode}`).toBeGreaterThanOrEqual(4.5);
    }
  }
  expect(["#fff", "red", "#12345g", "#123456;"].some(isColour)).toBe(false);
});

/** The surfaces of a mode, as the look has them. */
function surfaces(mode: "light" | "dark"): string[] {
  const look = readFileSync(new URL("../ui/tokens.css", import.meta.url), "utf8");
  const [, variables = ""] = look.split(new RegExp(`^\\[data-mode="${mode}"\\] \\{$`, "m"));
  const [own = ""] = variables.split("}");
  const found = ["ground", "surface", "raised"].map(name => own.match(`--${name}: (#[0-9a-f]{6});`)?.[1]);
  return found.map(colour => colour ?? `no surface of the mode ${mode}`);
}

test("whatever accent a vendor chooses, lines in it and buttons filled with it are seen", () => {
  const grounds = { light: surfaces("light"), dark: surfaces("dark") };
  expect([...grounds.light, ...grounds.dark].every(isColour)).toBe(true);
  for (const accent of ["#4353d8", "#111827", "#ffe000", "#000000", "#ffffff", "#7f7f7f", "#00ff88"]) {
    for (const mode of ["light", "dark"] as const) {
      const made = accentVariables(accent, mode) as Record<"--accent" | "--accent-line" | "--accent-edge", string>;
      const edge = made["--accent-edge"] === "transparent" ? made["--accent"] : made["--accent-edge"];
      for (const ground of grounds[mode]) {
        expect(contrast(made["--accent-line"], ground), `${accent} on ${ground}`).toBeGreaterThanOrEqual(3);
        expect(contrast(edge, ground), `${accent} on ${ground}`).toBeGreaterThanOrEqual(3);
      }
    }
  }
  // One that is seen stays as it is.
  expect(accentVariables("#0a7d5a", "light")).toMatchObject({
    "--accent-line": "#0a7d5a",
    "--accent-edge": "transparent",
  });
});

test("a form has the plain values of a sample, and changes one at a time", () => {
  const sample = { user: { email: "a@b.c", verified: true, roles: [{ id: 1 }] }, count: 3, none: null };
  const text = JSON.stringify(sample, null, 2);
  const fields = fieldsOf(text);
  expect(fields.map(field => `${field.path.join(".")} ${field.kind}`)).toEqual([
    "user.email text",
    "user.verified boolean",
    "count number",
    "none text",
  ]);
  const edited = setField(text, fields[0] as FormField, '"x"');
  expect(JSON.parse(edited)).toEqual({ ...sample, user: { ...sample.user, email: "x" } });
});

test("a form touches nothing of a payload but the value that is edited", () => {
  const text = '{"n":12345678901234567890, "price" : 1.10,"name":"x\\u0041","e":1e400 ,"deep":{"z":-0.0},"n":2.50}';
  const fields = fieldsOf(text);
  expect(fields.map(field => [field.path.join("."), field.value])).toEqual([
    ["n", "2.50"],
    ["price", "1.10"],
    ["name", "xA"],
    ["e", "1e400"],
    ["deep.z", "-0.0"],
  ]);
  expect(setField(text, fields[2] as FormField, '"y"')).toBe(text.replace('"x\\u0041"', '"y"'));
  expect(setField(text, fields[1] as FormField, "-2.50")).toBe(text.replace("1.10", "-2.50"));
});

test("a number is sent as it is typed, and what is none is not taken for one", () => {
  for (const typed of ["-2.50", "0", "12345678901234567890", "1e400", "1.10"]) expect(numberOf(typed)).toBe(typed);
  expect(numberOf(" 7 ")).toBe("7");
  for (const typed of ["", "-", "1.", ".5", "01", "+1", "1,5", "0x10", "Infinity", "1e"]) {
    expect(numberOf(typed), typed).toBeUndefined();
  }
});

test("a delivery's life ends with how it ended, or with what it waits for", () => {
  const attempts = Array.from({ length: 9 }, (_, index) => ({
    id: `${index}`,
    number: index + 1,
    startedAt: `2026-01-01T00:00:0${index}Z`,
    statusCode: 500,
  }));
  const delivery = { state: "retrying", origin: "event", createdAt: "a", nextAttemptAt: "b", attempts: 9 };
  const steps = lifecycle(delivery, attempts, 0);
  expect(steps.map(step => step.kind)).toEqual([
    "accepted",
    "matched",
    "attempt",
    "attempt",
    "more",
    "attempt",
    "attempt",
    "attempt",
    "attempt",
    "next",
  ]);
  expect(steps[4]).toMatchObject({ count: 3 });
  expect(lifecycle({ ...delivery, state: "failed", reason: "gone", endedAt: "e" }, [], 0).at(-1)).toEqual({
    kind: "failed",
    tone: "bad",
    at: "e",
    reason: "gone",
  });
  expect(lifecycle({ ...delivery, state: "pending", attempts: 0 }, [], 0).at(-1)).toMatchObject({
    kind: "next",
    isFirst: true,
  });
});

test("what is still to come has no time that has passed, and waits for its webhook's pause", () => {
  const now = Date.parse("2026-01-01T12:00:00Z");
  const [before, soon, later] = ["2026-01-01T11:48:00Z", "2026-01-01T12:04:00Z", "2026-01-01T12:30:00Z"] as const;
  const waits = (more: { nextAttemptAt: string | null; waitingFor?: string }, pausedUntil?: string | null) => {
    const delivery = { state: "retrying", origin: "event", createdAt: before, attempts: 1, ...more };
    return lifecycle(delivery, [], now, pausedUntil).at(-1);
  };
  const rows = [
    [waits({ nextAttemptAt: before }, soon), { for: "pause", until: soon }],
    [waits({ nextAttemptAt: soon }, later), { for: "pause", until: later }],
    // A retry that comes after the pause waits for its own time.
    [waits({ nextAttemptAt: later }, soon), { for: "time", until: later }],
    [waits({ nextAttemptAt: later }), { for: "time", until: later }],
    [waits({ nextAttemptAt: before }, before), { for: "nothing" }],
    [waits({ nextAttemptAt: before }), { for: "nothing" }],
    [waits({ nextAttemptAt: null }, soon), { for: "nothing" }],
    [waits({ nextAttemptAt: before, waitingFor: "turn" }, soon), { for: "something", name: "turn" }],
  ] as const;
  for (const [step, expected] of rows) expect(step).toMatchObject({ kind: "next", waits: expected });
});

test("a share is a hundred percent only when it is", () => {
  expect([1, 0.99999, 0.5, 0.00001, 0].map(rate => percent(rate, "en"))).toEqual([
    "100%",
    "99.9%",
    "50%",
    "0.1%",
    "0%",
  ]);
});

test("progress ends at one, and an unknown total has none", () => {
  expect(progressOf({ state: "running", total: 100, done: 30, skipped: 5, failed: 10 })).toBe(0.4);
  expect(progressOf({ state: "running", total: null, done: 30, skipped: 0, failed: 0 })).toBe(0);
  expect(progressOf({ state: "completed", total: null, done: 30, skipped: 0, failed: 0 })).toBe(1);
});

test("secrets are strong, and counted as the server counts them", () => {
  expect(newSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(new Set(Array.from({ length: 50 }, newKey)).size).toBe(50);
  expect(lengthOf("🔑🔑")).toBe(2);
});

test("a copied request is signed as the server signs", async () => {
  const key = Buffer.from("0123456789abcdef");
  const [jwt, signature] = await signatureHeaders(`whsec_${key.toString("base64")}`, "msg", 1700000000, '{"a":1}');
  expect(signature?.value).toBe(`v1,${createHmac("sha256", key).update('msg.1700000000.{"a":1}').digest("base64")}`);
  const [head = "", claims = "", proof] = (jwt?.value ?? "").split(".");
  expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toEqual({ iat: 1700000000, exp: 1700000300 });
  expect(proof).toBe(
    createHmac("sha256", `whsec_${key.toString("base64")}`)
      .update(`${head}.${claims}`)
      .digest("base64url"),
  );
});

test("no payload breaks out of the shell's quotes", () => {
  expect(quoted("it's $(rm -rf ~) `x`")).toBe("'it'\\''s $(rm -rf ~) `x`'");
  const command = curl({ method: "POST", url: "http://a/?b=1&c", headers: [{ name: "x", value: "y'z" }], body: "{}" });
  expect(command).toBe("curl --globoff -X POST 'http://a/?b=1&c' \\\n  -H 'x: y'\\''z' \\\n  --data-raw '{}'");
});

test("there is a verification for each language", () => {
  for (const language of ["node", "python", "go", "rust"] as const)
    expect(verificationSnippet(language)).toContain("whsec_");
});

test("stacks add up", () => {
  expect(
    stacked([
      [1, 2],
      [3, null],
      [0, 1],
    ]),
  ).toEqual([
    [1, 2],
    [4, 2],
    [4, 3],
  ]);
});

test("a timeline stays within its whole; a kept connection has no parts before the wait", () => {
  const parts = timeline({ dnsMs: 10, connectMs: 20, tlsMs: null, firstByteMs: 80, totalMs: 100 });
  expect(parts.map(part => [part.name, part.ms])).toEqual([
    ["dns", 10],
    ["connect", 20],
    ["tls", null],
    ["waiting", 50],
    ["body", 20],
  ]);
  expect(parts.every(part => part.start + part.length <= 1.0001)).toBe(true);
  expect(timeline({ totalMs: 0 }).map(part => part.name)).toEqual(["dns", "connect", "tls"]);
});

test("URLs are judged before they are sent", () => {
  expect(["", "nonsense", "ftp://a", "https://u:p@a/", "https://a/b"].map(urlProblem)).toEqual([
    "missing",
    "unreadable",
    "scheme",
    "credentials",
    null,
  ]);
});
