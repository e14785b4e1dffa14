/** What the quickstart shows: progress, six answers before and after, the closing table. */
import type { WallClock } from '../../core/async/clock.ts';
import { parseResponse } from '../../data/response.ts';
import { type BeforeAfter, isCorrect, type ScoreSummary } from '../../train/before-after.ts';
import type { RunObserver } from '../../train/observers.ts';
import type { ScoredRollout } from '../../train/score-rollouts.ts';
import type { Terminal } from '../terminal.ts';
import type { Sight } from './held-out.ts';

const linesEvery = 10;

/** A status line for every iteration on a terminal, and a line for every tenth. */
export function quickstartObserver(terminal: Terminal, clock: WallClock): RunObserver {
  let started = clock();
  let first = 0;
  return {
    name: 'terminal',
    event: (_, event) => {
      if (event.kind === 'started') {
        started = clock();
        first = event.iteration;
        const from = first > 0 ? `, resumed after iteration ${first}` : '';
        terminal.print(`Reinforcement learning: ${event.iterations} iterations of DAPO${from}`);
      }
      if (event.kind === 'rescored') {
        terminal.print(
          `${event.unscored} answers could not be scored; after a second attempt ${event.stillUnscored} still have no score`,
        );
      }
    },
    iteration: ({ iteration, iterations, values }) => {
      const perIteration = (clock() - started) / (iteration - first);
      const share = (key: string) => percent(values[key] ?? Number.NaN);
      const bar = progressBar(iteration / iterations);
      const line = `${bar} ${iteration}/${iterations}  reward ${(values['reward/mean'] ?? Number.NaN).toFixed(3)}  right ${share('reward/judge/mean')}  ${timeLeft((iterations - iteration) * perIteration)}`;
      if (iteration % linesEvery === 0) terminal.print(line);
      else terminal.showStatus(line);
    },
  };
}

function progressBar(done: number): string {
  const width = 20;
  const filled = Math.round(done * width);
  return `[${'='.repeat(filled)}${' '.repeat(width - filled)}]`;
}

function timeLeft(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60
    ? `${seconds} s left`
    : `${Math.floor(seconds / 60)} min ${seconds % 60} s left`;
}

export function closingTable({
  before,
  after,
  questions,
  accuracyGain,
  mcnemarP,
  ...sight
}: BeforeAfter & Sight): string[] {
  const row = (name: string, key: keyof ScoreSummary) =>
    `  ${name.padEnd(34)}${percent(before[key]).padStart(9)}${percent(after[key]).padStart(9)}`;
  const shares = (name: string, { before, after }: Sight['readingAccuracy']) =>
    `  ${name.padEnd(34)}${percent(before).padStart(9)}${percent(after).padStart(9)}`;
  const [low, high] = accuracyGain.ci95;
  return [
    '',
    `  ${`${questions} held-out questions`.padEnd(34)}${'before'.padStart(9)}${'after'.padStart(9)}`,
    row('answers right (reference-match)', 'accuracy'),
    shares('  with a grey image', sight.blindAccuracy),
    shares('  less those with another image', sight.imageDependence),
    shares('thinking says all that is seen', sight.readingAccuracy),
    row('close to the reference answer', 'similarity'),
    row('modality named', 'modality'),
    row('output format kept', 'format'),
    row('composite reward', 'reward'),
    '',
    `  gain ${accuracyGain.points.toFixed(1)} points, 95 % interval ${low.toFixed(1)} to ${high.toFixed(1)}, McNemar p = ${mcnemarP.toPrecision(2)}`,
  ];
}

/** Six questions: those that changed from wrong to right first, then the opposite, then the rest. */
export function exampleAnswers(
  before: readonly ScoredRollout[],
  after: readonly ScoredRollout[],
): string[] {
  const pairs = before.map((one, i) => ({ one, other: after[i] ?? one }));
  const kind = (rightBefore: boolean, rightAfter: boolean) =>
    pairs.filter(
      ({ one, other }) => isCorrect(one) === rightBefore && isCorrect(other) === rightAfter,
    );
  const chosen = [
    ...kind(false, true).slice(0, 3),
    ...kind(true, false).slice(0, 1),
    ...kind(true, true).slice(0, 1),
    ...kind(false, false).slice(0, 1),
    ...kind(false, true).slice(3),
    ...kind(true, true).slice(1),
  ].slice(0, 6);
  return [
    '',
    'Six of the questions:',
    ...chosen.flatMap(({ one, other }) => {
      const { sample } = one.rollout;
      return [
        `  ${(sample.modality ?? '').toLowerCase().replaceAll('_', ' ')}: ${sample.problem}  [${sample.referenceAnswer}]`,
        `    before ${mark(one)} ${answerOf(one)}`,
        `    after  ${mark(other)} ${answerOf(other)}`,
      ];
    }),
  ];
}

function mark(scored: ScoredRollout): string {
  return isCorrect(scored) ? 'right' : 'wrong';
}

function answerOf({ rollout }: ScoredRollout): string {
  const parsed = parseResponse(rollout.text);
  return parsed.kind === 'parsed' ? parsed.answer : rollout.text;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
