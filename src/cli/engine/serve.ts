/** `medix engine serve`: the local engine behind the Tinker protocol. */
import { basename, resolve } from 'node:path';
import { pino } from 'pino';
import { type LocalEngineConfig, trainingEngineSection } from '../../config/engine-config.ts';
import { readEngineToken, readHubAccess } from '../../config/environment.ts';
import { systemClock } from '../../core/async/clock.ts';
import { invariant } from '../../core/errors.ts';
import { findModel } from '../../engine/find-model.ts';
import { openEngine } from '../../engine/open-engine.ts';
import { readLocalFiles } from '../../engine/tinker/open-tinker-engine.ts';
import { readModelConfig } from '../../model/config.ts';
import { openModelSource } from '../../model/files/model-source.ts';
import { serveEngine } from '../../server/engine/serve.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { wholeNumber } from '../option-values.ts';
import { printableLog } from '../printable.ts';

type Options = {
  readonly name?: string;
  readonly host: string;
  readonly port: number;
  readonly checkpoints: string;
  readonly models: number;
  readonly memory: string;
};

export const setUpEngineServe: SetUpCommand = (command, context) => {
  command
    .argument('<model>', 'folder or hub name of the model')
    .option('--name <name>', "how clients name it (default: the folder's or the hub's name)")
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 takes any free one', wholeNumber(0), 8000)
    .option(
      '--checkpoints <dir>',
      'folder of models in training and of checkpoints; started again on it, the service goes on',
      'medix-engine',
    )
    .option(
      '--models <number>',
      'models that are trained at once, each in memory',
      wholeNumber(1),
      2,
    )
    .option('--memory <size>', 'memory that each engine plans with, e.g. 8GiB', 'auto')
    .addHelpText('after', help)
    .action((model: string, options: Options) => serve(model, options, context));
};

const help = `
With MEDIX_ENGINE_TOKEN in the environment clients must show it as TINKER_API_KEY; without it the service listens
on this machine alone. The official SDK takes keys that begin with "tml-" and no others.`;

/** What the protocol's servers multiply the factors with. */
const alpha = 32;

async function serve(model: string, options: Options, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const { memory, models, host, port } = options;
  const token = readEngineToken();
  const config = configOf(memory, 0);
  const onProgress = (line: string) => terminal.showStatus(line);
  const access = { hub: readHubAccess(), clock: systemClock, onProgress };
  const { folder, name } = await findModel(config, model, access, signal);
  const files = await readLocalFiles(folder);
  const source = await openModelSource(folder);
  const { text } = await readModelConfig(source.folder);
  const log = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line) => void process.stderr.write(printableLog(line)) },
  );
  const served = options.name ?? (name === folder ? basename(resolve(folder)) : name);
  await serveEngine(
    {
      served: {
        name: served,
        description: files.model,
        images: files.images,
        vocabulary: text.vocabSize,
        open: ({ rank, seed }, by) =>
          openEngine(configOf(memory, rank), folder, { kind: 'train', seed }, by),
      },
      folder: resolve(options.checkpoints),
      maxModels: models,
      host,
      port,
      ...(token === undefined ? {} : { token }),
      onDefect: (error) => log.error({ err: error }, 'defect'),
      onListening: (url) => terminal.print(`${served} is served at ${url}`),
    },
    signal,
  );
  terminal.print('the service has ended; started again on its folder it goes on');
}

function configOf(memory: string, rank: number): LocalEngineConfig {
  const lora = rank === 0 ? null : { rank, alpha };
  const config = trainingEngineSection.parse({ kind: 'local', memory, lora });
  invariant(config.kind === 'local', 'the kind is the one that was asked for');
  return config;
}
