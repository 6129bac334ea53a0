//! Charts over time. The library that draws them is loaded with the first of them.
import { type ReactNode, Suspense } from "react";
import { part } from "@/shell/code";

export interface Series {
  label: string;
  /** A variable of the look: `--good-fill`. */
  colour: string;
  values: (number | null)[];
}

export interface ChartProps {
  label: string;
  /** Seconds since 1970. */
  at: number[];
  series: Series[];
  kind: "stacked" | "lines";
  /** How far marks of values may be apart, the smallest first. */
  steps: readonly number[];
  format: (value: number) => string;
  locale: string;
}

const Drawn = part(() => import("./chart-drawn"));

export function Chart(props: ChartProps): ReactNode {
  return (
    <figure className="chart">
      <figcaption className="chart-legend">
        {props.series.map(series => (
          <span key={series.label} className="row small soft">
            <span className="chart-mark" style={{ background: `var(${series.colour})` }} />
            {series.label}
          </span>
        ))}
      </figcaption>
      <div className="chart-area">
        <Suspense fallback={null}>
          <Drawn {...props} />
        </Suspense>
      </div>
    </figure>
  );
}
