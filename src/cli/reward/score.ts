/** `medix reward score`: rewards for a file of responses. */
import { formatFields } from '../../config/field-list.ts';
import { fail } from '../../core/errors.ts';
import { scoreRowFields } from '../../reward/offline/read-rows.ts';
import { type ScoreFileReport, scoreFile } from '../../reward/offline/score-file.ts';
import { requireReachable } from '../../reward/open-reward.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { wholeNumber } from '../option-values.ts';
import { requireWritable } from '../out-file.ts';
import {
  addRewardOptions,
  imageRootOption,
  openConfiguredReward,
  type RewardOptions,
  readRewardOptions,
} from './options.ts';
import { describeScorers, scoreReport } from './view.ts';

type Options = RewardOptions & {
  readonly out: string;
  readonly batch: number;
  readonly force: boolean;
};

export const setUpRewardScore: SetUpCommand = (command, context) => {
  command
    .argument('<file>', 'JSONL of responses with their ground truths (reference answers)')
    .argument('[changes...]', 'changes to the config as key=value')
    .requiredOption(
      '--out <file>',
      'JSONL of rewards, one row for each input row, in the same order',
    )
    .option('--batch <number>', 'number of rows scored together', wholeNumber(1), 256)
    .option(
      '--force',
      'replace an existing --out, and delete an unfinished one that has another input or judge',
      false,
    )
    .option(...imageRootOption)
    .addHelpText('after', help);
  addRewardOptions(command).action((file: string, words: string[], options: Options) =>
    score(file, words, options, context),
  );
};

const help = `
Fields of a row; other fields are ignored:
${formatFields(scoreRowFields)}

A row of --out is {id, line, reward, components}. A row without a reward has reward null, cause and message:
with the cause "malformed" it could not be read; otherwise judge or embedder failed, which does not
mean that the answer is wrong.
Each component is {kind: "scored", value, detail} or {kind: "unscored", cause, message}.

Rows are written to <out>.part, which is renamed to --out when it is complete. To resume after a stop or a
kill, run the same command again. <out>.medix.json records what the scores depend on.
To score failed rows again, run the command again with --force: judge and embedder reuse the answers that
are in their caches.`;

async function score(
  input: string,
  words: readonly string[],
  options: Options,
  { terminal, signal }: CommandContext,
): Promise<void> {
  const { out, force, batch: batchRows } = options;
  const config = await readRewardOptions(options, words);
  await requireWritable(out, force);
  const opened = await openConfiguredReward(config);
  try {
    await requireReachable(opened, signal);
    terminal.print(describeScorers(opened));
    const report = await scoreFile(
      {
        input,
        out,
        opened,
        force,
        batchRows,
        imageRoot: options.imageRoot,
        onProgress: (rows) => terminal.showStatus(`scored ${rows} rows`),
      },
      signal,
    );
    for (const line of scoreReport(report)) terminal.print(line);
    terminal.print(`written to ${out}`);
    requireRewards(report, input, out);
  } finally {
    await opened.close();
  }
}

/** A file without a single reward is no result, however well it was written. */
function requireRewards(
  { rows, reward, unscored }: ScoreFileReport,
  input: string,
  out: string,
): void {
  if (reward.scored > 0) return;
  const causes = Object.entries(unscored).map(([cause, count]) => `${count} ${cause}`);
  fail('reward', {
    where: input,
    expected: 'at least one row that gets a reward',
    got: rows === 0 ? 'no rows' : `${rows} without one (${causes.join(', ')})`,
    next: `read the messages in ${out}, correct what they name, and run the command again with --force`,
  });
}
