//! The charts of the overview and of a webhook's health.
import { useCallback, useMemo } from "react";
import type { Schemas } from "@/api/client";
import { useMessages } from "@/i18n";
import { COUNT_STEPS, DURATION_STEPS } from "@/logic/marks";
import { count, percent, shortCount } from "@/logic/numbers";
import { duration, exactTime } from "@/logic/time";
import { usePageSearch } from "@/shell/search";
import { Chart } from "@/ui/chart";
import { Segments } from "@/ui/field";
import { Notice } from "@/ui/states";
import { RANGES, type RangeName, type Statistics } from "./queries";
import "./overview.css";

interface Range {
  name: RangeName;
  choose: (name: RangeName) => void;
}

/** The range of time, which is in the URL. */
export function useRange(): Range {
  const [search, change] = usePageSearch<"range">();
  const name = search.range && search.range in RANGES ? (search.range as RangeName) : "24h";
  return { name, choose: next => change({ range: next === "24h" ? "" : next }) };
}

export function RangeChoice({ range }: { range: Range }) {
  const m = useMessages();
  return (
    <Segments
      label={m.charts.range}
      value={range.name}
      onChange={range.choose}
      options={(Object.keys(RANGES) as RangeName[]).map(name => ({ value: name, title: m.charts.ranges[name] }))}
    />
  );
}

/** Says when the server could not count, so that nobody takes a gap for a quiet time. */
export function Incomplete({ statistics }: { statistics: Statistics }) {
  const m = useMessages();
  return statistics.incomplete.map(({ from, to }) => (
    <Notice key={from} tone="warn">
      {m.charts.incomplete(exactTime(from, m.locale), to ? exactTime(to, m.locale) : m.charts.now)}
    </Notice>
  ));
}

const seconds = (statistics: Statistics) => statistics.points.map(point => Date.parse(point.at) / 1000);

export function DeliveriesChart({ statistics }: { statistics: Statistics }) {
  const m = useMessages();
  const at = useMemo(() => seconds(statistics), [statistics]);
  const series = useMemo(
    () => [
      { label: m.states.delivered, colour: "--good-fill", values: statistics.points.map(point => point.delivered) },
      { label: m.states.failed, colour: "--bad-fill", values: statistics.points.map(point => point.failed) },
      { label: m.states.discarded, colour: "--calm-fill", values: statistics.points.map(point => point.discarded) },
    ],
    [statistics, m],
  );
  const format = useMemo(() => (value: number) => shortCount(value, m.locale), [m]);
  const { delivered, failed, discarded } = statistics.total;
  return (
    <Chart
      label={m.charts.deliveriesLabel(delivered, failed, discarded)}
      at={at}
      series={series}
      kind="stacked"
      steps={COUNT_STEPS}
      format={format}
      locale={m.locale}
    />
  );
}

export function LatencyChart({ statistics }: { statistics: Statistics }) {
  const m = useMessages();
  const at = useMemo(() => seconds(statistics), [statistics]);
  const series = useMemo(
    () => [
      { label: "p50", colour: "--accent-line", values: statistics.points.map(point => point.deliveryMs?.p50 ?? null) },
      { label: "p99", colour: "--warn-fill", values: statistics.points.map(point => point.deliveryMs?.p99 ?? null) },
    ],
    [statistics],
  );
  const format = useCallback((ms: number) => duration(ms, m.locale), [m.locale]);
  const total = statistics.total.deliveryMs;
  return (
    <>
      <Chart
        label={total ? m.charts.latencyLabel(format(total.p50), format(total.p99)) : m.charts.latency}
        at={at}
        series={series}
        kind="lines"
        steps={DURATION_STEPS}
        format={format}
        locale={m.locale}
      />
      {total && <p className="small soft">{m.charts.latencyLabel(format(total.p50), format(total.p99))}</p>}
    </>
  );
}

const CLASSES = [
  ["2xx", "--good-fill"],
  ["3xx", "--warn-fill"],
  ["4xx", "--bad-fill"],
  ["5xx", "--bad-fill"],
  ["other", "--calm-fill"],
  ["none", "--bad-fill"],
] as const;

export function StatusBars({ answers }: { answers: Schemas["Answers"] }) {
  const m = useMessages();
  const whole = CLASSES.reduce((sum, [name]) => sum + answers[name], 0);
  if (whole === 0) return <p className="soft">{m.charts.noAnswers}</p>;
  return (
    <ul className="status-bars">
      {CLASSES.filter(([name]) => answers[name] > 0).map(([name, colour]) => (
        <li key={name}>
          <span>{name === "none" ? m.deliveries.noAnswer : name === "other" ? m.charts.other : name}</span>
          <span className="status-track" aria-hidden="true">
            <span style={{ width: `${(answers[name] / whole) * 100}%`, background: `var(${colour})` }} />
          </span>
          <span className="numeric">
            {count(answers[name], m.locale)} <span className="faint">{percent(answers[name] / whole, m.locale)}</span>
          </span>
        </li>
      ))}
    </ul>
  );
}
