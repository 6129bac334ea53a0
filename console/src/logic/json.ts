//! JSON for people: indented without touching a digit of its numbers, and cut into tokens for colours.

export interface Token {
  at: number;
  kind: "key" | "string" | "number" | "word" | null;
  text: string;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g;

/** Pieces of JSON in order; together they are the text. */
export function jsonTokens(text: string): Token[] {
  const tokens: Token[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const at = match.index;
    if (at > end) tokens.push({ at: end, kind: null, text: text.slice(end, at) });
    end = at + match[0].length;
    tokens.push({ at, kind: kindOf(match[0], text, end), text: match[0] });
  }
  if (end < text.length) tokens.push({ at: end, kind: null, text: text.slice(end) });
  return tokens;
}

function kindOf(token: string, text: string, end: number): Token["kind"] {
  if (token.startsWith('"')) return /^\s*:/.test(text.slice(end, end + 8)) ? "key" : "string";
  return /^[tfn]/.test(token) ? "word" : "number";
}

/**
 * Indents JSON. Numbers stay as they are written: `JSON.parse` would round those beyond a double's precision. Undefined: it is no JSON.
 */
export function prettyJson(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '"') {
      const end = endOfString(text, at);
      out += text.slice(at, end);
      at = end - 1;
    } else if (char === "{" || char === "[") {
      const next = text.slice(at + 1).search(/\S/) + at + 1;
      if (text[next] === "}" || text[next] === "]") {
        out += char + text[next];
        at = next;
      } else {
        depth += 1;
        out += char + line();
      }
    } else if (char === "}" || char === "]") {
      depth -= 1;
      out += line() + char;
    } else if (char === ",") {
      out += `,${line()}`;
    } else if (char === ":") {
      out += ": ";
    } else if (!/\s/.test(char)) {
      out += char;
    }
  }
  return out;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** What is wrong with a text that should be a JSON object; null: nothing. */
export function objectProblem(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? null : "not an object";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A member of a JSON object: its name, and where in the text its value stands. */
export interface Member {
  name: string;
  start: number;
  end: number;
}

/** The members of the JSON object that begins at `start`, white space aside, in the order of the text. */
export function* membersOf(text: string, start = 0): Generator<Member, undefined> {
  let at = skipSpace(text, start);
  if (text[at] !== "{") return;
  at += 1;
  while (at < text.length) {
    at = skipSpace(text, at);
    if (text[at] !== '"') return;
    const keyEnd = endOfString(text, at);
    const name = JSON.parse(text.slice(at, keyEnd)) as string;
    at = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, at);
    yield { name, start: at, end: at + text.slice(at, end).trimEnd().length };
    at = skipSpace(text, end);
    if (text[at] !== ",") return;
    at += 1;
  }
}

/** The text of one member of a JSON object, byte for byte; undefined where there is none. */
export function rawMember(text: string, name: string): string | undefined {
  for (const member of membersOf(text)) {
    if (member.name === name) return text.slice(member.start, member.end);
  }
  return undefined;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (/\s/.test(text[at] ?? "")) at += 1;
  return at;
}

/** Behind the value that begins at `start`: at the comma or bracket that follows it. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const char = text[at];
    if (char === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (char === "{" || char === "[") depth += 1;
    else if (char === "}" || char === "]") {
      if (depth === 0) return at;
      depth -= 1;
    } else if (char === "," && depth === 0) return at;
    at += 1;
  }
  return at;
}
