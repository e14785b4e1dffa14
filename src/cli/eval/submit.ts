/** `medix eval submit`: the zip that the paper's leaderboard takes. */
import { join } from 'node:path';
import { makeFolder } from '../../core/make-folder.ts';
import { openSubmission, type Submission } from '../../eval/submission/submission.ts';
import { storing } from '../../run/durable.ts';
import type { SetUpCommand } from '../command.ts';
import { requireWritable, writeOut } from '../out-file.ts';
import { formatTable } from '../table.ts';

type Options = {
  readonly out: string;
  readonly judging: string;
  readonly mmmu?: string;
  readonly includeCredentialed: boolean;
  readonly force: boolean;
};

export const setUpEvalSubmit: SetUpCommand = (command, { terminal }) => {
  command
    .argument('<folder>', 'results folder')
    .requiredOption('--out <dir>', 'folder to which the zip file is written')
    .option('--judging <name>', 'judging whose verdicts are submitted', 'judge')
    .option(
      '--mmmu <dir>',
      'folder that MedEvalKit wrote for MMMU-Medical-val, to be added to the zip file',
    )
    .option(
      '--include-credentialed',
      'also pack the texts of credentialed and private tasks; only with permission of the owners of the data',
      false,
    )
    .option('--force', 'replace an existing zip file', false)
    .action(async (folder: string, options: Options) => {
      const { out, judging: judgingName, mmmu, includeCredentialed, force } = options;
      const submission = await openSubmission({
        folder,
        judgingName,
        includeCredentialed,
        ...(mmmu === undefined ? {} : { mmmuFolder: mmmu }),
      });
      const path = join(out, submission.name);
      await requireWritable(path, force);
      await storing(`--out ${out}`, () => makeFolder(out), 'correct the path');
      await writeOut(path, submission.write);
      for (const line of describe(submission)) terminal.print(line);
      terminal.print(`\nthe submission is in ${path}; upload it at ${leaderboard}`);
    });
};

const leaderboard = 'https://medix.cvmbzuai.com/leaderboard';

function describe({ tasks, remarks }: Submission): string[] {
  const rows = tasks.map(({ taskId, samples, answers }) => [
    taskId,
    ...[samples, answers.length, answers.filter(({ score }) => score !== undefined).length].map(
      (count) => count.toLocaleString('en'),
    ),
  ]);
  return [
    ...formatTable(['task', 'questions', 'answered', 'judged'], rows),
    ...remarks.map((remark) => `remark: ${remark}`),
  ];
}
