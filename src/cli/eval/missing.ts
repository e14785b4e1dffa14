/** What an evaluation lacks at the end of a stage: told with its causes, and no success of the command. */
import type { EvalConfig } from '../../config/eval-config.ts';
import { MedixError, type Problem } from '../../core/errors.ts';
import type { Evaluation } from '../../eval/evaluation/open-evaluation.ts';
import {
  type FailureKind,
  type Missing,
  missingAnswers,
  missingVerdicts,
} from '../../eval/results/failures.ts';
import type { EvalReport } from '../../eval/results/report.ts';
import type { StageEnd } from '../../eval/stages/progress.ts';
import type { CommandContext } from '../command.ts';
import { printable } from '../printable.ts';
import { describeEnd } from './view.ts';

/** @returns what is missing, which was printed with its causes */
export async function printAnswersEnd(
  { config, tasks }: Evaluation,
  end: StageEnd,
  { terminal }: CommandContext,
): Promise<Missing> {
  const expected = { variants: config.variants, epochs: config.sampling.epochs };
  const ids = tasks.map(({ id }) => id);
  const missing = await missingAnswers(config.out, ids, expected);
  for (const line of describeEnd('generate', end)) terminal.print(line);
  for (const line of describeCauses('answer', missing)) terminal.print(line);
  return missing;
}

/** @returns what is missing, which was printed with its causes */
export async function printVerdictsEnd(
  { config, tasks }: Evaluation,
  end: StageEnd,
  { terminal }: CommandContext,
): Promise<Missing> {
  const ids = tasks.map(({ id }) => id);
  const missing = await missingVerdicts(config.out, ids, config.judging.name);
  for (const line of describeEnd('judge', end)) terminal.print(line);
  for (const line of describeCauses('verdict', missing)) terminal.print(line);
  return missing;
}

/** Kinds of failures that are shown. */
const shownKinds = 5;
/** Characters of a message. */
const shownCharacters = 300;

/** What to do where it is more than to run the command again. */
const hints: readonly (readonly [meets: (kind: FailureKind) => boolean, hint: string])[] = [
  [
    ({ cause }) => cause === 'unparsable',
    'a judge that thinks before it answers needs longer replies: raise its maxTokens, or turn its thinking off',
  ],
  [
    ({ cause, message }) => cause === 'refused' && message.includes('context'),
    'a server may count maxTokens as part of its context: lower sampling.maxTokens, or start it with a longer context',
  ],
];

/** The most frequent causes of what is missing, with their counts; nothing where nothing is. */
export function describeCauses(
  what: 'answer' | 'verdict',
  { missing, kinds }: Pick<Missing, 'missing' | 'kinds'>,
): string[] {
  if (missing === 0) return [];
  const shown = kinds.slice(0, shownKinds);
  const others = missing - shown.reduce((sum, { count }) => sum + count, 0);
  return [
    `without ${what}: ${missing.toLocaleString('en')}, most often because of`,
    ...shown.map(({ count, cause, message }) => {
      const text =
        message.length > shownCharacters ? `${message.slice(0, shownCharacters)}…` : message;
      return printable(`  ${count.toLocaleString('en')} × ${cause}: ${text}`).replaceAll('\n', ' ');
    }),
    ...(others > 0 ? [`  ${others.toLocaleString('en')} × other causes`] : []),
    ...hints.flatMap(([meets, hint]) => (shown.some(meets) ? [`  hint: ${hint}`] : [])),
  ];
}

/** A task without a score is an error, whatever the others came to. */
export function missingScores({ tasks }: EvalReport): Problem[] {
  return tasks.flatMap(({ task, variant, result }): Problem[] => {
    if (result.kind !== 'failed') return [];
    const next = 'read its failures in report.json, then run the command again';
    return [{ where: `task ${task} (${variant})`, expected: 'a score', got: result.message, next }];
  });
}

/** Scores rest on what is there; what is not there is told as well. */
export function missingParts(config: EvalConfig, { tasks }: EvalReport): Problem[] {
  const sum = (of: (coverage: EvalReport['tasks'][number]['coverage']) => number) =>
    tasks.reduce((total, { coverage }) => total + of(coverage), 0);
  const expected = sum((coverage) => coverage.expected);
  const answered = sum((coverage) => coverage.answered);
  const scored = sum((coverage) => coverage.scored);
  return [
    ...problemsOf(config, 'answer', { expected, missing: expected - answered }),
    ...problemsOf(config, 'verdict', { expected: answered, missing: answered - scored }),
  ];
}

export function problemsOf(
  { out }: EvalConfig,
  what: 'answer' | 'verdict',
  { expected, missing }: Pick<Missing, 'expected' | 'missing'>,
): Problem[] {
  if (missing === 0) return [];
  const of = what === 'answer' ? 'questions' : 'answers';
  return [
    {
      where: out,
      expected: `${what === 'answer' ? 'an' : 'a'} ${what} for each of ${expected} ${of}`,
      got: `${missing} without`,
      next: 'see the causes above; the same command tries what is missing once more',
    },
  ];
}

/** @throws MedixError 'run' with all that is missing */
export function requireNothing(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new MedixError('run', problems);
}
