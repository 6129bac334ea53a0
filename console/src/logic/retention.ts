//! How long an environment keeps its events, in whole days.

const DAY = 86_400_000;

export const RETENTION_DAYS = { least: 1, most: 3650 };

/** The number of days that a text says; undefined where it is none that can be. */
export function wholeDays(text: string): number | undefined {
  const digits = text.trim();
  if (!/^\d{1,4}$/.test(digits)) return undefined;
  const days = Number(digits);
  return days >= RETENTION_DAYS.least && days <= RETENTION_DAYS.most ? days : undefined;
}

/** The moment before which nothing is kept. */
export const keptSince = (days: number, now: number): Date => new Date(now - days * DAY);
