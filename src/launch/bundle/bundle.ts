/** The folder that a job runs in: the trainer's config, the bridge to the reward service, the data, and what starts it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { zipSync } from 'fflate';
import { stringify } from 'yaml';
import { isPhantoms, sourcesOf } from '../../config/data-config.ts';
import type { HubAccess } from '../../config/environment.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import { digestOfBytes } from '../../core/digest.ts';
import { fail } from '../../core/errors.ts';
import { entriesBelow, foundAt, readBytes, readText } from '../../core/files.ts';
import { modalities } from '../../core/modality.ts';
import { packageFile } from '../../core/package-file.ts';
import { openTemplate } from '../../data/prompt-template.ts';
import { builtInTemplates } from '../../data/templates.ts';
import { storing } from '../../run/durable.ts';
import { openSamples } from '../../train/open-samples.ts';
import { bridgeFileName, bridgeSource } from '../bridges/bridge-source.ts';
import type { Cluster, DataPlace, LaunchTrainer, TrainerConfig } from '../trainers/cluster.ts';
import { easyr1Config } from '../trainers/easyr1.ts';
import { hydraWords, verlConfig } from '../trainers/verl.ts';
import { writeTrainerData } from './trainer-data.ts';

export type BundlePlan = {
  readonly trainer: LaunchTrainer;
  readonly config: TrainConfig;
  readonly cluster: Cluster;
  /** Base address of the reward service as the cluster reaches it. */
  readonly rewardUrl: string;
  /** Interpreter that has the trainer. */
  readonly python: string;
  /** Folder that launcher and cluster both see, for data too large to go with the job. */
  readonly sharedData: string | null;
  /** Groups of each step that come back as rollouts. */
  readonly mirroredPrompts: number;
};

/** All of a bundle but its data, which take long to read. */
export type BundleOutline = TrainerConfig & {
  /** Texts by their name in the folder. */
  readonly texts: ReadonlyMap<string, string>;
  readonly data: DataPlace;
};

/** Compressed, in bytes: what Ray's head takes as one package with room to spare. */
const mostPackageBytes = 400 * 2 ** 20;

/**
 * What would be submitted, from the config alone: nothing is read from a network.
 * @throws MedixError 'config' with every field that the trainer cannot do.
 */
export async function outlineBundle(plan: BundlePlan): Promise<BundleOutline> {
  const { trainer, config, cluster, rewardUrl } = plan;
  const data = await placeOf(plan);
  const reward = bridgeFileName(trainer);
  const template = data.kind === 'hub' ? 'prompt.jinja' : null;
  const made =
    trainer === 'easyr1'
      ? easyr1Config(config, cluster, data, { reward, template })
      : verlConfig(config, cluster, data, { reward });
  const job = {
    command: commandOf(plan, made),
    metrics: join(
      cluster.checkpoints,
      trainer === 'easyr1' ? 'experiment_log.jsonl' : 'metrics.jsonl',
    ),
    checkpoints: cluster.checkpoints,
    rollouts: join(cluster.checkpoints, 'medix-rollouts'),
    promptsPerStep: plan.mirroredPrompts,
    environment: {
      MEDIX_GROUP_SIZE: String(config.rollout.groupSize),
      ...(trainer === 'verl'
        ? { VERL_FILE_LOGGER_PATH: join(cluster.checkpoints, 'metrics.jsonl') }
        : {}),
    },
  };
  const texts = new Map([
    ['config.yaml', stringify(made.config)],
    ['job.json', `${JSON.stringify(job, null, 2)}\n`],
    ['medix_job.py', await readText(packageFile('assets/launch/medix_job.py'))],
    [reward, await bridgeSource(trainer, rewardUrl)],
    ['reward.yaml', stringify({ reward: serviceSection(config) })],
  ]);
  if (template !== null) texts.set(template, await hubTemplate(config.data.template));
  return { ...made, texts, data };
}

/** The section of the reward service that scores as the config says. */
function serviceSection({ reward }: TrainConfig) {
  const { unscoredLimit: _, ...section } = reward;
  return section;
}

function commandOf({ trainer, python }: BundlePlan, { config }: TrainerConfig): string[] {
  return trainer === 'easyr1'
    ? [python, '-m', 'verl.trainer.main', 'config=config.yaml']
    : [python, '-m', 'verl.trainer.main_ppo', ...hydraWords(config)];
}

async function placeOf({ config, sharedData, trainer }: BundlePlan): Promise<DataPlace> {
  const { data } = config;
  const train = sourcesOf(data, 'train');
  const all = [...train, ...sourcesOf(data, 'validation')];
  const [only] = train;
  const isOfHub = async (from: string) =>
    !isPhantoms(from) && (await foundAt(from.split('@')[0] ?? from)) === 'missing';
  const areOfHub = await Promise.all(all.map(({ from }) => isOfHub(from)));
  if (sharedData === null && areOfHub.every(Boolean) && only !== undefined && train.length === 1) {
    const { columns } = only;
    const image = [columns.images].flat()[0] ?? 'image';
    const named = (where: string, field: unknown): string =>
      typeof field === 'string' ? field : refuseColumns(where, field);
    if (columns.modality !== null) refuseColumns('data.columns.modality', columns.modality);
    return {
      kind: 'hub',
      train: only.from,
      validation: data.validation,
      question: named('data.columns.question', columns.question),
      answer: named('data.columns.answer', columns.answer),
      image,
    };
  }
  const folder = sharedData === null ? 'data' : resolve(sharedData);
  const hasImages = !data.textOnly;
  return {
    kind: 'files',
    train: `${folder}/train.jsonl`,
    validation: data.validation === null ? null : `${folder}/validation.jsonl`,
    images: `${folder}/images`,
    hasImages: hasImages || trainer === 'verl',
  };
}

function refuseColumns(where: string, got: unknown): never {
  return fail('config', {
    where,
    expected: 'a plain column, since the trainer itself reads the data set from the hub',
    got: JSON.stringify(got),
    next: 'give --data DIR, a folder that the cluster sees as well, and the rows are written there as they are read here',
  });
}

/** A template with the name that EasyR1 gives the question, and one image before it, as the paper's has it. */
async function hubTemplate(name: string): Promise<string> {
  const source = Object.hasOwn(builtInTemplates, name)
    ? builtInTemplates[name as keyof typeof builtInTemplates]
    : await readText(name);
  const tags = `[${modalities.map((tag) => `"${tag}"`).join(', ')}]`;
  return `{%- set modalities = ${tags} -%}{%- set imageCount = 1 -%}{%- set problem = content | trim -%}{%- set problem = problem if "<image>" in problem else "<image>" ~ problem -%}\n${source}`;
}

export type WrittenBundle = {
  readonly folder: string;
  /** Rows by split; absent where the trainer reads the hub itself. */
  readonly rows?: { readonly train: number; readonly validation: number };
};

/**
 * Writes texts and data into a folder.
 * @throws MedixError 'data' where the data cannot be read, 'run' where the folder cannot be written.
 */
export async function writeBundle(
  folder: string,
  plan: BundlePlan,
  outline: BundleOutline,
  access: { readonly hub: HubAccess; readonly signal: AbortSignal },
): Promise<WrittenBundle> {
  await storing(folder, async () => {
    await mkdir(folder, { recursive: true });
    for (const [name, text] of outline.texts) await writeFile(join(folder, name), text);
  });
  if (outline.data.kind === 'hub') return { folder };
  const target = plan.sharedData === null ? join(folder, 'data') : resolve(plan.sharedData);
  const rows = { train: 0, validation: 0 };
  for (const split of ['train', 'validation'] as const) {
    const opened = await openSamples(plan.config.data, split, access.hub, access.signal);
    if (opened === undefined) continue;
    const template = await openTemplate(plan.config.data.template);
    rows[split] = await storing(target, async () => {
      await mkdir(target, { recursive: true });
      const written = await writeTrainerData(target, opened.samples, {
        split,
        trainer: plan.trainer,
        template,
        imagePrefix: plan.sharedData === null ? 'data/images/' : `${target}/images/`,
        hasImages: outline.data.kind === 'files' && outline.data.hasImages,
        signal: access.signal,
      });
      return written.rows;
    });
  }
  return { folder, rows };
}

export type Package = { readonly name: string; readonly bytes: Uint8Array };

/**
 * The folder as the zip that Ray unpacks, named by its content.
 * @throws MedixError 'data' where it is too large to go with a job.
 */
export async function packFolder(folder: string): Promise<Package> {
  const files: Record<string, [Uint8Array, { level: 0 | 6; mtime: Date }]> = {};
  let total = 0;
  for (const entry of await entriesBelow(folder)) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readBytes(path);
    total += bytes.length;
    if (total > mostPackageBytes) {
      fail('data', {
        where: folder,
        expected: 'at most 400 MiB to send with the job',
        got: 'more',
        next: 'give --data DIR, a folder that the cluster sees as well, or use fewer rows with data.trainCount',
      });
    }
    const isText = /\.(py|ya?ml|jsonl?|jinja)$/.test(entry.name);
    const name = relative(folder, path).split(sep).join('/');
    // The same content is the same package, whenever it was written.
    files[name] = [bytes, { level: isText ? 6 : 0, mtime: new Date(1980, 0, 1) }];
  }
  const bytes = zipSync(files);
  return { name: `_ray_pkg_${digestOfBytes(bytes).slice(0, 32)}.zip`, bytes };
}
