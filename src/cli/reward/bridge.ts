/** `medix reward bridge`: the file through which a foreign trainer asks the reward service. */
import { join } from 'node:path';
import { Argument } from 'commander';
import { makeFolder } from '../../core/make-folder.ts';
import {
  type BridgeTrainer,
  bridgeFileName,
  bridgeSource,
  bridgeTrainers,
} from '../../launch/bridges/bridge-source.ts';
import { storing } from '../../run/durable.ts';
import type { SetUpCommand } from '../command.ts';
import { requireWritable, writeOut } from '../out-file.ts';

type Options = { readonly url: string; readonly out: string; readonly force: boolean };

export const setUpRewardBridge: SetUpCommand = (command, { terminal }) => {
  command
    .addArgument(
      new Argument('<trainer>', 'trainer that loads the file').choices([...bridgeTrainers]),
    )
    .requiredOption('--out <directory>', 'folder to which the file is written')
    .option('--url <url>', 'base address of the service', 'http://127.0.0.1:8090')
    .option('--force', 'replace an existing file', false)
    .action(async (trainer: BridgeTrainer, { url, out, force }: Options) => {
      const source = await bridgeSource(trainer, url);
      const path = join(out, bridgeFileName(trainer));
      await requireWritable(path, force);
      await storing(`--out ${out}`, () => makeFolder(out), 'correct the path');
      await writeOut(path, (append) => append(source));
      terminal.print(`${path} (its first lines say how the trainer loads it)`);
    });
};
