//! Stacking: each series on top of those before it.

export function stacked(series: (number | null)[][]): number[][] {
  let below: number[] = [];
  return series.map(values => {
    below = values.map((value, index) => (value ?? 0) + (below[index] ?? 0));
    return below;
  });
}
