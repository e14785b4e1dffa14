/**
 * How near the findings of an answer are to those of the reference, both taken as sets without order: set-distance
 * rewards, SDR (arXiv 2606.00440), for answers that list several findings.
 *
 * SDR splits reports into sentences, embeds them by a frozen encoder and rewards small distances between the two
 * sets of vectors. Here: each finding's best match on the other side, averaged over the answer's findings
 * (precision) and the reference's (recall), and the mean of the two: the symmetric best-match mean, the
 * Chamfer form with cosines. Deviations: of the set distances that SDR compares only this one; semicolons and
 * line ends also part findings; what is said twice counts once, or repeating a sure finding would pay; a
 * cosine at or below a floor counts 0, so that the score lies in [0, 1]; two findings that contradict each
 * other do not match, however near their vectors (`contradiction.ts`); accepted answers are sets of their own,
 * and the nearest set counts.
 */
import { defined } from '../../core/errors.ts';
import type { Score, Unscored } from '../../core/outcome.ts';
import { type Embedder, type EmbedOutcome, nearestOf } from '../../embed/embedder.ts';
import type { AnswerCheck } from '../rules/answer-check.ts';
import { normalForm } from '../rules/normal-form.ts';
import { binaryScore } from '../score.ts';
import type { FindConflict } from './similarity.ts';

/** More than any report has; bounds what an answer that never ends can make an embedder do. */
const mostFindings = 200;

/**
 * The findings of a text, each once, in the order of their text: sentences and clauses between semicolons,
 * without the marks of lists. What holds no letter, digit or sign is no finding.
 */
export function findingsOf(text: string): readonly string[] {
  const phrases = text
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) => line.replace(/^\s*(?:[-*•–]|\d{1,3}[.)])\s+/, ''))
    .flatMap((line) => line.split(/[;；。]|[.!?](?=\s|$)/))
    .map((phrase) => phrase.trim());
  const known = new Set<string>();
  return phrases.toSorted().filter((phrase) => {
    const form = normalForm(phrase).text;
    if (form === '' || known.has(form)) return false;
    known.add(form);
    return true;
  });
}

/**
 * One score per checked answer, in order: 1 for one that equals a right answer, 0 for one that is wrong by rule.
 * All texts that are needed are embedded in one call; one that fails leaves its answers unscored.
 */
export async function scoreByFindings(
  checks: readonly AnswerCheck[],
  embedder: Embedder,
  { floor }: { readonly floor: number },
  findConflict: FindConflict,
  signal: AbortSignal,
): Promise<Score[]> {
  const cases = checks.map(setsOf);
  const sets = cases.flatMap((one) => (isSets(one) ? [one.said, ...one.meant] : []));
  const distinct = [...new Set(sets.flat())];
  const outcomes = distinct.length > 0 ? await embedder.embed(distinct, signal) : [];
  const vectors = new Map(
    distinct.map((text, index) => [text, defined(outcomes[index], 'vector of a finding')]),
  );
  const nearness = (one: string, other: string): number | Unscored => {
    if (findConflict(one, other) !== undefined) return 0;
    const vectorOf = (text: string): EmbedOutcome => defined(vectors.get(text), 'vector');
    const compared = nearestOf(vectorOf(one), [vectorOf(other)]);
    if (compared.kind === 'unscored') return compared;
    return Math.min(1, Math.max(0, (compared.cosine - floor) / (1 - floor)));
  };
  return cases.map((one) => (isSets(one) ? nearestSet(one, nearness) : one));
}

type Sets = {
  readonly said: readonly string[];
  /** Of the reference answer and of each accepted one; none is empty. */
  readonly meant: readonly (readonly string[])[];
};

const isSets = (one: Sets | Score): one is Sets => 'said' in one;

function setsOf(check: AnswerCheck): Sets | Score {
  if (check.kind === 'wrong') return binaryScore(false, check.reason);
  if (check.kind === 'exact') return binaryScore(true, 'exact match');
  const said = findingsOf(check.answer);
  if (said.length === 0) return binaryScore(false, 'no finding');
  if (said.length > mostFindings) return binaryScore(false, `more than ${mostFindings} findings`);
  const meant = [check.referenceAnswer, ...check.accepted]
    .map(findingsOf)
    .filter((findings) => findings.length > 0);
  return meant.length > 0 ? { said, meant } : nothingMeant;
}

const nothingMeant: Unscored = {
  kind: 'unscored',
  cause: 'refused',
  message: 'the reference answer holds no finding to compare with',
};

type Nearness = (said: string, meant: string) => number | Unscored;

function nearestSet({ said, meant }: Sets, nearness: Nearness): Score {
  let best = { kind: 'scored' as const, value: -1 };
  for (const references of meant) {
    const score = compareSets(said, references, nearness);
    // The maximum over only some of the references could be too low.
    if (score.kind === 'unscored') return score;
    if (score.value > best.value) best = score;
  }
  return best;
}

function compareSets(said: readonly string[], meant: readonly string[], nearness: Nearness): Score {
  const bestOfSaid = said.map(() => 0);
  const bestOfMeant = meant.map(() => 0);
  for (const [i, one] of said.entries()) {
    for (const [j, other] of meant.entries()) {
      const near = nearness(one, other);
      if (typeof near !== 'number') return near;
      bestOfSaid[i] = Math.max(bestOfSaid[i] ?? 0, near);
      bestOfMeant[j] = Math.max(bestOfMeant[j] ?? 0, near);
    }
  }
  const precision = meanOf(bestOfSaid);
  const recall = meanOf(bestOfMeant);
  const detail = `precision ${precision.toFixed(3)} of ${said.length}, recall ${recall.toFixed(3)} of ${meant.length}`;
  return { kind: 'scored', value: (precision + recall) / 2, detail };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
