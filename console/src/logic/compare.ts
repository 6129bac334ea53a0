//! What two attempts have in common, and what not.

export interface Comparable {
  startedAt: string;
  url: string;
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
  left: string;
  right: string;
  differs: boolean;
}

/** Members first, then answer headers by name; those of both sides. Times of start always differ and are not marked. */
export function differences(left: Comparable, right: Comparable, time: (at: string) => string): Difference[] {
  const row = (name: string, of: (attempt: Comparable) => string, marks = true): Difference => {
    const [a, b] = [of(left), of(right)];
    return { name, left: a, right: b, differs: marks && a !== b };
  };
  const headers = (attempt: Comparable, name: string) =>
    attempt.headers
      .filter(header => header.name.toLowerCase() === name)
      .map(header => header.value)
      .join(", ");
  const names = [...new Set([...left.headers, ...right.headers].map(header => header.name.toLowerCase()))].sort();
  return [
    row("startedAt", attempt => time(attempt.startedAt), false),
    row("url", attempt => attempt.url),
    row("remoteAddress", attempt => attempt.remoteAddress ?? ""),
    row("statusCode", attempt => (attempt.statusCode == null ? "" : String(attempt.statusCode))),
    row("errorMessage", attempt => attempt.errorMessage ?? attempt.failure ?? ""),
    row("totalMs", attempt => `${Math.round(attempt.timings.totalMs)} ms`, false),
    ...names.map(name => row(name, attempt => headers(attempt, name))),
    row("body", attempt => attempt.body ?? ""),
  ];
}
