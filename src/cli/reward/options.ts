/** The options that name profile, judge and embedder, for commands that score without a run. */
import type { Command } from 'commander';
import { z } from 'zod';
import { readSecrets } from '../../config/environment.ts';
import { formatFields, listFields } from '../../config/field-list.ts';
import { type RewardConfig, rewardFields } from '../../config/judge-config.ts';
import { readConfig } from '../../config/read-config.ts';
import { systemClock } from '../../core/async/clock.ts';
import { type OpenedReward, openReward } from '../../reward/open-reward.ts';

const schema = z.strictObject({ reward: z.strictObject(rewardFields).prefault({}) });

export type RewardOptions = {
  readonly imageRoot?: string;
  readonly config?: string;
  readonly profile?: string;
  readonly judgeUrl?: readonly string[];
  readonly judgeModel?: string;
  readonly judgeKeyEnv?: string;
  readonly judgePrompt?: string;
  readonly embedderUrl?: readonly string[];
  readonly embedderModel?: string;
  readonly embedderKeyEnv?: string;
};

export function addRewardOptions(command: Command): Command {
  return command
    .option('--profile <name>', 'medix-r1, medix-r1-reference or the path of a YAML file')
    .option(
      '--judge-url <url>',
      'OpenAI-compatible server of the judge; once for each replica',
      further,
    )
    .option('--judge-model <name>', "the judge's name on its server")
    .option('--judge-key-env <variable>', "environment variable with the judge's API key")
    .option('--judge-prompt <name>', 'medix-r1, medix-r1-reference or the path of a Jinja file')
    .option(
      '--embedder-url <url>',
      'OpenAI-compatible server of the embedder; once for each replica',
      further,
    )
    .option('--embedder-model <name>', "the embedder's name on its server")
    .option('--embedder-key-env <variable>', "environment variable with the embedder's API key")
    .option('--config <file>', 'YAML or JSON file with the config fields below')
    .addHelpText('after', () => rewardHelp);
}

/** For commands that read rows. */
export const imageRootOption = [
  '--image-root <folder>',
  'folder of images that rows name by path (default: the folder of the file of rows)',
] as const;

/** Not commander's variadic option, which would take the arguments after it as further values. */
function further(value: string, values: readonly string[] = []): readonly string[] {
  return [...values, value];
}

const rewardHelp = `
Without --judge-url and --embedder-url nothing leaves this machine: answers are judged by rules, and a
small sentence encoder in this process compares them.
The profile medix-r1-reference asks the judge as the paper does, unless --judge-prompt says otherwise.
Options override key=value changes, and these override the file of --config.

Config fields:
${formatFields(listFields(schema))}`;

/**
 * @param words `key=value` changes.
 * @param base Fields where no --config is given.
 * @throws MedixError 'config' with all that is wrong.
 */
export async function readRewardOptions(
  options: RewardOptions,
  words: readonly string[],
  base: Readonly<Record<string, unknown>> = {},
): Promise<RewardConfig> {
  const { reward } = await readConfig(schema, {
    base: options.config ?? base,
    overrides: [...words, ...overridesOf(options)],
  });
  return reward;
}

/** Seed of the random jitter between retries; it shapes no score. */
const seed = 1;

/** @throws MedixError as {@link openReward}, and 'config' where an API key is not set. */
export async function openConfiguredReward(
  config: RewardConfig,
  profileChanges: readonly string[] = [],
): Promise<OpenedReward> {
  const secrets = readSecrets(config);
  return openReward(config, { secrets, seed, clock: systemClock, profileChanges });
}

function overridesOf(options: RewardOptions): string[] {
  const asksJudge = options.judgeUrl !== undefined || options.judgeModel !== undefined;
  const asksEmbedder = options.embedderUrl !== undefined || options.embedderModel !== undefined;
  const values: readonly (readonly [field: string, value: unknown])[] = [
    ['profile', options.profile],
    ['judge.kind', asksJudge ? 'openai' : undefined],
    ['judge.url', options.judgeUrl],
    ['judge.model', options.judgeModel],
    ['judge.apiKeyEnv', options.judgeKeyEnv],
    ['judge.prompt', options.judgePrompt],
    ['embedder.kind', asksEmbedder ? 'openai' : undefined],
    ['embedder.url', options.embedderUrl],
    ['embedder.model', options.embedderModel],
    ['embedder.apiKeyEnv', options.embedderKeyEnv],
  ];
  // JSON is YAML, and keeps values that contain a colon or a number sign unchanged.
  return values.flatMap(([field, value]) =>
    value === undefined ? [] : [`reward.${field}=${JSON.stringify(value)}`],
  );
}
