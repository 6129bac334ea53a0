//! The marks of an axis that begins at zero: none is written as another one of it is. And what the marks of an axis of time say.

/** Marks above the one at zero, at most: a chart has room for no more, and steps are written apart for that many. */
export const MARKS = 5;

const scaled = (unit: number, steps: number[]) => steps.map(step => step * unit);

/** Of what is counted there is no half: 1, 2, 5, 10, … to beyond what is counted. */
export const COUNT_STEPS = Array.from({ length: 13 }, (_, digits) => scaled(10 ** digits, [1, 2, 5])).flat();

/** Milliseconds, of which durations write every multiple as it is: the fourth of twenty seconds would be one minute, as the third. */
export const DURATION_STEPS = [
  ...scaled(1, [1, 2, 5, 10, 20, 50, 100, 200, 500]),
  ...scaled(1000, [1, 2, 5, 10, 12]),
  ...scaled(60_000, [1, 2, 5, 10, 30]),
  ...scaled(3_600_000, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]),
];

/** Up to `top`, as far apart as the smallest of the steps that makes few enough of them. */
export function marks(top: number, steps: readonly number[]): number[] {
  const step = steps.find(each => top / each <= MARKS) ?? top;
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, mark) => mark * step);
}

const DAY = 86_400;
const DAY_OF_MONTH = { day: "numeric", month: "short" } as const;
const MONTH = { month: "short", year: "numeric" } as const;

/**
 * What stands at moments in seconds since 1970 that are so many seconds apart: months, days, or times of the day. Below the first of these,
 * and wherever another day begins, stands the day.
 */
export function timeMarks(moments: readonly number[], increment: number, locale: string): string[] {
  if (increment >= DAY) {
    const dates = new Intl.DateTimeFormat(locale, increment >= 28 * DAY ? MONTH : DAY_OF_MONTH);
    return moments.map(moment => dates.format(moment * 1000));
  }
  const times = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const days = new Intl.DateTimeFormat(locale, DAY_OF_MONTH);
  let last: string | undefined;
  return moments.map(moment => {
    const [time, day] = [times.format(moment * 1000), days.format(moment * 1000)];
    const isAnother = day !== last;
    last = day;
    return isAnother ? `${time}\n${day}` : time;
  });
}
