//! Moments and durations in words.

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

const cache = new Map<string, Intl.RelativeTimeFormat>();

function relative(locale: string): Intl.RelativeTimeFormat {
  let format = cache.get(locale);
  if (!format) {
    format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
    cache.set(locale, format);
  }
  return format;
}

/** "4 minutes ago", "in 2 hours"; "now" below ten seconds; from 30 days on the date. */
export function relativeTime(at: string, now: number, locale: string): string {
  const moment = Date.parse(at);
  if (Number.isNaN(moment)) return at;
  const seconds = Math.round((moment - now) / 1000);
  if (Math.abs(seconds) < 10) return relative(locale).format(0, "second");
  if (Math.abs(seconds) >= 30 * 86_400) {
    return new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(moment);
  }
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? (["second", 1] as const);
  return relative(locale).format(Math.trunc(seconds / size), unit);
}

/** "3 days ago", "tomorrow", "in 2 months": of a date without a time, as `2026-01-31`, which is meant in UTC. */
export function relativeDate(date: string, now: number, locale: string): string {
  const day = 86_400_000;
  const days = Math.floor(Date.parse(date) / day) - Math.floor(now / day);
  if (Number.isNaN(days)) return date;
  const far = Math.abs(days);
  if (far < 31) return relative(locale).format(days, "day");
  const [unit, size] = far < 365 ? (["month", 30.4375] as const) : (["year", 365.25] as const);
  // "Last month" would be a month of the calendar.
  return new Intl.RelativeTimeFormat(locale).format(Math.trunc(days / size) || Math.sign(days), unit);
}

/** The moment to the millisecond, in the reader's zone, which is named. */
export function exactTime(at: string, locale: string): string {
  const moment = Date.parse(at);
  if (Number.isNaN(moment)) return at;
  return new Intl.DateTimeFormat(locale, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3,
    timeZoneName: "short",
  }).format(moment);
}

/** A number of units in the reader's language, with at most that many digits after the point. */
function inUnits(value: number, unit: string, digits: number, locale: string): string {
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits } as const;
  return new Intl.NumberFormat(locale, options).format(value);
}

/** "12 ms", "1.4 sec", "3 min". */
export function duration(ms: number, locale: string): string {
  if (ms > 0 && ms < 1) return `<${inUnits(1, "millisecond", 0, locale)}`;
  if (ms < 1000) return inUnits(Math.max(0, ms), "millisecond", 0, locale);
  if (ms < 60_000) return inUnits(ms / 1000, "second", ms < 10_000 ? 1 : 0, locale);
  if (ms < 3_600_000) return inUnits(ms / 60_000, "minute", 0, locale);
  return inUnits(ms / 3_600_000, "hour", 1, locale);
}

/** Seconds in the largest unit that they reach: "5 sec", "30 min", "2 hr", "1 day". */
export function span(seconds: number, locale: string): string {
  const [unit, size] = UNITS.find(([, length]) => seconds >= length) ?? (["second", 1] as const);
  return inUnits(seconds / size, unit, 1, locale);
}

/** A delay as [`parseDelays`] reads it, which every language writes alike: "5 s", "30 min", "2 h", "1 d". */
export function delayText(seconds: number): string {
  const [letters, size] = (
    [
      ["d", 86_400],
      ["h", 3600],
      ["min", 60],
    ] as const
  ).find(([, length]) => seconds >= length && seconds % length === 0) ?? ["s", 1];
  return `${seconds / size} ${letters}`;
}

/** What a person types for a list of retries: `5s, 30s, 5m, 2h, 1d`, bare numbers are seconds. Null: it cannot be read. */
export function parseDelays(text: string): number[] | null {
  const sizes: Record<string, number> = { s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86_400 };
  const parts = text
    .split(/[,;\n]+/)
    .map(part => part.trim())
    .filter(Boolean);
  const delays: number[] = [];
  for (const part of parts) {
    const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(part);
    const size = match && (match[2] === "" ? 1 : sizes[match[2]?.toLowerCase() ?? ""]);
    if (!match || !size) return null;
    delays.push(Math.round(Number(match[1]) * size));
  }
  return delays;
}

/** The value of an `<input type="datetime-local">` for a moment, in the reader's zone. */
export function toLocalInput(at: string | undefined): string {
  if (!at || Number.isNaN(Date.parse(at))) return "";
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** And back: a moment of the wire. */
export function fromLocalInput(value: string): string | undefined {
  const moment = new Date(value).getTime();
  return value === "" || Number.isNaN(moment) ? undefined : new Date(moment).toISOString();
}

/** "09:12", with the day where that is another one than today's. */
export function clock(at: string, now: number, locale: string): string {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date(now).toDateString();
  return new Intl.DateTimeFormat(locale, {
    ...(isToday ? {} : { day: "numeric", month: "short" }),
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  }).format(date);
}
