//! The marks of an axis that begins at zero: none is written as another one of it is.

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
