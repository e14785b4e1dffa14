/** `medix review create`: draws what raters are shown. */
import { Option } from 'commander';
import { readHubAccess } from '../../config/environment.ts';
import { defaultCacheFolder } from '../../data/hub-cache.ts';
import { type CreatedReview, createReview } from '../../eval/review/create-review.ts';
import { taskAccessOf } from '../../eval/review/task-access.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { addPathById } from '../eval/task-places.ts';
import { wholeNumber } from '../option-values.ts';
import { formatTable } from '../table.ts';
import { defaultAddress } from './serve.ts';

type Options = {
  readonly from: readonly string[];
  readonly out: string;
  readonly kind?: 'pairs' | 'single';
  readonly count: number;
  readonly raters: number;
  readonly seed: number;
  readonly task: readonly string[];
  readonly prefer: 'none' | 'disagreements';
  readonly showReference: boolean;
  readonly allowCredentialed: boolean;
  readonly data: Readonly<Record<string, string>>;
  readonly images: Readonly<Record<string, string>>;
  readonly cache: string;
};

export const setUpReviewCreate: SetUpCommand = (command, context) => {
  command
    .requiredOption(
      '--from <dir>',
      'results folder of `medix eval`; give it twice for pairs',
      append,
      [],
    )
    .requiredOption('--out <dir>', 'folder of the review, which must not exist yet')
    .addOption(
      new Option(
        '--kind <kind>',
        'two answers side by side, or one at a time (default: pairs with two folders)',
      ).choices(['pairs', 'single']),
    )
    .option('--count <number>', 'maximum number of items', wholeNumber(1), 100)
    .option('--raters <number>', 'number of raters; each gets their own link', wholeNumber(1), 1)
    .option(
      '--seed <number>',
      'seed of the draw and of the order in which items and answers are shown',
      wholeNumber(0),
      1,
    )
    .option('--task <id>', 'only this task; may be repeated', append, [])
    .addOption(
      new Option(
        '--prefer <which>',
        'with "disagreements", draw items on which judges disagree first; the results then hold only for such items',
      )
        .choices(['none', 'disagreements'])
        .default('none'),
    )
    .option('--show-reference', 'let raters open the reference answer', false)
    .option(
      '--allow-credentialed',
      'also take tasks whose data is not public; the review is then served on this machine only',
      false,
    )
    .option(
      '--data <id=path>',
      'local file or folder with the rows of a task; may be repeated',
      addPathById,
      {},
    )
    .option(
      '--images <id=dir>',
      'local folder with the images of a task; may be repeated',
      addPathById,
      {},
    )
    .option('--cache <dir>', 'folder that keeps files downloaded from the hub', defaultCacheFolder)
    .action((options: Options) => create(options, context));
};

async function create(
  options: Options,
  { terminal, signal, clock }: CommandContext,
): Promise<void> {
  const { from, out, count, raters, seed, prefer, showReference, data, images, cache } = options;
  const created = await createReview(
    {
      from,
      out,
      kind: options.kind ?? (from.length === 2 ? 'pairs' : 'single'),
      count,
      raters,
      seed,
      tasks: options.task,
      prefer,
      showReference,
      allowRestricted: options.allowCredentialed,
      access: (task, manifest) =>
        taskAccessOf(task, manifest, { data, images, cache, hub: readHubAccess() }),
      clock,
    },
    signal,
  );
  for (const line of describe(created, options)) terminal.print(line);
}

function describe({ review, key, raters }: CreatedReview, { out, count }: Options): string[] {
  const rows = Object.entries(key.tasks).map(([task, drawnFrom]) => [
    task,
    ...[drawnFrom.drawn, drawnFrom.candidates, drawnFrom.unanswered, drawnFrom.identical].map(
      String,
    ),
  ]);
  const { host, port } = defaultAddress;
  return [
    ...formatTable(['task', 'drawn', 'of', 'unanswered', 'identical answers'], rows),
    '',
    ...(review.items.length < count ? [`Only ${review.items.length} items could be drawn.`] : []),
    `${review.items.length} items are in ${out}. key.json says which model gave which answer: do not show it to the raters.`,
    `Serve them with: medix review serve ${out}`,
    'One link for each rater:',
    ...raters.map(({ id, token }) => `  ${id}: http://${host}:${port}/r/${token}`),
  ];
}

function append(text: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, text];
}
