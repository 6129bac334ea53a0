//! What two attempts have in common, and what not.

export interface Sent {
  method: string;
  headers: { name: string; value?: string | null; withheld?: string | null }[];
  authentication?: string | null;
  clientCertificate: boolean;
  deadlineSeconds: number;
  settingsRevision: number;
}

export interface Comparable {
  startedAt: string;
  url: string;
  /** Null where it was not recorded. */
  request?: Sent | null;
  remoteAddress?: string | null;
  statusCode?: number | null;
  failure?: string | null;
  errorMessage?: string | null;
  headers: { name: string; value: string }[];
  body?: string | null;
  timings: { totalMs: number };
}

export interface Difference {
  name: string;
  /** Whether the name is a header's. */
  isHeader: boolean;
  left: string;
  right: string;
  differs: boolean;
}

export interface Comparison {
  request: Difference[];
  response: Difference[];
  /** Whether the webhook's settings were changed between the two, hidden ones included; undefined where nobody knows. */
  settingsChanged: boolean | undefined;
}

/** What the comparison says in the reader's language. */
export interface Words {
  time: (at: string) => string;
  withheld: (why: string) => string;
  notRecorded: string;
  certificateShown: string;
}

/** They are another one's at each attempt, and say nothing. */
const ALWAYS_OTHERS = ["frontegg-trace-id", "webhook-timestamp"];

/** Members first, then headers by name; those of both sides. Times of start always differ and are not marked. */
export function differences(left: Comparable, right: Comparable, words: Words): Comparison {
  const row = (name: string, of: (attempt: Comparable) => string, marks = true): Difference => {
    const [a, b] = [of(left), of(right)];
    return { name, isHeader: false, left: a, right: b, differs: marks && a !== b };
  };
  return {
    request: [
      row("startedAt", attempt => words.time(attempt.startedAt), false),
      row("url", attempt => attempt.url),
      ...sent(left.request, right.request, words),
    ],
    response: [
      row("remoteAddress", attempt => attempt.remoteAddress ?? ""),
      row("statusCode", attempt => (attempt.statusCode == null ? "" : String(attempt.statusCode))),
      row("errorMessage", attempt => attempt.errorMessage ?? attempt.failure ?? ""),
      row("totalMs", attempt => `${Math.round(attempt.timings.totalMs)} ms`, false),
      ...names(left.headers, right.headers).map(name => ({
        ...row(name, attempt => values(attempt.headers, name)),
        isHeader: true,
      })),
      row("body", attempt => attempt.body ?? ""),
    ],
    settingsChanged: changed(left, right),
  };
}

function changed(left: Comparable, right: Comparable): boolean | undefined {
  if (left.url !== right.url) return true;
  if (!left.request || !right.request) return undefined;
  return left.request.settingsRevision !== right.request.settingsRevision;
}

/** Nothing is marked beside a request that was not recorded: nobody knows. */
function sent(left: Sent | null | undefined, right: Sent | null | undefined, words: Words): Difference[] {
  if (!left && !right) return [];
  const marks = Boolean(left && right);
  const row = (name: string, of: (request: Sent) => string): Difference => {
    const [a, b] = [left, right].map(request => (request ? of(request) : words.notRecorded)) as [string, string];
    return { name, isHeader: false, left: a, right: b, differs: marks && a !== b };
  };
  const told = (request: Sent) =>
    request.headers.map(({ name, value, withheld }) => ({ name, value: value ?? words.withheld(withheld ?? "") }));
  const rows = [
    row("method", request => request.method),
    row("authentication", request => request.authentication ?? ""),
    row("clientCertificate", request => (request.clientCertificate ? words.certificateShown : "")),
    row("deadlineSeconds", request => `${request.deadlineSeconds} s`),
  ];
  const headers = names(left?.headers ?? [], right?.headers ?? []).map(name => {
    const header = row(name, request => values(told(request), name));
    return { ...header, isHeader: true, differs: header.differs && !ALWAYS_OTHERS.includes(name) };
  });
  return [...rows.filter(({ left, right }) => left || right), ...headers];
}

function names(left: { name: string }[], right: { name: string }[]): string[] {
  return [...new Set([...left, ...right].map(header => header.name.toLowerCase()))].sort();
}

function values(headers: { name: string; value: string }[], name: string): string {
  return headers
    .filter(header => header.name.toLowerCase() === name)
    .map(header => header.value)
    .join(", ");
}
