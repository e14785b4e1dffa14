/** `medix reward explain`: how one reward came about, step by step. */
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { readHubAccess } from '../../config/environment.ts';
import { defined, fail } from '../../core/errors.ts';
import { reading } from '../../core/reading.ts';
import { localFile } from '../../data/data-file.ts';
import { readJsonLines } from '../../data/jsonl.ts';
import { explainReward } from '../../reward/explain.ts';
import { readScoreRow } from '../../reward/offline/read-rows.ts';
import { requireReachable } from '../../reward/open-reward.ts';
import { openRewardProfile, type RewardProfile, withOwnComponents } from '../../reward/profile.ts';
import { rewardProfileSchema } from '../../reward/profile-schema.ts';
import { componentsSchema } from '../../reward/score.ts';
import { namesIn } from '../../run/durable.ts';
import type { Manifest, RolloutLine } from '../../run/records.ts';
import type { RolloutsKind } from '../../run/run-layout.ts';
import { readManifest, readRollouts } from '../../run/run-reader.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import {
  addRewardOptions,
  imageRootOption,
  openConfiguredReward,
  type RewardOptions,
  readRewardOptions,
} from './options.ts';
import { findSamples } from './run-samples.ts';

type Options = RewardOptions & { readonly row?: string; readonly id?: string };

export const setUpRewardExplain: SetUpCommand = (command, context) => {
  command
    .argument('[words...]', 'run directory and key of a rollout; with --row: key=value changes')
    .option('--row <file>', 'JSONL of responses, as for medix reward score')
    .option('--id <id>', 'id of the row in that file')
    .option(...imageRootOption)
    .addHelpText('after', help);
  addRewardOptions(command).action((words: string[], options: Options) =>
    explain(words, options, context),
  );
};

const help = `
  medix reward explain runs/train KEY            a rollout of a run; KEY as in its rollouts/*.jsonl
  medix reward explain --row rows.jsonl --id 7   a row of a file

A rollout is explained from its recorded scores: judge and embedder are not asked. Of the options only
--profile applies to it; it shows the same scores under another profile. A row is scored first.`;

async function explain(
  words: readonly string[],
  options: Options,
  context: CommandContext,
): Promise<void> {
  const { row, id } = options;
  const [run, key, ...rest] = words;
  if (row !== undefined && id !== undefined) {
    return print(await explainRow(row, id, words, options, context.signal), context);
  }
  if (row === undefined && id === undefined && run && key && rest.length === 0) {
    return print(await explainRollout(run, key, options, context.signal), context);
  }
  fail('config', {
    where: 'command line',
    expected: 'a run directory and a key, or --row and --id',
    got: [...words, ...(row ? [`--row ${row}`] : []), ...(id ? [`--id ${id}`] : [])].join(' '),
    next: 'say which response is meant',
  });
}

function print(lines: readonly string[], { terminal }: CommandContext): void {
  for (const line of lines) terminal.print(line);
}

async function explainRow(
  path: string,
  id: string,
  changes: readonly string[],
  options: Options,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const config = await readRewardOptions(options, changes);
  const opened = await openConfiguredReward(config);
  try {
    const { reward, seesImages } = opened;
    const raw = await findRow(path, id, signal);
    const row = await readScoreRow(raw, dirname(path), {
      profile: reward.profile,
      showImages: seesImages,
      imageRoot: options.imageRoot,
    });
    if (row.kind === 'malformed') {
      return [`line ${row.line} is malformed: ${row.message}`, 'reward: none'];
    }
    await requireReachable(opened, signal);
    const [outcome] = await reward.score([row.item], signal);
    return explainReward(reward.profile, row.item, defined(outcome, 'outcome').components);
  } finally {
    await opened.close();
  }
}

/** @throws MedixError 'data' when no row has the id. */
async function findRow(path: string, id: string, signal: AbortSignal) {
  const asked = {
    boundary: 'data',
    where: path,
    expected: 'a JSONL file of responses',
    next: 'correct the path',
  } as const;
  const file = await reading(asked, () => localFile(path, 'jsonl'));
  for await (const raw of readJsonLines(file, signal)) {
    if (raw.kind === 'fields' && String(raw.fields['id']) === id) return raw;
  }
  return notFound(path, `a row with the id ${id}`, 'none');
}

async function explainRollout(
  run: string,
  key: string,
  options: Options,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const manifest = await readManifest(run);
  const line = await findRollout(run, key);
  const recorded = await profileOf(manifest, run);
  const profile =
    options.profile === undefined
      ? recorded
      : withOwnComponents(await openRewardProfile(options.profile), recorded.ownComponents ?? []);
  const samples = await findSamples(manifest, new Set([line.sampleId]), readHubAccess(), signal);
  const sample =
    samples.get(line.sampleId) ??
    notFound(run, `the sample ${line.sampleId} in the run's data`, 'no such sample');
  const components = componentsSchema.safeParse(line.components).data;
  if (components === undefined)
    return notFound(run, 'recorded components', 'none that can be read');
  return explainReward(profile, { sample, response: line.completion }, components);
}

async function findRollout(run: string, key: string): Promise<RolloutLine> {
  for (const name of await namesIn(join(run, 'rollouts'))) {
    const [, validation, digits] = /^(validation-)?(\d+)\.jsonl$/.exec(name) ?? [];
    if (digits === undefined) continue;
    const kind: RolloutsKind = validation === undefined ? 'training' : 'validation';
    const lines = await readRollouts(run, Number(digits), kind);
    const found = lines.find((line) => line.key === key);
    if (found !== undefined) return found;
  }
  return notFound(join(run, 'rollouts'), `a rollout with the key ${key}`, 'none');
}

const recordedProfile = z
  .looseObject({
    name: z.string(),
    digest: z.string(),
    ownComponents: z
      .array(z.object({ name: z.string(), weight: z.number(), digest: z.string() }))
      .exactOptional(),
  })
  .transform(({ name, digest, ownComponents, ...settings }) => {
    const identity = { name, digest, ...(ownComponents ? { ownComponents } : {}) };
    return { identity, settings };
  });
const namedProfile = z.looseObject({ reward: z.looseObject({ profile: z.string() }) });

/** As recorded; a file may have changed since. */
async function profileOf({ facts, config }: Manifest, run: string): Promise<RewardProfile> {
  const recorded = recordedProfile.safeParse(facts['profile']).data;
  const settings = rewardProfileSchema.safeParse(recorded?.settings).data;
  if (recorded !== undefined && settings !== undefined) {
    return { ...recorded.identity, ...settings };
  }
  const named = namedProfile.safeParse(config).data;
  if (named === undefined) return notFound(run, 'a run with a reward profile', 'one without');
  return openRewardProfile(named.reward.profile);
}

function notFound(where: string, expected: string, got: string): never {
  return fail('data', { where, expected, got, next: 'correct the path, the key or the id' });
}
