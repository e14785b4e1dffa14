/** `medix doctor`: examines a server before it is trusted with a training. */
import { Option } from 'commander';
import { answeringEngineSection, type TinkerEngineConfig } from '../../config/engine-config.ts';
import { readHubAccess, readTinkerAccess } from '../../config/environment.ts';
import { systemClock } from '../../core/async/clock.ts';
import { fail, invariant } from '../../core/errors.ts';
import { given } from '../../core/given.ts';
import { findModel } from '../../engine/find-model.ts';
import { examine } from '../../engine/tinker/doctor/doctor.ts';
import { faultsOf, type Probe, type Verdict } from '../../engine/tinker/doctor/verdict.ts';
import { connect, offeredModel, readLocalFiles } from '../../engine/tinker/open-tinker-engine.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { wholeNumber } from '../option-values.ts';

type Options = {
  readonly engine: 'tinker';
  readonly url?: string;
  readonly model: string;
  readonly baseModel?: string;
  readonly rank: number;
  readonly json?: boolean;
};

export const setUpDoctor: SetUpCommand = (command, context) => {
  command
    .addOption(
      new Option('--engine <kind>', 'kind of server').choices(['tinker']).default('tinker'),
    )
    .option('--url <address>', 'root of the server (default: TINKER_BASE_URL)')
    .requiredOption(
      '--model <name>',
      'folder or hub name of the model: its tokenizer and image settings are used, not its weights',
    )
    .option('--base-model <name>', 'name of the model on the server (default: the only one)')
    .option('--rank <number>', 'width of LoRA factors; 0 trains every weight', wholeNumber(0), 16)
    .option('--json', 'print the verdict as one JSON record')
    .addHelpText('after', help)
    .action((options: Options) => diagnose(options, context));
};

const help = `
Every answer is measured on a model that is made on the server for it and thrown away. A "must" that fails
makes a training wrong: medix train asks the musts by itself and refuses. It goes by what a "use" finds. A "may"
is good to know.
The server's key comes from TINKER_API_KEY.`;

async function diagnose(options: Options, context: CommandContext): Promise<void> {
  const { terminal, signal, clock } = context;
  const config = configOf(options);
  const onProgress = (line: string) => terminal.showStatus(line);
  const access = { hub: readHubAccess(), clock: systemClock, onProgress };
  const { folder } = await findModel(config, options.model, access, signal);
  const files = await readLocalFiles(folder);
  const client = await connect(config, readTinkerAccess(), signal);
  try {
    const { name: baseModel } = await offeredModel(client, config.baseModel, folder, signal);
    if (!options.json) terminal.print(`${baseModel} on ${client.server}`);
    const asked = { client, ...files, baseModel, rank: options.rank, wallClock: clock };
    const onProbe = (probe: Probe) => {
      if (!options.json) terminal.print(probeLine(probe));
    };
    const verdict = await examine({ ...asked, onProbe }, signal);
    terminal.print(options.json ? JSON.stringify(verdict, null, 2) : conclusion(verdict));
    requireHealthy(verdict);
  } finally {
    client.close();
  }
}

function configOf({ url, baseModel, rank }: Options): TinkerEngineConfig {
  const config = answeringEngineSection.parse({
    kind: 'tinker',
    ...given({ url, baseModel }),
    rank,
  });
  invariant(config.kind === 'tinker', 'the kind is the one that was asked for');
  return config;
}

const marks = { passed: 'passed', failed: 'FAILED', 'not-tried': 'not tried' } as const;

function probeLine({ level, name, outcome }: Probe): string {
  const said = outcome.kind === 'not-tried' ? outcome.why : outcome.found;
  return `  ${level.padEnd(4)}  ${marks[outcome.kind].padEnd(9)}  ${name}: ${said}`;
}

function conclusion(verdict: Verdict): string {
  if (faultsOf(verdict).length > 0) return 'No training on this server: a must failed.';
  return verdict.blind === null
    ? 'Fit for training.'
    : 'Fit for training on text alone: images do not reach the model.';
}

/** @throws MedixError 'engine' where a must failed, so that scripts see it */
function requireHealthy(verdict: Verdict): void {
  const faults = faultsOf(verdict);
  if (faults.length === 0) return;
  fail('engine', {
    where: verdict.server,
    expected: 'a server that passes every must',
    got: `failed: ${faults.map(({ name }) => name).join(', ')}`,
    next: 'use another server or version, see docs/remote-engines.md',
  });
}
