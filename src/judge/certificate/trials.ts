/** Asking a judge about labelled answers, several times over. */
import { defined, fail } from '../../core/errors.ts';
import type { Judge, JudgeOutcome } from '../judge.ts';
import type { Probe } from './probes.ts';

export type Trial = {
  readonly probe: Probe;
  /** One for each round, in order; at least one. */
  readonly outcomes: readonly JudgeOutcome[];
};

export type TrialProgress = {
  /** From 1. */
  readonly round: number;
  readonly rounds: number;
  /** Probes of this round that have an outcome. */
  readonly done: number;
  readonly of: number;
};

export type TrialOptions = {
  readonly rounds: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TrialProgress) => void;
};

/**
 * Asks a judge about every probe in each round.
 * @param openJudge Called for every round; must give a judge that remembers no earlier verdict, on disk
 *   or in memory, or the rounds would repeat the first.
 * @throws MedixError 'judge' when the judge cannot be asked at all, 'cancelled' when the signal aborted.
 */
export async function tryJudge(
  openJudge: () => Promise<Judge>,
  probes: readonly Probe[],
  { rounds, signal, onProgress }: TrialOptions,
): Promise<Trial[]> {
  const outcomes: JudgeOutcome[][] = probes.map(() => []);
  for (let round = 1; round <= rounds; round++) {
    const judge = await openJudge();
    try {
      if (round === 1) await requireReady(judge, signal);
      let done = 0;
      // One call for each probe, so that progress shows; the judge bounds what is in flight.
      const asked = probes.map(async (probe, index) => {
        outcomes[index]?.push(await askAbout(judge, probe, signal));
        onProgress?.({ round, rounds, done: ++done, of: probes.length });
      });
      await Promise.all(asked);
    } finally {
      await judge.close();
    }
    requireNotCancelled(signal);
  }
  return probes.map((probe, index) => ({
    probe,
    outcomes: defined(outcomes[index], 'outcomes of a probe'),
  }));
}

async function askAbout(judge: Judge, probe: Probe, signal: AbortSignal): Promise<JudgeOutcome> {
  const { question, answer, reference: referenceAnswer, accepted = [] } = probe;
  const [outcome] = await judge.judge([{ question, answer, referenceAnswer, accepted }], signal);
  return defined(outcome, 'outcome of a probe');
}

async function requireReady(judge: Judge, signal: AbortSignal): Promise<void> {
  const reason = await judge.probe(signal);
  requireNotCancelled(signal);
  if (reason === undefined) return;
  fail('judge', {
    where: `judge ${judge.describe.id}`,
    expected: 'a judge that can be asked',
    got: `${reason.cause}: ${reason.message}`,
    next: 'start the server or correct the judge section of the config',
  });
}

function requireNotCancelled(signal: AbortSignal): void {
  if (!signal.aborted) return;
  fail('cancelled', {
    where: 'certifying the judge',
    expected: 'to run to the end',
    got: 'an interruption',
    next: 'run the command again',
  });
}
