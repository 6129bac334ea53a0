// Every language says everything: types check that members are there, this that none is empty and that placeholders arrive.
import { expect, test } from "vitest";
import { de } from "@/i18n/de";
import { en } from "@/i18n/en";
import openapi from "../../crates/api/openapi.json";

function walk(value: unknown, path: string, visit: (text: string, path: string) => void): void {
  if (typeof value === "string") visit(value, path);
  else if (typeof value === "function") visit(String(value(...Array.from({ length: value.length }, () => 2))), path);
  else for (const [name, member] of Object.entries(value as object)) walk(member, `${path}.${name}`, visit);
}

test.each([
  ["en", en],
  ["de", de],
])("%s: no words are missing", (_, words) => {
  walk(words, "", (text, path) => {
    expect(text.trim(), path).not.toBe("");
    expect(text, path).not.toMatch(/undefined|NaN|\[object/);
  });
});

test("de: every code of a refusal has its sentence", () => {
  const codes: string[] = openapi.components.schemas.ErrorCode.enum;
  expect(Object.keys(de.problems).sort()).toEqual([...codes].sort());
});
