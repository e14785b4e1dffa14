/** Figures as people read them. One way throughout: 66.7 % [60.1, 72.3], +3.1 [−0.5, +6.7], 1,024. */
import type { Interval } from '../../statistics/quantile.ts';

/** A share in [0, 1]. */
export function percent(share: number): string {
  return `${fixed(share)} %`;
}

/** A share with its interval, both in per cent; without one where it is not known. */
export function percentWithin(share: number, interval: Interval | null): string {
  if (interval === null) return percent(share);
  return `${percent(share)} [${fixed(interval.low)}, ${fixed(interval.high)}]`;
}

/** A difference of two shares, in percentage points. */
export function pointsWithin(difference: number, interval: Interval | null): string {
  if (interval === null) return signed(difference);
  return `${signed(difference)} [${signed(interval.low)}, ${signed(interval.high)}]`;
}

export function points(difference: number): string {
  return fixed(difference);
}

export function signed(difference: number): string {
  const text = fixed(Math.abs(difference));
  if (Number(text) === 0) return text;
  return `${difference < 0 ? '−' : '+'}${text}`;
}

/** A figure in its own unit, e.g. kappa. */
export function decimalWithin(value: number, interval: Interval | null): string {
  if (interval === null) return value.toFixed(2);
  return `${value.toFixed(2)} [${interval.low.toFixed(2)}, ${interval.high.toFixed(2)}]`;
}

export function pValue(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

export function count(whole: number): string {
  return whole.toLocaleString('en');
}

/** In the currency of the prices, which the config does not name. */
export function money(amount: number | null): string {
  if (amount === null) return '–';
  return amount < 1 ? amount.toPrecision(2) : amount.toFixed(2);
}

/** @param seconds 0 or more */
export function duration(seconds: number): string {
  if (seconds < 0.9995) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Counts by cause: `2 timeout, 1 refused`, most frequent first; a dash for none. */
export function causes(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return sorted.length === 0 ? '–' : sorted.map(([cause, n]) => `${count(n)} ${cause}`).join(', ');
}

/** Names a mean over tasks. */
export function meanOver(tasks: number): string {
  return `mean of ${tasks} ${tasks === 1 ? 'task' : 'tasks'}`;
}

/** Sum over all causes. */
export function totalOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}

function fixed(share: number): string {
  return (100 * share).toFixed(1);
}
