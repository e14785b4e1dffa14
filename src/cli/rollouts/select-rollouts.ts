/** Which rollouts are shown, and in which order. Pure. */
import type { RolloutLine } from '../../run/records.ts';
import type { StoredRollout, Verdict } from './stored-rollouts.ts';

export type Selection = {
  /** Bounds included; one without a reward is left out where either is given. */
  readonly minReward?: number;
  readonly maxReward?: number;
  readonly verdict?: Verdict;
  readonly use?: RolloutLine['use'];
  readonly cause?: string;
  readonly source?: string;
  readonly sample?: string;
  /** In question, reference answer or completion; small and capital letters count as equal. */
  readonly text?: string;
};

export function isSelected(rollout: StoredRollout, selection: Selection): boolean {
  const { line, verdict, cause } = rollout;
  const { minReward, maxReward, text } = selection;
  if (minReward !== undefined && !(line.reward !== null && line.reward >= minReward)) return false;
  if (maxReward !== undefined && !(line.reward !== null && line.reward <= maxReward)) return false;
  if (text !== undefined && !holds(line, text.toLowerCase())) return false;
  const wanted: readonly (readonly [unknown, unknown])[] = [
    [selection.verdict, verdict],
    [selection.use, line.use],
    [selection.cause, cause],
    [selection.source, line.source],
    [selection.sample, line.sampleId],
  ];
  return wanted.every(([asked, is]) => asked === undefined || asked === is);
}

function holds({ question = '', reference = '', completion }: RolloutLine, text: string): boolean {
  return [question, reference, completion].some((one) => one.toLowerCase().includes(text));
}

const sortValues = {
  reward: ({ line }) => line.reward,
  length: ({ line }) => line.completionTokens,
  spread: ({ spread }) => spread,
  advantage: ({ line }) => line.advantage,
  logprob: ({ line }) => line.logprob,
} as const satisfies Record<string, (rollout: StoredRollout) => number | null>;

export type SortKey = keyof typeof sortValues;
export const sortKeys = Object.keys(sortValues) as readonly SortKey[];

export type Ranking = {
  add(rollout: StoredRollout): void;
  /** The first of them, in order. */
  ranked(): readonly StoredRollout[];
};

/**
 * Keeps the first `limit` of any number of rollouts; memory holds twice as many. Equal ones stay in the order in
 * which they came; those without a value come last, whatever the direction.
 * @param isReversed the smallest first. @default the largest first
 */
export function createRanking(key: SortKey, limit: number, isReversed = false): Ranking {
  const sortValue = sortValues[key];
  const direction = isReversed ? 1 : -1;
  let kept: { readonly rollout: StoredRollout; readonly place: number }[] = [];
  let count = 0;
  const cut = () => {
    kept = kept
      .toSorted((a, b) => {
        const [left, right] = [sortValue(a.rollout), sortValue(b.rollout)];
        if (left === right) return a.place - b.place;
        if (left === null || right === null) return left === null ? 1 : -1;
        return direction * (left - right);
      })
      .slice(0, limit);
  };
  return {
    add: (rollout) => {
      kept.push({ rollout, place: count++ });
      if (kept.length >= 2 * limit) cut();
    },
    ranked: () => {
      cut();
      return kept.map(({ rollout }) => rollout);
    },
  };
}
