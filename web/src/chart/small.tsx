/** Small drawings inside of rows: sparklines, rewards of a group, intervals. */
import { fixed, number, percent } from '../format.ts';

export function Sparkline({
  values,
  label,
}: {
  values: readonly (number | null)[];
  label: string;
}) {
  const measured = values.flatMap((value, i) => (value === null ? [] : [[i, value] as const]));
  if (measured.length < 2) return <span className="quiet">–</span>;
  const low = Math.min(...measured.map(([, value]) => value));
  const high = Math.max(...measured.map(([, value]) => value));
  const x = (i: number) => 2 + (i / Math.max(1, values.length - 1)) * 106;
  const y = (value: number) => 22 - ((value - low) / (high - low || 1)) * 20;
  const points = measured.map(([i, value]) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`);
  const [lastX, lastY] = (points.at(-1) ?? '0,0').split(',');
  const [, first] = measured[0] ?? [0, 0];
  const [, last] = measured.at(-1) ?? [0, 0];
  return (
    <svg
      className="sparkline"
      viewBox="0 0 112 24"
      role="img"
      aria-label={`${label}: from ${number(first)} to ${number(last)}`}
    >
      <polyline points={points.join(' ')} />
      <circle cx={lastX} cy={lastY} r="2" />
    </svg>
  );
}

/** One bar for each rollout of a group; a hollow one was not scored. */
export function RewardStrip({ rewards }: { rewards: readonly (number | null)[] }) {
  const low = Math.min(0, ...rewards.map((reward) => reward ?? 0));
  const high = Math.max(1, ...rewards.map((reward) => reward ?? 0));
  const width = Math.max(3, Math.min(10, Math.floor(150 / Math.max(1, rewards.length)) - 2));
  const step = width + 2;
  const height = (value: number) => Math.max(1.5, ((value - low) / (high - low)) * 28);
  const words = rewards
    .map((reward) => (reward === null ? 'not scored' : fixed(reward)))
    .join(', ');
  return (
    <svg
      className="strip"
      width={rewards.length * step}
      height="32"
      role="img"
      aria-label={`rewards: ${words}`}
    >
      <line x1="0" x2={rewards.length * step} y1="30.5" y2="30.5" className="strip-ground" />
      {rewards.map((reward, i) => {
        // A bar is its place.
        const key = i;
        const place = { x: i * step + 0.5, width };
        return reward === null ? (
          <rect key={key} {...place} y="8" height="22" className="strip-none" />
        ) : (
          <rect
            key={key}
            {...place}
            y={30 - height(reward)}
            height={height(reward)}
            className="strip-bar"
          />
        );
      })}
    </svg>
  );
}

/** A score with its interval on a line from 0 to 1. */
export function IntervalBar({
  score,
  interval,
}: {
  score: number | null;
  interval: { readonly low: number; readonly high: number } | null;
}) {
  if (score === null) return <span className="quiet">no score</span>;
  const words = interval
    ? `, 95 % interval ${percent(interval.low)} to ${percent(interval.high)}`
    : '';
  const x = (value: number) => 4 + Math.max(0, Math.min(1, value)) * 192;
  return (
    <svg
      className="interval"
      viewBox="0 0 200 18"
      role="img"
      aria-label={`${percent(score, 1)}${words}`}
    >
      <line x1="4" x2="196" y1="9" y2="9" className="interval-ground" />
      {[0, 0.25, 0.5, 0.75, 1].map((tick) => (
        <line key={tick} x1={x(tick)} x2={x(tick)} y1="6" y2="12" className="interval-ground" />
      ))}
      {interval && (
        <line x1={x(interval.low)} x2={x(interval.high)} y1="9" y2="9" className="interval-range" />
      )}
      <circle cx={x(score)} cy="9" r="4" className="interval-dot" />
    </svg>
  );
}
