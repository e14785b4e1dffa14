/**
 * What a run will take, from a pilot: calls, tokens, time and money. Pure; whoever holds the first answers,
 * or asks some for the purpose, gives what each has taken.
 */
import { z95 } from '../statistics/normal.ts';
import { count, duration, money } from './reports/wording.ts';

/** What one answer, or one verdict, has taken; repeated and failed requests included. */
export type PilotItem = {
  readonly task: string;
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** From asking to having it. */
  readonly ms: number;
};

export type ForecastPlan = {
  /** Answers or verdicts still to come, by task. */
  readonly remaining: Readonly<Record<string, number>>;
  /** How many are asked for side by side. */
  readonly atOnce: number;
  /** Of a million tokens; null where nothing is charged, or nobody said what. */
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
  /** Tasks without a pilot of their own: taken to be like the others. */
  readonly assumed: readonly string[];
  readonly calls: Estimate;
  readonly inputTokens: Estimate;
  readonly outputTokens: Estimate;
  /** If the servers keep the pace of the pilot at `atOnce` requests. */
  readonly seconds: Estimate;
  readonly money: Estimate | null;
};

/** Items of a pilot that is asked for the purpose: enough for a rough interval. */
export const pilotSize = 20;

/**
 * Each task is expected to go on as its own pilot went, one without a pilot as the whole. The interval
 * knows how items of one task differ and that few were seen; it does not know that a server may slow down.
 *
 * @param pilot at least one item
 */
export function forecast(pilot: readonly PilotItem[], plan: ForecastPlan): Forecast {
  const { remaining, atOnce, prices } = plan;
  const estimate = (of: (item: PilotItem) => number) => estimateSum(pilot, remaining, of);
  const piloted = new Set(pilot.map(({ task }) => task));
  return {
    pilot: pilot.length,
    remaining: Object.values(remaining).reduce((sum, items) => sum + items, 0),
    assumed: Object.keys(remaining).filter((task) => !piloted.has(task)),
    calls: estimate(({ calls }) => calls),
    inputTokens: estimate(({ inputTokens }) => inputTokens),
    outputTokens: estimate(({ outputTokens }) => outputTokens),
    seconds: estimate(({ ms }) => ms / 1000 / atOnce),
    money:
      prices &&
      estimate(
        ({ inputTokens, outputTokens }) =>
          (inputTokens * prices.input + outputTokens * prices.output) / 1e6,
      ),
  };
}

/** Lines for people. */
export function formatForecast(what: string, found: Forecast): string[] {
  const { pilot, remaining, assumed, calls, inputTokens, outputTokens, seconds } = found;
  const whole = (value: number) => count(Math.round(value));
  const tokens = `${shown(inputTokens, whole)} input and ${shown(outputTokens, whole)} output tokens`;
  const price = found.money === null ? '' : `, ${shown(found.money, money)} in money`;
  return [
    `${what}: ${count(remaining)} to come, by a pilot of ${count(pilot)}; brackets hold rough 95 % intervals`,
    `  ${shown(calls, whole)} calls, ${tokens}, ${shown(seconds, duration)}${price}`,
    ...(assumed.length > 0
      ? [`  no pilot of ${assumed.join(', ')}: taken to be like the others`]
      : []),
  ];
}

function shown({ expected, interval }: Estimate, format: (value: number) => string): string {
  if (interval === null) return `about ${format(expected)}`;
  const { low, high } = interval;
  if (format(low) === format(high)) return format(expected);
  return `${format(expected)} [${format(low)}, ${format(high)}]`;
}

type Seen = { readonly items: number; readonly mean: number };

function estimateSum(
  pilot: readonly PilotItem[],
  remaining: Readonly<Record<string, number>>,
  of: (item: PilotItem) => number,
): Estimate {
  const whole = seenOf(pilot.map(of));
  const tasks = new Map<string, Seen>();
  for (const task of new Set(pilot.map((item) => item.task))) {
    tasks.set(task, seenOf(pilot.filter((item) => item.task === task).map(of)));
  }
  const variance = varianceWithin(pilot, tasks, of);
  let expected = 0;
  let uncertainty = 0;
  for (const [task, left] of Object.entries(remaining)) {
    const { items, mean } = tasks.get(task) ?? whole;
    expected += left * mean;
    // Of the mean, which all items to come share, and of the items themselves.
    uncertainty += (variance ?? 0) * (left ** 2 / items + left);
  }
  if (variance === undefined) return { expected, interval: null };
  const halfWidth = z95 * Math.sqrt(uncertainty);
  return {
    expected,
    interval: { low: Math.max(0, expected - halfWidth), high: expected + halfWidth },
  };
}

function seenOf(values: readonly number[]): Seen {
  return {
    items: values.length,
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
  };
}

/** Pooled over tasks; undefined where no task has two items. */
function varianceWithin(
  pilot: readonly PilotItem[],
  tasks: ReadonlyMap<string, Seen>,
  of: (item: PilotItem) => number,
): number | undefined {
  const degrees = pilot.length - tasks.size;
  if (degrees === 0) return undefined;
  const squares = pilot.reduce(
    (sum, item) => sum + (of(item) - (tasks.get(item.task)?.mean ?? 0)) ** 2,
    0,
  );
  return squares / degrees;
}
