/** From the items of a call to one result each: read, admitted, scored, counted and put on record. */
import type { Clock } from '../../core/async/clock.ts';
import { defined, MedixError } from '../../core/errors.ts';
import type { RewardFunction, RewardOutcome } from '../../reward/composite.ts';
import { explainReward } from '../../reward/explain.ts';
import type { Intake } from './intake.ts';
import { type Journal, journalItem } from './journal.ts';
import type { ServiceMetrics } from './metrics.ts';
import { type ItemReading, type ReadableItem, readItem } from './read-item.ts';
import { type RewardResult, toWire } from './wire.ts';

type ScoringCall = {
  readonly route: string;
  /** As they came; malformed ones get their own result. */
  readonly items: readonly unknown[];
  readonly explain?: boolean;
  /** Aborts when the caller is gone. */
  readonly caller: AbortSignal;
};

export type ScoringOutcome =
  /** One result an item, in the order of the items. */
  | { readonly kind: 'answered'; readonly results: readonly RewardResult[] }
  /** Too much is in work; nothing was scored. */
  | { readonly kind: 'full' }
  /** Nothing more is scored, or not to the end: a drain has run out of time. */
  | { readonly kind: 'draining' }
  /** The journal cannot be written, and nothing goes out that is not on record. */
  | { readonly kind: 'unrecorded'; readonly message: string };

export type ScoreItems = (call: ScoringCall) => Promise<ScoringOutcome>;

export function createScoring(parts: {
  readonly reward: RewardFunction;
  readonly needsImages: ItemReading['needsImages'];
  readonly intake: Intake;
  readonly metrics: ServiceMetrics;
  readonly journal?: Journal;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}): ScoreItems {
  const { reward, needsImages, intake, metrics, journal, clock, wallClock } = parts;
  const reading = { profile: reward.profile, needsImages };

  const score = async ({ route, items, explain = false }: ScoringCall, signal: AbortSignal) => {
    const startedAt = clock.now();
    const read = items.map((item, place) => readItem(item, place, reading));
    const readable = read.filter((item) => item.kind === 'readable');
    const outcomes = await reward.score(
      readable.map(({ item }) => item),
      signal,
    );
    // A profile may turn failures into zeros, but what was cancelled has not failed.
    if (signal.aborted) return undefined;
    const scored = new Map(
      readable.map((item, index) => [item, defined(outcomes[index], 'outcome')] as const),
    );
    const explanationOf = ({ item }: ReadableItem, outcome: RewardOutcome) =>
      explain ? { explanation: [...explainReward(reward.profile, item, outcome.components)] } : {};
    const results = read.map((item) => {
      if (item.kind === 'malformed') {
        const { id, message } = item;
        return { id, kind: 'unscored' as const, cause: 'malformed', message, components: {} };
      }
      const outcome = defined(scored.get(item), 'outcome');
      return { id: item.id, ...toWire(outcome), ...explanationOf(item, outcome) };
    });
    metrics.results(results);
    if (journal !== undefined && scored.size > 0) {
      await journal.record({
        at: new Date(wallClock()).toISOString(),
        route,
        ms: Math.round(clock.now() - startedAt),
        items: [...scored].map(([item, outcome]) => journalItem(item, outcome)),
      });
    }
    return results;
  };

  return async (call) => {
    const admission = intake.admit(call.items.length, call.caller);
    if (admission.kind !== 'admitted') return admission;
    try {
      const results = await score(call, admission.signal);
      return results === undefined ? { kind: 'draining' } : { kind: 'answered', results };
    } catch (error) {
      if (error instanceof MedixError && error.boundary === 'run') {
        return { kind: 'unrecorded', message: error.message };
      }
      throw error;
    } finally {
      admission.leave();
    }
  };
}
