/** Sums over scored rows; however many there are, it takes the same room. */
import type { ScoredRow } from './scored-row.ts';

type Mean = { readonly mean: number | null; readonly scored: number; readonly unscored: number };

export type ScoreSummary = {
  readonly rows: number;
  /** Over the rows that have a reward; null where none has. */
  readonly reward: Mean;
  /** By component, over the rows to which it applies. */
  readonly components: Readonly<Record<string, Mean>>;
  /** Rows without a reward by cause. */
  readonly unscored: Readonly<Record<string, number>>;
};

export type ScoreTally = {
  add(row: ScoredRow): void;
  summary(): ScoreSummary;
};

type Sum = { total: number; scored: number; unscored: number };

export function createScoreTally(): ScoreTally {
  const reward: Sum = { total: 0, scored: 0, unscored: 0 };
  const components = new Map<string, Sum>();
  const causes = new Map<string, number>();
  return {
    add: (row) => {
      addValue(reward, row.reward);
      if (row.cause !== undefined) causes.set(row.cause, (causes.get(row.cause) ?? 0) + 1);
      for (const [name, score] of Object.entries(row.components ?? {})) {
        const sum = components.get(name) ?? { total: 0, scored: 0, unscored: 0 };
        components.set(name, sum);
        addValue(sum, score.kind === 'scored' ? score.value : null);
      }
    },
    summary: () => ({
      rows: reward.scored + reward.unscored,
      reward: meanOf(reward),
      components: Object.fromEntries([...components].map(([name, sum]) => [name, meanOf(sum)])),
      unscored: Object.fromEntries(causes),
    }),
  };
}

function addValue(sum: Sum, value: number | null): void {
  if (value === null) {
    sum.unscored++;
  } else {
    sum.total += value;
    sum.scored++;
  }
}

function meanOf({ total, scored, unscored }: Sum): Mean {
  return { mean: scored === 0 ? null : total / scored, scored, unscored };
}
