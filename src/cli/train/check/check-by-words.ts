/** `medix train --check`: the plan of a config, printed. */
import { loadavg } from 'node:os';
import { readHubAccess, readSecrets } from '../../../config/environment.ts';
import { trainConfigSchema } from '../../../config/train-config.ts';
import { systemClock } from '../../../core/async/clock.ts';
import { fail } from '../../../core/errors.ts';
import { defaultCacheFolder } from '../../../data/hub-cache.ts';
import { thisMachine } from '../../../engine/local/plan-network.ts';
import type { CommandContext } from '../../command.ts';
import { readConfigArguments } from '../../config-arguments.ts';
import { checkTraining } from './check.ts';
import { attempt, sectionOf } from './section.ts';
import { checkLines } from './view.ts';

/** Where earlier runs are looked for; the default of `out` is below it. */
const runsFolder = 'runs';

/**
 * @param words config file and `key=value` changes
 * @throws MedixError 'config' with all that is wrong with the config, or where something stops the run; both after
 *   the plan was printed
 */
export async function checkByWords(
  words: readonly string[],
  { prompts, json }: { readonly prompts: number; readonly json: boolean },
  { terminal, signal }: CommandContext,
): Promise<void> {
  const reading = readConfigArguments(trainConfigSchema, words);
  const read = await attempt(signal, () => reading);
  if (read.kind === 'stopped') {
    if (json) terminal.printJson({ mayStart: false, config: sectionOf(null, read.remarks) });
    await reading;
    return;
  }
  const { config, overrides } = read.value;
  const report = await checkTraining(config, overrides, prompts, {
    hub: readHubAccess(),
    readSecrets: () => readSecrets(config.reward),
    machine: thisMachine,
    load: loadavg()[0] ?? 0,
    clock: systemClock,
    signal,
    runs: runsFolder,
    benchmarks: defaultCacheFolder,
    // Standard output is the record's alone.
    onProgress: (line) => (json ? undefined : terminal.showStatus(`checking: ${line}`)),
  });
  if (json) terminal.printJson(report);
  else for (const line of checkLines(report)) terminal.print(line);
  if (report.mayStart) return;
  const { mayStart: _, ...sections } = report;
  const stopping = Object.entries(sections).filter(([, { verdict }]) => verdict === 'stops');
  fail('config', {
    where: 'medix train --check',
    expected: 'a run that may start',
    got: `one that is stopped by ${stopping.map(([name]) => name).join(', ')}`,
    next: 'correct what is marked "stops" above',
  });
}
