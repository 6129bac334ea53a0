//! What the server says when it refuses, and how a person is told.
import type { Messages } from "@/i18n";
import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];

/** An answer that is not a success. */
export class ApiProblem extends Error {
  readonly status: number;
  /** The server's words, where it answered as documented; a proxy in between does not. */
  readonly problem: Problem | undefined;

  constructor(status: number, body: unknown) {
    const problem = isProblem(body) ? body : undefined;
    super(problem?.detail ?? `the server answered ${status}`);
    this.status = status;
    this.problem = problem;
  }

  get code(): string | undefined {
    return this.problem?.code as string | undefined;
  }
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "detail" in body;
}

/** Whether what failed is that a session has ended, or never began. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 401 && error.code !== "credentials_invalid";
}

/** Whether nobody answered, or a proxy in the place of a server that is down. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof ApiProblem) return !error.problem && [502, 503, 504].includes(error.status);
  return error instanceof TypeError || isLate(error);
}

/** Whether no answer came in time. */
const isLate = (error: unknown) => error instanceof DOMException && error.name === "TimeoutError";

/** Whether the server said no: it would say so again. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ApiProblem && error.status < 500;
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof ApiProblem && error.code === code;
}

export interface Described {
  text: string;
  /** The server's own words, in English, where the text is in another language. */
  said: string | undefined;
  details: { at: string; detail: string }[];
  requestId: string | undefined;
}

export function describeError(error: unknown, m: Messages): Described {
  if (error instanceof ApiProblem) {
    const { problem, status } = error;
    if (!problem) return plainly(m.common.serverAnswered(status));
    const details = (problem.errors ?? []).map(({ at, detail }) => ({ at, detail }));
    const only = details.length === 1 && problem.detail.includes(details[0]?.detail ?? "");
    const translated = m.problems[problem.code];
    return {
      text: translated ?? sentence(problem.detail),
      said: translated && problem.detail,
      details: only ? [] : details,
      requestId: status >= 500 ? problem.requestId : undefined,
    };
  }
  if (error instanceof TypeError || isLate(error)) return plainly(m.common.unreachable);
  return plainly(error instanceof Error ? error.message : String(error));
}

const plainly = (text: string): Described => ({ text, said: undefined, details: [], requestId: undefined });

/** What is wrong with one member of a form, by its JSON pointer. */
export function issueAt(error: unknown, pointer: string): string | undefined {
  if (!(error instanceof ApiProblem)) return undefined;
  const found = error.problem?.errors?.find(issue => issue.at === pointer || issue.at.startsWith(`${pointer}/`));
  return found && sentence(found.detail);
}

export function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
