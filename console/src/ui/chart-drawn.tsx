//! Drawing a chart with uPlot, in the colours of the look.
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { marks, timeMarks } from "@/logic/marks";
import { stacked } from "@/logic/stacked";
import { useShownMode } from "@/shell/mode";
import type { ChartProps } from "./chart";

const HEIGHT = 200;

export default function ChartDrawn({ label, at, series, kind, steps, format, locale }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const mode = useShownMode();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the mode changes what the colours' variables mean
  useEffect(() => {
    const root = place.current;
    if (!root || at.length === 0) return;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const tops = kind === "stacked" ? stacked(series.map(each => each.values)) : series.map(each => each.values);
    const bars = uPlot.paths.bars?.({ size: [0.8, 40], radius: 0 });
    const dates = new Intl.DateTimeFormat(locale, {
      month: "short",
      day: "numeric",
      hour: "2-digit",
      minute: "2-digit",
    });
    const drawn = series.map((each, index) => ({
      label: each.label,
      stroke: colour(each.colour),
      width: kind === "stacked" ? 0 : 2,
      points: { show: kind === "lines", size: 4 },
      ...(kind === "stacked" ? { fill: colour(each.colour), ...(bars ? { paths: bars } : {}) } : { spanGaps: false }),
      value: (_: uPlot, __: number, ___: number, at: number | null) => {
        const value = at === null ? null : each.values[at];
        return value == null ? "–" : format(value);
      },
      top: tops[index] ?? [],
    }));
    // What lies on top of a stack is the longest bar: it is drawn first, so that the others stand before it.
    if (kind === "stacked") drawn.reverse();
    const axis = {
      stroke: colour("--text-faint"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
      font: `12px ${style.getPropertyValue("--font")}`,
    };
    const options: uPlot.Options = {
      width: root.clientWidth,
      height: HEIGHT,
      legend: { show: true, live: true },
      cursor: { points: { show: kind === "lines" }, drag: { x: false, y: false } },
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          // The library's own are American.
          values: (_, splits, __, ___, increment) => timeMarks(splits, increment, locale),
        },
        {
          ...axis,
          size: 56,
          // The library's own are parts of what is counted, and durations that are written alike.
          splits: (_, __, ___, top) => marks(top, steps),
          values: (_, values) => values.map(value => (value === null ? "" : format(value))),
        },
      ],
      series: [
        // The moment says what it is; for an empty text the library has an English word.
        { label: "\u00a0", value: (_, value) => (value === null ? "" : dates.format(value * 1000)) },
        ...drawn.map(({ top: _, ...options }) => options as uPlot.Series),
      ],
    };
    const plot = new uPlot(options, [at, ...drawn.map(each => each.top)] as uPlot.AlignedData, root);
    const observer = new ResizeObserver(() => plot.setSize({ width: root.clientWidth, height: HEIGHT }));
    observer.observe(root);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [at, series, kind, steps, format, locale, mode]);
  return <div ref={place} role="img" aria-label={label} />;
}
