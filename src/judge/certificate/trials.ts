/** Asking a judge about labelled answers, several times over. */
import { aborted, orAborted } from '../../core/async/or-aborted.ts';
import { defined, fail } from '../../core/errors.ts';
import type { Judge, JudgeDescription, JudgeOutcome } from '../judge.ts';
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
  /** Probes of this round that have an outcome, those of an earlier call included. */
  readonly done: number;
  readonly of: number;
  /** Replies of this round that held no verdict. */
  readonly unreadable: number;
};

/** What was asked before, so that a call that was interrupted goes on. */
export type TrialRecord = {
  /** @param round from 1 @param probe place among the probes */
  outcomeOf(round: number, probe: number): JudgeOutcome | undefined;
  add(round: number, probe: number, outcome: JudgeOutcome): Promise<void>;
};

export type TrialOptions = {
  readonly rounds: number;
  readonly signal: AbortSignal;
  /** Opens the record of the judge that was opened. @default remembers nothing */
  readonly openRecord?: (judge: JudgeDescription) => Promise<TrialRecord>;
  readonly onProgress?: (progress: TrialProgress) => void;
};

/**
 * Asks a judge about every probe in each round. Once the signal aborts, it does not wait for the judge.
 * @param openJudge Called for every round; must give a judge that remembers no earlier verdict, on disk
 *   or in memory, or the rounds would repeat the first.
 * @throws MedixError 'judge' when the judge cannot be asked at all or a cap is reached, 'cancelled' when the
 *   signal aborted.
 */
export async function tryJudge(
  openJudge: () => Promise<Judge>,
  probes: readonly Probe[],
  options: TrialOptions,
): Promise<Trial[]> {
  const { rounds, signal, openRecord = async () => forgetful } = options;
  const outcomes: JudgeOutcome[][] = [];
  let record: TrialRecord | undefined;
  let isReady = false;
  for (let round = 1; round <= rounds; round++) {
    const judge = await openJudge();
    try {
      record ??= await openRecord(judge.describe);
      const known = probes.map((_, index) => record?.outcomeOf(round, index));
      if (!isReady && known.includes(undefined)) await requireReady(judge, signal);
      isReady = true;
      const found = await orAborted(askRound(judge, probes, known, record, round, options), signal);
      if (found === aborted) return failInterrupted();
      outcomes.push(found);
    } finally {
      // A judge that is still at work may take long to close.
      await orAborted(judge.close(), signal);
    }
    if (signal.aborted) failInterrupted();
  }
  return probes.map((probe, index) => ({
    probe,
    outcomes: outcomes.map((ofRound) => defined(ofRound[index], 'outcome of a probe')),
  }));
}

const forgetful: TrialRecord = { outcomeOf: () => undefined, add: async () => {} };

async function askRound(
  judge: Judge,
  probes: readonly Probe[],
  known: readonly (JudgeOutcome | undefined)[],
  record: TrialRecord,
  round: number,
  { rounds, signal, onProgress }: TrialOptions,
): Promise<JudgeOutcome[]> {
  let done = 0;
  let unreadable = 0;
  let capped: string | undefined;
  const count = (outcome: JudgeOutcome) => {
    if (outcome.kind === 'unscored' && outcome.cause === 'unparsable') unreadable++;
    onProgress?.({ round, rounds, done: ++done, of: probes.length, unreadable });
  };
  for (const outcome of known) if (outcome) count(outcome);
  // One call for each probe, so that progress shows; the judge bounds what is in flight.
  const outcomes = await Promise.all(
    probes.map(async (probe, index) => {
      const earlier = known[index];
      if (earlier) return earlier;
      const outcome = await askAbout(judge, probe, signal);
      if (signal.aborted) return outcome;
      const isCapped = outcome.kind === 'unscored' && outcome.cause === 'cap-reached';
      if (isCapped) capped = outcome.message;
      else await record.add(round, index, outcome);
      count(outcome);
      return outcome;
    }),
  );
  // Not at once: what was under way still comes in and is recorded.
  if (capped !== undefined) failCapped(capped);
  return outcomes;
}

async function askAbout(judge: Judge, probe: Probe, signal: AbortSignal): Promise<JudgeOutcome> {
  const { question, answer, reference: referenceAnswer, accepted = [] } = probe;
  const [outcome] = await judge.judge([{ question, answer, referenceAnswer, accepted }], signal);
  return defined(outcome, 'outcome of a probe');
}

async function requireReady(judge: Judge, signal: AbortSignal): Promise<void> {
  const reason = await orAborted(judge.probe(signal), signal);
  if (reason === aborted || signal.aborted) return failInterrupted();
  if (reason === undefined) return;
  fail('judge', {
    where: `judge ${judge.describe.id}`,
    expected: 'a judge that can be asked',
    got: `${reason.cause}: ${reason.message}`,
    next: 'start the server or correct the judge section of the config',
  });
}

function failCapped(message: string): never {
  fail('judge', {
    where: 'certifying the judge',
    expected: 'to ask about every labelled answer',
    got: message,
    next: 'the same command with a higher cap goes on where this one stopped',
  });
}

export function failInterrupted(): never {
  fail('cancelled', {
    where: 'certifying the judge',
    expected: 'to run to the end',
    got: 'an interruption',
    next: 'run the same command again: it asks only what has no answer yet',
  });
}
