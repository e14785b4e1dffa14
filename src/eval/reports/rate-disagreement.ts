/** Which answers contradict themselves most. Pure: it sees scores and places of rows, no texts. */
import type { AnswerKey } from '../results/records.ts';
import type { Row } from '../results/rows.ts';

type Place = Pick<Row<unknown>, 'offset' | 'bytes'>;

/** What one judging made of an answer. */
export type JudgedTrace = {
  readonly judgingName: string;
  /** In [0, 1]; null without one. */
  readonly score: number | null;
  /** Scores of the votes that have one. */
  readonly votes: readonly number[];
  /** By rule; null where there is no rule, or it finds no option. */
  readonly ruleCorrect: boolean | null;
  /** Where the row stands. */
  readonly verdict: Place;
};

export type AnswerTrace = {
  readonly key: AnswerKey;
  /** Place of the sample in its task. */
  readonly index: number;
  readonly response: Place;
  /** The judging that the report rests on comes first. */
  readonly judged: JudgedTrace[];
};

/** A question whose answers or verdicts contradict each other. */
export type Found = {
  readonly taskId: string;
  readonly reasons: readonly string[];
  /** Above 0: 1 for each full contradiction, less for a partial one. */
  readonly strength: number;
  /** The answers that show it, at least one. */
  readonly answers: readonly AnswerTrace[];
};

/**
 * Questions with a contradiction, the strongest first, then by their place in the task. The answers to one
 * question in one variant are one entry.
 *
 * @param judgingName its scores tell which of several epochs was right
 */
export function rateTraces(
  taskId: string,
  traces: Iterable<AnswerTrace>,
  judgingName: string,
): Found[] {
  const questions = new Map<string, AnswerTrace[]>();
  for (const trace of traces) {
    const question = `${trace.key.sampleId} ${trace.key.variant}`;
    const known = questions.get(question);
    if (known) known.push(trace);
    else questions.set(question, [trace]);
  }
  return [...questions.values()]
    .flatMap((answers) => rateQuestion(taskId, answers, judgingName) ?? [])
    .toSorted((a, b) => b.strength - a.strength || placeOf(a) - placeOf(b));
}

type Contradiction = { readonly reason: string; readonly strength: number };

function rateQuestion(
  taskId: string,
  answers: readonly AnswerTrace[],
  judgingName: string,
): Found | undefined {
  const rated = answers
    .map((answer) => ({ answer, contradictions: contradictionsOf(answer) }))
    .toSorted((a, b) => sum(b.contradictions) - sum(a.contradictions) || byEpoch(a, b));
  const strongest = rated[0];
  const epochs = epochsThatDiffer(answers, judgingName);
  const found = [...(strongest?.contradictions ?? []), ...(epochs ? [epochs.contradiction] : [])];
  if (strongest === undefined || found.length === 0) return undefined;
  const isOneAnswer = epochs === undefined;
  return {
    taskId,
    reasons: found.map(({ reason }) => reason),
    strength: sum(found),
    answers: isOneAnswer ? [strongest.answer] : withStrongest(epochs.shown, strongest),
  };
}

function contradictionsOf({ judged }: AnswerTrace): Contradiction[] {
  const [first] = judged;
  const scores = judged.flatMap(({ score }) => score ?? []);
  const between = spread(scores);
  return [
    ...(first ? againstRule(first) : []),
    ...(between > 0 ? [{ reason: 'judgings differ', strength: between }] : []),
    ...judged.flatMap(({ judgingName, votes }) => {
      const strength = split(votes);
      return strength > 0 ? [{ reason: `votes of ${judgingName} differ`, strength }] : [];
    }),
  ];
}

function againstRule({ score, ruleCorrect }: JudgedTrace): Contradiction[] {
  if (score === null || ruleCorrect === null) return [];
  const isRight = score >= 0.5;
  if (isRight === ruleCorrect) return [];
  const reason = isRight ? 'right by the judge only' : 'right by the rule only';
  return [{ reason, strength: 1 }];
}

function epochsThatDiffer(answers: readonly AnswerTrace[], judgingName: string) {
  const scored = answers.flatMap((answer) => {
    const score = answer.judged.find((one) => one.judgingName === judgingName)?.score ?? null;
    return score === null ? [] : [{ answer, score }];
  });
  const sorted = scored.toSorted((a, b) => b.score - a.score || byEpoch(a, b));
  const [best, worst] = [sorted[0], sorted.at(-1)];
  if (!best || !worst || best.score === worst.score) return undefined;
  return {
    contradiction: { reason: 'epochs differ', strength: best.score - worst.score },
    shown: [best.answer, worst.answer],
  };
}

function withStrongest(
  shown: readonly AnswerTrace[],
  strongest: { readonly answer: AnswerTrace; readonly contradictions: readonly Contradiction[] },
): readonly AnswerTrace[] {
  const isThere = shown.includes(strongest.answer) || strongest.contradictions.length === 0;
  return isThere ? shown : [...shown, strongest.answer];
}

/** Twice the standard deviation: 1 where half of the votes say right and half wrong, 0 where all agree. */
function split(votes: readonly number[]): number {
  if (spread(votes) === 0) return 0;
  const mean = votes.reduce((total, vote) => total + vote, 0) / votes.length;
  const squares = votes.reduce((total, vote) => total + (vote - mean) ** 2, 0);
  return 2 * Math.sqrt(squares / votes.length);
}

function spread(values: readonly number[]): number {
  return values.length < 2 ? 0 : Math.max(...values) - Math.min(...values);
}

function sum(contradictions: readonly Contradiction[]): number {
  return contradictions.reduce((total, { strength }) => total + strength, 0);
}

type OfAnswer = { readonly answer: AnswerTrace };

function byEpoch(a: OfAnswer, b: OfAnswer): number {
  return a.answer.key.epoch - b.answer.key.epoch;
}

function placeOf({ answers }: Found): number {
  return answers[0]?.index ?? 0;
}
