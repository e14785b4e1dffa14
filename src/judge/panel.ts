/**
 * Several judges as one. All are asked at once about every item; a judge that fails has no vote, and below a
 * quorum of votes the item is unscored. How much they disagree is part of the outcome.
 */
import type { PanelConfig } from '../config/judge-config.ts';
import { digestOf } from '../core/digest.ts';
import { defined } from '../core/errors.ts';
import { cancelled, type Unscored } from '../core/outcome.ts';
import { oneLine } from '../core/quoted.ts';
import type { TokenUsage } from '../core/usage.ts';
import type { Judge, JudgeOutcome, RubricOutcome } from './judge.ts';
import type { Graded, Judged } from './verdict-memory.ts';
import { describeTie, disagreementOf, isMost, majorityOf } from './votes.ts';

export type PanelOptions = {
  /** At least two, each with a memory of its own. Their order shapes no outcome. */
  readonly judges: readonly Judge[];
  readonly rule: PanelConfig['rule'];
  /** Smallest number of verdicts. @default null, more than half of the judges */
  readonly quorum?: number | null;
};

/** Raised whenever a rule decides otherwise; part of every panel's digest. */
const panelVersion = 1;

/**
 * A verdict follows the rule: `majority`, more than half of all judges; `mean`, the share of verdicts that say
 * right, which then is the score; `unanimous`, right unless some verdict says wrong. Where a majority is
 * wanted and there is none, the item is unscored, as `undecided` or by what failed. Closes the judges with
 * itself.
 */
export function createPanelJudge({ judges, rule, quorum = null }: PanelOptions): Judge {
  const digests = judges.map(({ describe }) => describe.digest);
  const digest = digestOf(['panel', panelVersion, digests.toSorted(), rule, quorum]);
  const settle = { rule, isEnough: (votes: number) => isEnough(votes, judges.length, quorum) };
  const names = judges.map(({ describe }) => describe.id);
  const canGrade = judges.every(({ grade }) => grade !== undefined);
  const rubricDigests = judges.map(({ describe }) => describe.rubricDigest ?? '').toSorted();
  const rubricDigest = digestOf(['panel', panelVersion, rubricDigests, rule, quorum]);
  return {
    describe: {
      id: `panel of ${names.join(', ')}`,
      kind: 'panel',
      digest,
      ...(canGrade ? { rubricDigest } : {}),
    },
    judge: async (items, signal) => {
      const asked = await Promise.all(judges.map((judge) => judge.judge(items, signal)));
      return byItem(items, asked, signal, (outcomes) => verdictOf(outcomes, names, settle));
    },
    ...(canGrade
      ? {
          grade: async (questions, signal) => {
            const asked = await Promise.all(
              judges.map(({ grade }) => defined(grade, 'grading')(questions, signal)),
            );
            return byItem(questions, asked, signal, (outcomes) => marksOf(outcomes, names, settle));
          },
        }
      : {}),
    probe: async (signal) => {
      const failures = await Promise.all(judges.map((judge) => judge.probe(signal)));
      const told = failures.flatMap((failure, i) =>
        failure
          ? [{ ...failure, message: `${names[i]}: ${failure.cause}: ${failure.message}` }]
          : [],
      );
      const [first] = told;
      return first && { ...first, message: told.map(({ message }) => message).join('; ') };
    },
    close: async () => {
      await Promise.all(judges.map((judge) => judge.close()));
    },
  };
}

function isEnough(votes: number, judges: number, quorum: number | null): boolean {
  return quorum === null ? isMost(votes, judges) : votes >= quorum;
}

/** @param asked By judge, one outcome per item each. */
function byItem<Outcome>(
  items: readonly unknown[],
  asked: readonly (readonly Outcome[])[],
  signal: AbortSignal,
  settle: (outcomes: readonly Outcome[]) => Outcome | Unscored,
): (Outcome | Unscored)[] {
  return items.map((_, i) =>
    signal.aborted ? cancelled : settle(asked.map((ofJudge) => defined(ofJudge[i], 'outcome'))),
  );
}

type Settling = {
  readonly rule: PanelConfig['rule'];
  readonly isEnough: (votes: number) => boolean;
};

function verdictOf(
  outcomes: readonly JudgeOutcome[],
  names: readonly string[],
  settling: Settling,
): JudgeOutcome {
  const judged = outcomes.filter((outcome) => outcome.kind === 'judged');
  const failed = failureBelowQuorum(outcomes, judged.length, settling);
  if (failed) return failed;
  const right = judged.filter(({ correct }) => correct).length;
  const vote = settleVote({ right, wrong: judged.length - right }, outcomes, settling.rule);
  if (vote.kind === 'unscored') return vote;
  const said = names.map((name, i) => `${name}: ${sayingOf(outcomes[i])}`);
  return {
    kind: 'judged',
    correct: vote.holds,
    reply: said.join('; '),
    ...(settling.rule === 'mean' ? { share: vote.share } : {}),
    ...(vote.disagreement === undefined ? {} : { disagreement: vote.disagreement }),
    ...askingOf(judged),
  };
}

function marksOf(
  outcomes: readonly RubricOutcome[],
  names: readonly string[],
  settling: Settling,
): RubricOutcome {
  const graded = outcomes.filter((outcome) => outcome.kind === 'graded');
  const failed = failureBelowQuorum(outcomes, graded.length, settling);
  if (failed) return failed;
  const met: boolean[] = [];
  const shares: number[] = [];
  const disagreements: number[] = [];
  for (const [criterion] of (graded[0]?.met ?? []).entries()) {
    const right = graded.filter((one) => one.met[criterion]).length;
    const vote = settleVote({ right, wrong: graded.length - right }, outcomes, settling.rule);
    if (vote.kind === 'unscored') return vote;
    met.push(vote.holds);
    shares.push(vote.share);
    if (vote.disagreement !== undefined) disagreements.push(vote.disagreement);
  }
  const said = names.map((name, i) => `${name}: ${sayingOf(outcomes[i])}`);
  const sum = disagreements.reduce((total, one) => total + one, 0);
  return {
    kind: 'graded',
    met,
    reply: said.join('; '),
    ...(settling.rule === 'mean' ? { shares } : {}),
    ...(disagreements.length > 0 ? { disagreement: sum / disagreements.length } : {}),
    ...askingOf(graded),
  };
}

/** The first failure speaks for all where too few answered. */
function failureBelowQuorum(
  outcomes: readonly (JudgeOutcome | RubricOutcome)[],
  votes: number,
  { isEnough: suffices }: Settling,
): Unscored | undefined {
  const failed = outcomes.find((outcome) => outcome.kind === 'unscored');
  if (suffices(votes) || failed?.kind !== 'unscored') return undefined;
  const message = `${votes} of ${outcomes.length} judges answered, too few; ${failed.message}`;
  return { kind: 'unscored', cause: failed.cause, message };
}

type Vote = {
  readonly kind: 'vote';
  readonly holds: boolean;
  readonly share: number;
  readonly disagreement: number | undefined;
};

function settleVote(
  { right, wrong }: { readonly right: number; readonly wrong: number },
  outcomes: readonly (JudgeOutcome | RubricOutcome)[],
  rule: PanelConfig['rule'],
): Vote | Unscored {
  const share = right / (right + wrong);
  const vote = { kind: 'vote', share, disagreement: disagreementOf(right, wrong) } as const;
  if (rule === 'unanimous') return { ...vote, holds: wrong === 0 };
  if (rule === 'mean') return { ...vote, holds: isMost(right, right + wrong) };
  const holds = majorityOf({ right, wrong, asked: outcomes.length });
  if (holds !== undefined) return { ...vote, holds };
  const failed = outcomes.find((outcome) => outcome.kind === 'unscored');
  const tie = describeTie(right, wrong);
  if (failed?.kind !== 'unscored') return { kind: 'unscored', cause: 'undecided', message: tie };
  return { kind: 'unscored', cause: failed.cause, message: `${tie}; ${failed.message}` };
}

function sayingOf(outcome: JudgeOutcome | RubricOutcome | undefined): string {
  if (outcome === undefined || outcome.kind === 'unscored') return `failed (${outcome?.cause})`;
  const marks = outcome.kind === 'judged' ? [outcome.correct] : outcome.met;
  const votes = marks.map((holds) => (holds ? 'YES' : 'NO')).join(' ');
  const reply = oneLine(outcome.reply.trim(), 60);
  return outcome.kind === 'judged' && reply.toUpperCase() !== votes ? `${votes} (${reply})` : votes;
}

/** They were asked at once: it took as long as the slowest, and the tokens of all. */
function askingOf(given: readonly (Judged | Graded)[]): {
  readonly latencyMs: number;
  readonly tokens?: TokenUsage;
  readonly source: Judged['source'];
} {
  const usages = given.flatMap(({ tokens }) => (tokens === undefined ? [] : [tokens]));
  const sources = given.map(({ source }) => source);
  return {
    latencyMs: Math.max(...given.map(({ latencyMs }) => latencyMs)),
    ...(usages.length > 0
      ? {
          tokens: {
            prompt: usages.reduce((sum, { prompt }) => sum + prompt, 0),
            completion: usages.reduce((sum, { completion }) => sum + completion, 0),
          },
        }
      : {}),
    source: (['model', 'memory'] as const).find((one) => sources.includes(one)) ?? 'rule',
  };
}
