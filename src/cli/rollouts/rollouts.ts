/** `medix rollouts`: read what a run has sampled, filtered and sorted. */
import { InvalidArgumentError, Option } from 'commander';
import { fail } from '../../core/errors.ts';
import type { RolloutLine } from '../../run/records.ts';
import { readManifest } from '../../run/run-reader.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { decimalNumber, wholeNumber } from '../option-values.ts';
import { describeRollout } from './rollout-view.ts';
import {
  createRanking,
  isSelected,
  type Ranking,
  type Selection,
  type SortKey,
  sortKeys,
} from './select-rollouts.ts';
import { type IterationRange, type StoredRollout, storedRollouts } from './stored-rollouts.ts';

type Options = Selection & {
  readonly iteration?: IterationRange;
  readonly sort?: SortKey;
  readonly reverse?: true;
  readonly limit?: number;
  readonly json?: true;
};

const number = decimalNumber('', () => true);

export const setUpRollouts: SetUpCommand = (command, context) => {
  command
    .argument('<run>', 'run directory of medix train')
    .option('--iteration <range>', 'one iteration (7) or several (7-20, 7-)', iterationRange)
    .option('--min-reward <number>', 'rewards of at least this', number)
    .option('--max-reward <number>', 'rewards of at most this', number)
    .addOption(
      new Option(
        '--verdict <verdict>',
        'whether the answer is right; none: it has no reward',
      ).choices(['right', 'wrong', 'none']),
    )
    .addOption(
      new Option('--use <use>', 'what became of it (default: every training rollout)').choices([
        'trained',
        'filtered',
        'unscored',
        'validation',
      ] satisfies RolloutLine['use'][]),
    )
    .option(
      '--cause <cause>',
      'why its group was filtered out (allRight, allWrong, formatOnly, other) or it has no reward (timeout, unparsable, …)',
    )
    .option('--source <name>', 'data set that the question comes from')
    .option('--sample <id>', 'sample that was asked about')
    .option('--text <text>', 'words in question, reference answer or response')
    .addOption(
      new Option(
        '--sort <key>',
        'largest first; spread is the standard deviation of the rewards of its group (default: as they were sampled)',
      ).choices(sortKeys),
    )
    .option('--reverse', 'with --sort: smallest first')
    .option(
      '--limit <number>',
      `how many are printed (default: ${defaultLimit}; with --json and without --sort, all)`,
      wholeNumber(1),
    )
    .option('--json', 'lines of JSON for programs')
    .addHelpText('after', help)
    .action((run: string, options: Options) => printRollouts(run, options, context));
};

const defaultLimit = 20;

const help = `
A line of --json is the rollout's line in rollouts/ (docs/run-directory.md), with verdict, cause and spread.
The rollouts of one iteration are in memory at a time, and with --sort twice as many as are printed.
medix reward explain RUN KEY says how the reward of one of them came about.`;

function iterationRange(text: string): IterationRange {
  const [, first, dash, last] = /^(\d{1,9})(-)?(\d{1,9})?$/.exec(text) ?? [];
  const isRange = first !== undefined && (dash !== undefined || last === undefined);
  const range = {
    first: Number(first),
    last: dash === undefined ? Number(first) : Number(last ?? Number.POSITIVE_INFINITY),
  };
  if (isRange && range.first <= range.last) return range;
  throw new InvalidArgumentError('Expected an iteration, as 7, or a range of them, as 7-20 or 7-.');
}

async function printRollouts(
  run: string,
  options: Options,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const { kind } = await readManifest(run);
  if (kind !== 'train') failWithout(run, `a run of medix ${kind}, which samples nothing`);
  const { sort, json = false, reverse = false } = options;
  const isAll = json && sort === undefined;
  const limit = options.limit ?? (isAll ? Number.POSITIVE_INFINITY : defaultLimit);
  const print = (rollout: StoredRollout) => {
    signal.throwIfAborted();
    if (json) terminal.printJson(jsonOf(rollout));
    else for (const text of describeRollout(rollout)) terminal.print(text);
  };
  const counts = { read: 0, selected: 0 };
  const selected = select(run, options, counts, signal);
  if (sort) await printRanked(selected, createRanking(sort, limit, reverse), print);
  else await printFirst(selected, limit, print);
  if (counts.read === 0) failWithout(run, 'none');
  if (!json) terminal.print(summary(counts.selected, limit, sort !== undefined));
}

type Print = (rollout: StoredRollout) => void;

async function* select(
  run: string,
  options: Options,
  counts: { read: number; selected: number },
  signal: AbortSignal,
): AsyncGenerator<StoredRollout> {
  const range = options.iteration ?? { first: 0, last: Number.POSITIVE_INFINITY };
  const kind = options.use === 'validation' ? 'validation' : 'training';
  for await (const rollout of storedRollouts(run, kind, range, signal)) {
    counts.read++;
    if (!isSelected(rollout, options)) continue;
    counts.selected++;
    yield rollout;
  }
}

async function printRanked(
  rollouts: AsyncIterable<StoredRollout>,
  ranking: Ranking,
  print: Print,
): Promise<void> {
  for await (const rollout of rollouts) ranking.add(rollout);
  for (const rollout of ranking.ranked()) print(rollout);
}

/** Reads one more than it prints, to know whether there are more. */
async function printFirst(
  rollouts: AsyncIterable<StoredRollout>,
  limit: number,
  print: Print,
): Promise<void> {
  let printed = 0;
  for await (const rollout of rollouts) {
    if (printed === limit) return;
    print(rollout);
    printed++;
  }
}

function jsonOf({ line, verdict, cause, spread }: StoredRollout) {
  return { ...line, verdict, cause, spread };
}

function summary(selected: number, limit: number, isWhole: boolean): string {
  if (selected <= limit) return `${selected} rollouts`;
  const of = isWhole ? `of ${selected.toLocaleString('en')} rollouts` : 'rollouts, there are more';
  return `${limit} ${of}; --limit shows further ones`;
}

function failWithout(run: string, got: string): never {
  fail('run', {
    where: run,
    expected: 'rollouts on record',
    got,
    next: 'give a run of medix train that has finished an iteration, and iterations that it has reached',
  });
}
