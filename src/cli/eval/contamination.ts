/** `medix eval contamination`: which questions and images of evaluation tasks also occur in training sets. */
import { readHubAccess } from '../../config/environment.ts';
import { defaultCacheFolder } from '../../data/hub-cache.ts';
import { findOverlap } from '../../eval/contamination/find-overlap.ts';
import {
  type OverlapReport,
  overlapReport,
  type TaskOverlap,
} from '../../eval/contamination/overlap-report.ts';
import { readSampleScores } from '../../eval/contamination/sample-scores.ts';
import { accessTo } from '../../eval/stages/prepare.ts';
import { selectTasks } from '../../eval/tasks/open-task.ts';
import { openTaskSource } from '../../eval/tasks/task-source.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { wholeNumber } from '../option-values.ts';
import { requireWritable, writeOut } from '../out-file.ts';
import { formatTable } from '../table.ts';
import { addPathById, requireKnownTasks } from './task-places.ts';

type Options = {
  readonly task: readonly string[];
  readonly train: readonly string[];
  readonly results?: string;
  readonly judging: string;
  readonly out?: string;
  readonly force: boolean;
  readonly taskFolder?: string;
  readonly data: Readonly<Record<string, string>>;
  readonly images: Readonly<Record<string, string>>;
  readonly cache: string;
  readonly draws: number;
  readonly seed: number;
};

export const setUpEvalContamination: SetUpCommand = (command, context) => {
  command
    .requiredOption('--task <ids...>', 'tasks, task files, "text", "vision" or "all"')
    .requiredOption(
      '--train <locations...>',
      'training sets: files, folders, folder@split or owner/name@split',
    )
    .option(
      '--results <dir>',
      'results folder; its scores are then shown for overlapping and other samples separately',
    )
    .option('--judging <name>', 'judging of that folder whose verdicts are used', 'judge')
    .option('--out <file>', 'file for the report, as JSON')
    .option('--force', 'replace an existing --out', false)
    .option('--task-folder <dir>', 'folder with your own task files, each named <id>.yaml')
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
    .option('--draws <number>', 'number of bootstrap draws', wholeNumber(1), 1000)
    .option('--seed <number>', 'seed of the bootstrap draws', wholeNumber(0), 1)
    .addHelpText('after', help)
    .action((options: Options) => compare(options, context));
};

const help = `
A question overlaps if a training row has it word for word ("exact"), or if half or more of its 8-word
sequences occur in one training row ("near"). An image overlaps if a training row has the same file
("exact"), or the same picture in another size, format or brightness ("near").

Overlap shows what a training set contains. It does not show that a model has memorised it.`;

async function compare(options: Options, context: CommandContext): Promise<void> {
  const { train, results, judging, out, force, draws, seed, data, images, cache } = options;
  const { terminal, signal } = context;
  if (out !== undefined) await requireWritable(out, force);
  const tasks = await selectTasks(options.task, options.taskFolder);
  requireKnownTasks(tasks, options);
  const scores =
    results === undefined ? undefined : await readSampleScores(results, judging, tasks);
  const hub = readHubAccess();
  const places = { data, imageRoots: images };
  const opened = [];
  for (const task of tasks)
    opened.push({
      task,
      source: await openTaskSource(task, accessTo(task, places, { hub, cache })),
    });
  const overlap = await findOverlap(
    {
      tasks: opened,
      training: train,
      hub,
      onProgress: (what, done) => terminal.showStatus(`${what}: ${done} rows`),
    },
    signal,
  );
  const shown = new Set(tasks.filter(({ access }) => access === 'public').map(({ id }) => id));
  const report = overlapReport(overlap, { draws, seed, shown, ...(scores ? { scores } : {}) });
  for (const line of viewOf(report)) terminal.print(line);
  if (out === undefined) return;
  await writeOut(out, (append) => append(`${JSON.stringify(report, null, 2)}\n`));
  terminal.print(`written to ${out}`);
}

function viewOf({ training, tasks, inWords }: OverlapReport): string[] {
  const counts = ({ exact, near }: TaskOverlap['images']) => `${exact} + ${near}`;
  const rows = tasks.map((task) => [
    task.task,
    String(task.samples),
    counts(task.questions),
    task.withImages > 0 ? counts(task.images) : '',
    task.withImages > 0 ? counts(task.both) : '',
    `${((100 * task.overlapping) / task.samples).toFixed(1)} %`,
  ]);
  return [
    ...training.map(describeTraining),
    '',
    ...formatTable(['task', 'n', 'questions', 'images', 'both', 'overlap'], rows),
    'exact + near; samples with images are compared by image, others by question',
    '',
    ...inWords,
    ...tasks.flatMap(({ examples }) => examples.map(describeExample)),
    'Overlap shows what a training set contains, not that a model has memorised it.',
  ];
}

function describeTraining({
  location,
  rows,
  images,
  notCompared,
}: OverlapReport['training'][number]) {
  const causes = Object.entries(notCompared).map(([cause, count]) => `${count} × ${cause}`);
  const left = causes.length > 0 ? `; not compared: ${causes.join(', ')}` : '';
  return `${location}: ${rows} rows, ${images} images${left}`;
}

function describeExample({ sample, question, matches }: TaskOverlap['examples'][number]): string {
  const match = matches.both ?? matches.image ?? matches.question;
  const asked = question === null ? '' : ` ${JSON.stringify(question)}`;
  return `  ${sample}${asked}: ${match?.how} in ${match?.place}`;
}
