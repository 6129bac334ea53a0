//! A day in 24 bars: what was delivered above, what failed marked. Plain SVG: a list has many of them.
import { useMessages } from "@/i18n";

const WIDTH = 96;
const HEIGHT = 24;

export function Sparkline({ hours }: { hours: { delivered: number; failed: number; failedAttempts: number }[] }) {
  const m = useMessages();
  const most = Math.max(1, ...hours.map(hour => hour.delivered + Math.max(hour.failed, hour.failedAttempts)));
  const step = WIDTH / Math.max(1, hours.length);
  const delivered = hours.reduce((sum, hour) => sum + hour.delivered, 0);
  const failed = hours.reduce((sum, hour) => sum + hour.failedAttempts, 0);
  const height = (count: number) => (count === 0 ? 0 : Math.max(2, (count / most) * (HEIGHT - 2)));
  return (
    <svg
      className="sparkline"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={m.webhooks.sparkline(delivered, failed)}
    >
      <title>{m.webhooks.sparkline(delivered, failed)}</title>
      <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} stroke="var(--line)" />
      {hours.map((hour, index) => {
        const good = height(hour.delivered);
        const bad = height(Math.max(hour.failed, hour.failedAttempts));
        const x = index * step;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the bars are the hours in order
          <g key={index}>
            <rect x={x} width={step - 1} y={HEIGHT - good} height={good} fill="var(--good-fill)" />
            <rect x={x} width={step - 1} y={HEIGHT - good - bad} height={bad} fill="var(--bad-fill)" />
          </g>
        );
      })}
    </svg>
  );
}
