//! Numbers for people.

/** 0.9987 as "99.9 %": never rounded up to a hundred that it is not, nor down to nothing. */
export function percent(rate: number, locale: string): string {
  const rounded = Math.round(rate * 1000) / 10;
  const shown = rate < 1 && rounded >= 100 ? 99.9 : rate > 0 && rounded <= 0 ? 0.1 : rounded;
  return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 }).format(shown / 100);
}

/** 12,345 */
export function count(value: number, locale: string): string {
  return new Intl.NumberFormat(locale).format(value);
}

/** 1.2M, where there is little room. */
export function shortCount(value: number, locale: string): string {
  return value < 10_000
    ? count(value, locale)
    : new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

/** 262,144 as "256 KiB". */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  if (value < 1024 * 1024) return `${(value / 1024).toFixed(value < 10_240 ? 1 : 0)} KiB`;
  return `${(value / 1024 / 1024).toFixed(1)} MiB`;
}
