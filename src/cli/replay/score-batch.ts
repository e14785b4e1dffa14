/** New outcomes of stored responses: from recorded scores where they hold, else by asking. */
import { defined } from '../../core/errors.ts';
import type { RewardFunction, RewardOutcome } from '../../reward/composite.ts';
import type { RecordedScores } from './recorded-scores.ts';
import type { StoredBatch, StoredResponse } from './stored-responses.ts';

export type ScoredBatch = {
  readonly batch: StoredBatch;
  readonly outcomes: ReadonlyMap<StoredResponse, RewardOutcome>;
  /** How many of them come from recorded scores. */
  readonly recorded: number;
};

type Scoring = {
  readonly reward: RewardFunction;
  readonly known: RecordedScores;
  /** Called before anybody is asked. @throws MedixError where somebody does not answer */
  readonly reach: () => Promise<void>;
};

/** Outcomes of all responses of a batch that can be read. */
export async function scoreBatch(
  batch: StoredBatch,
  { reward, known, reach }: Scoring,
  signal: AbortSignal,
): Promise<ScoredBatch> {
  const outcomes = new Map<StoredResponse, RewardOutcome>();
  const asked = batch.flatMap((stored) => {
    if (stored.row.kind !== 'readable') return [];
    const outcome = known(stored.row.item, stored.components);
    if (outcome !== undefined) outcomes.set(stored, outcome);
    return outcome === undefined ? [{ stored, item: stored.row.item }] : [];
  });
  const recorded = outcomes.size;
  if (asked.length > 0) {
    await reach();
    const items = asked.map(({ item }) => item);
    const scored = await reward.score(items, signal);
    signal.throwIfAborted();
    for (const [i, { stored }] of asked.entries()) {
      outcomes.set(stored, defined(scored[i], 'outcome'));
    }
  }
  return { batch, outcomes, recorded };
}
