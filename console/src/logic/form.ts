//! A form over the text of a JSON object: its plain values, by their path. Lists and empty objects are left to the JSON editor. What is not
//! edited stays byte for byte as it is written, and numbers are texts: `JSON.parse` would round those beyond a double's precision.
import { membersOf } from "./json";

export interface FormField {
  path: string[];
  kind: "text" | "number" | "boolean";
  /** A number as it is written. */
  value: string | boolean | null;
  /** Where in the text the value stands. */
  start: number;
  end: number;
}

const DEEP = 4;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** `text`: valid JSON. Of members of one name the last counts. */
export function fieldsOf(text: string, start = 0, path: string[] = []): FormField[] {
  const members = new Map<string, FormField[]>();
  for (const { name, start: from, end } of membersOf(text, start)) {
    members.set(name, fieldsAt(text, from, end, [...path, name]));
  }
  return [...members.values()].flat();
}

function fieldsAt(text: string, start: number, end: number, path: string[]): FormField[] {
  const written = text.slice(start, end);
  const place = { path, start, end };
  switch (written[0]) {
    case "{":
      return path.length < DEEP ? fieldsOf(text, start, path) : [];
    case "[":
      return [];
    case '"':
      return [{ ...place, kind: "text", value: JSON.parse(written) as string }];
    case "n":
      return [{ ...place, kind: "text", value: null }];
    case "t":
    case "f":
      return [{ ...place, kind: "boolean", value: written === "true" }];
    default:
      return [{ ...place, kind: "number", value: written }];
  }
}

/** What a number that somebody types is written as in JSON; undefined: it is none. */
export function numberOf(typed: string): string | undefined {
  const trimmed = typed.trim();
  return NUMBER.test(trimmed) ? trimmed : undefined;
}

/** The same text with one value in another's place; `written`: JSON. */
export const setField = (text: string, { start, end }: FormField, written: string): string =>
  text.slice(0, start) + written + text.slice(end);
