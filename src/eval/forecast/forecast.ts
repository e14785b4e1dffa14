/**
 * Estimates the calls, tokens, time and money of an evaluation from a pilot, i.e. from what its first
 * answers and verdicts have taken. Pure: the caller measures the pilot.
 */
import { z95 } from '../../statistics/normal.ts';
import { count, duration, money } from '../reports/wording.ts';

/** What one answer, or one verdict, has taken; repeated and failed requests included. */
export type PilotItem = {
  readonly taskId: string;
  readonly calls: number;
  /** Null where the server did not say. */
  readonly tokens: { readonly input: number; readonly output: number } | null;
  /** Time from request to result; null where it is not known for a single item. */
  readonly ms: number | null;
};

export type ForecastPlan = {
  /** Answers or verdicts still to come, by task. */
  readonly remaining: Readonly<Record<string, number>>;
  /** How many are asked for side by side. */
  readonly atOnce: number;
  /** Prices of a million tokens; null where nothing is charged or the price is unknown. */
  readonly prices: { readonly input: number; readonly output: number } | null;
};

type Estimate = {
  readonly expected: number;
  /** Rough 95 % interval; null where a pilot of so few says nothing about the spread. */
  readonly interval: { readonly low: number; readonly high: number } | null;
};

export type Forecast = {
  /** Answers or verdicts that the pilot rests on, and that are to come. */
  readonly pilot: number;
  readonly remaining: number;
  /** Tasks that are not in the pilot: assumed to be like the others. */
  readonly assumed: readonly string[];
  readonly calls: Estimate;
  /** Null where an item of the pilot does not say what it took. */
  readonly tokens: { readonly input: Estimate; readonly output: Estimate } | null;
  /** If the servers keep the pace of the pilot at `atOnce` requests; null where the pace is not known. */
  readonly seconds: Estimate | null;
  /** Null without prices or tokens. */
  readonly money: Estimate | null;
};

/** Number of items in a pilot: enough for a rough interval. */
export const pilotSize = 20;

/**
 * An item of a task is expected to take what the task's items in the pilot took on average; for a task that
 * is not in the pilot, what all items took. The interval allows for differences between items of one task
 * and for the small number seen, but not for a server that slows down.
 *
 * @param pilot at least one item
 */
export function forecast(pilot: readonly PilotItem[], plan: ForecastPlan): Forecast {
  const { remaining, atOnce, prices } = plan;
  const estimate = (of: readonly number[]) => estimateSum(pilot, remaining, of);
  const piloted = new Set(pilot.map(({ taskId }) => taskId));
  const tokens = known(pilot.map((item) => item.tokens));
  const times = known(pilot.map(({ ms }) => ms));
  return {
    pilot: pilot.length,
    remaining: Object.values(remaining).reduce((sum, items) => sum + items, 0),
    assumed: Object.keys(remaining).filter((task) => !piloted.has(task)),
    calls: estimate(pilot.map(({ calls }) => calls)),
    tokens: tokens && {
      input: estimate(tokens.map(({ input }) => input)),
      output: estimate(tokens.map(({ output }) => output)),
    },
    seconds: times && estimate(times.map((ms) => ms / 1000 / atOnce)),
    money:
      tokens &&
      prices &&
      estimate(
        tokens.map(({ input, output }) => (input * prices.input + output * prices.output) / 1e6),
      ),
  };
}

/** All of them, or null where one is not known: a sum over the others would be too low. */
function known<T>(values: readonly (T | null)[]): T[] | null {
  const found = values.filter((value) => value !== null);
  return found.length === values.length ? found : null;
}

/** Lines for people. */
export function formatForecast(what: string, found: Forecast): string[] {
  const { pilot, remaining, assumed, calls, tokens, seconds } = found;
  const whole = (value: number) => count(Math.round(value));
  const facts = [
    `${shown(calls, whole)} calls`,
    tokens === null
      ? 'tokens not reported'
      : `${shown(tokens.input, whole)} input and ${shown(tokens.output, whole)} output tokens`,
    seconds === null ? 'time not known' : shown(seconds, duration),
    ...(found.money === null ? [] : [`${shown(found.money, money)} in money`]),
  ];
  return [
    `${what}: ${count(remaining)} still to do, estimated from a pilot of ${count(pilot)}; brackets hold rough 95 % intervals`,
    `  ${facts.join(', ')}`,
    ...(assumed.length > 0
      ? [`  not in the pilot, so assumed to be like the other tasks: ${assumed.join(', ')}`]
      : []),
  ];
}

function shown({ expected, interval }: Estimate, format: (value: number) => string): string {
  if (interval === null) return `about ${format(expected)}`;
  const { low, high } = interval;
  if (format(low) === format(high)) return format(expected);
  return `${format(expected)} [${format(low)}, ${format(high)}]`;
}

type Seen = {
  readonly items: number;
  readonly mean: number;
  /** Squared deviations from the mean, summed. */
  readonly squares: number;
};

/** @param values of the pilot's items, in their order */
function estimateSum(
  pilot: readonly PilotItem[],
  remaining: Readonly<Record<string, number>>,
  values: readonly number[],
): Estimate {
  const whole = seenOf(values);
  const names = [...new Set(pilot.map(({ taskId }) => taskId))];
  const tasks = new Map(
    names.map((name) => [name, seenOf(values.filter((_, index) => pilot[index]?.taskId === name))]),
  );
  const variance = varianceWithin([...tasks.values()]);
  let expected = 0;
  let uncertainty = 0;
  let isPiloted = true;
  for (const [task, left] of Object.entries(remaining)) {
    const { items, mean } = tasks.get(task) ?? whole;
    isPiloted &&= tasks.has(task) || left === 0;
    expected += left * mean;
    // The uncertainty of the mean, which all remaining items share, plus the spread of the items themselves.
    uncertainty += (variance ?? 0) * (left ** 2 / items + left);
  }
  // How tasks differ from each other is not known from their own items.
  if (variance === undefined || !isPiloted) return { expected, interval: null };
  const halfWidth = z95 * Math.sqrt(uncertainty);
  return {
    expected,
    interval: { low: Math.max(0, expected - halfWidth), high: expected + halfWidth },
  };
}

function seenOf(values: readonly number[]): Seen {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { items: values.length, mean, squares };
}

/** Pooled over tasks; undefined where no task has two items. */
function varianceWithin(tasks: readonly Seen[]): number | undefined {
  const degrees = tasks.reduce((sum, { items }) => sum + items - 1, 0);
  if (degrees === 0) return undefined;
  return tasks.reduce((sum, { squares }) => sum + squares, 0) / degrees;
}
