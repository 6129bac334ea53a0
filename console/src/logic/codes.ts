//! How often each exact answer came, of deliveries by their last attempt.

interface Attempted {
  lastAttempt?: { statusCode?: number | null } | null;
}

export interface CodeCount {
  /** `none`: no answer. */
  code: number | "none";
  count: number;
}

/** The most frequent first; deliveries without an attempt are not counted. */
export function countCodes(deliveries: Attempted[]): CodeCount[] {
  const counts = new Map<CodeCount["code"], number>();
  for (const { lastAttempt } of deliveries) {
    if (!lastAttempt) continue;
    const code = lastAttempt.statusCode ?? "none";
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  const found = [...counts].map(([code, count]) => ({ code, count }));
  return found.sort((a, b) => b.count - a.count || (String(a.code) < String(b.code) ? -1 : 1));
}
