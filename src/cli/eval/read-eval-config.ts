/** The config of `medix eval`, as its command line gives it. */
import { type EvalConfig, evalConfigSchema } from '../../config/eval-config.ts';
import { readConfig } from '../../config/read-config.ts';
import { fail } from '../../core/errors.ts';
import { readEvalManifest } from '../../eval/results/layout.ts';
import { readConfigArguments } from '../config-arguments.ts';

/**
 * The config of a new evaluation, or of the one in a results folder, under the changes given.
 * @throws MedixError 'config' with all that is wrong, 'run' where there is no such folder
 */
export async function readEvalConfig(
  words: readonly string[],
  resume: string | undefined,
): Promise<EvalConfig> {
  if (resume === undefined) return (await readConfigArguments(evalConfigSchema, words)).config;
  const files = words.filter((word) => !word.includes('='));
  if (files.length > 0) {
    fail('config', {
      where: 'command line',
      expected: 'no config file beside --resume',
      got: files.join(' '),
      next: 'write changes as key=value',
    });
  }
  const { config } = await readEvalManifest(resume);
  const base = { ...config, statistics: ofEarlierVersion(config['statistics']), out: resume };
  return readConfig(evalConfigSchema, { base, overrides: words });
}

/** What an evaluation began with stays: versions before the setting left intervals as they were drawn. */
function ofEarlierVersion(statistics: unknown): unknown {
  const isRecord = typeof statistics === 'object' && statistics !== null;
  return isRecord ? { fewClusters: 'as-drawn', ...statistics } : statistics;
}
