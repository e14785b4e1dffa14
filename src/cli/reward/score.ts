/** `medix reward score`: rewards for a file of responses. */
import type { Command } from 'commander';
import { formatFields } from '../../config/field-list.ts';
import { scoreRowFields } from '../../reward/offline/read-rows.ts';
import { scoreFile } from '../../reward/offline/score-file.ts';
import { requireReachable } from '../../reward/open-reward.ts';
import type { CommandContext } from '../command.ts';
import { wholeNumber } from '../option-values.ts';
import { requireWritable } from '../out-file.ts';
import {
  addRewardOptions,
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

export function addRewardScore(reward: Command, context: CommandContext): void {
  const command = reward
    .command('score')
    .description('Score a file of responses')
    .argument('<file>', 'JSONL of responses with their ground truths')
    .argument('[changes...]', 'changes to the config as key=value')
    .requiredOption('--out <file>', 'JSONL of rewards, one row per row and in their order')
    .option('--batch <number>', 'rows scored together', wholeNumber(1), 256)
    .option(
      '--force',
      'replace an existing --out, and drop what another input or judge left unfinished there',
      false,
    )
    .addHelpText('after', help);
  addRewardOptions(command).action((file: string, words: string[], options: Options) =>
    score(file, words, options, context),
  );
}

const help = `
Fields of a row; further ones are passed over:
${formatFields(scoreRowFields)}

A row of --out is {id, line, reward, components}, with a reward of null, cause and message where there is
none: "malformed" rows cannot be read, else the judge or the embedder failed, which is no wrong answer.
Each component is {kind: "scored", value, detail} or {kind: "unscored", cause, message}.

--out appears when it is whole; until then it grows as <out>.part. A call that was stopped or killed goes
on with the same command. <out>.medix.json says what the scores were made from.
To score again what failed, run the command again with --force: answers kept by judge and embedder are
not asked for twice.`;

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
        onProgress: (rows) => terminal.showStatus(`scored ${rows} rows`),
      },
      signal,
    );
    for (const line of scoreReport(report)) terminal.print(line);
    terminal.print(`written to ${out}`);
  } finally {
    await opened.close();
  }
}
