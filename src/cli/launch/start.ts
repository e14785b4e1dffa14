/** `medix launch easyr1` and `medix launch verl`. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { readHubAccess, readJobVariables, readRayToken } from '../../config/environment.ts';
import { type TrainConfig, trainConfigSchema } from '../../config/train-config.ts';
import { isLoopback } from '../../core/loopback.ts';
import {
  type BundleOutline,
  type BundlePlan,
  outlineBundle,
  packFolder,
  writeBundle,
} from '../../launch/bundle/bundle.ts';
import type { LaunchFacts } from '../../launch/launched-run.ts';
import { connectRay } from '../../launch/ray/ray-jobs.ts';
import type { LaunchTrainer } from '../../launch/trainers/cluster.ts';
import { runFacts } from '../../run/run-facts.ts';
import { RunWriter, requireNewRun } from '../../run/run-writer.ts';
import type { CommandContext, SetUpCommand } from '../command.ts';
import { fieldsHelp, readConfigArguments } from '../config-arguments.ts';
import { wholeNumber } from '../option-values.ts';
import { entrypointOf, followInto } from './follow-run.ts';

type Options = {
  readonly ray: string;
  readonly rewardUrl: string;
  readonly nodes: number;
  readonly gpus: number;
  readonly tensorParallel: number;
  readonly maxPromptTokens: number;
  readonly checkpoints: string;
  readonly data?: string;
  readonly python: string;
  readonly env: readonly string[];
  readonly mirroredPrompts: number;
  readonly dryRun: boolean;
  readonly bundle?: string;
  readonly detach: boolean;
};

export function setUpLaunchBy(trainer: LaunchTrainer): SetUpCommand {
  return (command, context) => {
    command
      .argument('[config...]', 'config file of a training and key=value changes')
      .option('--ray <url>', 'dashboard of the Ray head', 'http://127.0.0.1:8265')
      .option(
        '--reward-url <url>',
        'reward service (`medix reward serve`) as the cluster reaches it',
        'http://127.0.0.1:8090',
      )
      .option('--nodes <number>', 'machines with graphics cards', wholeNumber(1), 1)
      .option('--gpus <number>', 'graphics cards of each machine', wholeNumber(1), 8)
      .option(
        '--tensor-parallel <number>',
        'graphics cards over which the sampler splits the model',
        wholeNumber(1),
        2,
      )
      .option(
        '--max-prompt-tokens <number>',
        'longest prompt in tokens; longer ones are left out',
        wholeNumber(1),
        4352,
      )
      .option(
        '--checkpoints <folder>',
        'absolute folder of the cluster for checkpoints and metrics; with several machines one that all see',
        '/tmp/medix-checkpoints',
      )
      .option(
        '--data <folder>',
        'write the data into this folder, which the cluster sees as well, instead of sending them with the job',
      )
      .option('--python <command>', 'interpreter of the cluster that has the trainer', 'python3')
      .option(
        '--env <name[=value]>',
        'variable of the job, with its value here if none is given; may be repeated. Whoever reads the dashboard sees it',
        (word: string, before: readonly string[]) => [...before, word],
        [],
      )
      .option(
        '--mirrored-prompts <number>',
        'groups of each iteration that come back as rollouts',
        wholeNumber(0),
        16,
      )
      .option('--dry-run', 'print what would be sent, and contact nobody', false)
      .option('--bundle <folder>', 'with --dry-run: write the files into this folder as well')
      .option('--detach', 'submit the job and return; `medix launch follow` follows it', false)
      .addHelpText('after', fieldsHelp(trainConfigSchema))
      .action(async (words: string[], options: Options) => {
        const { config, overrides } = await readConfigArguments(trainConfigSchema, words);
        await launch(planOf(trainer, config, options), options, overrides, context);
      });
  };
}

function planOf(trainer: LaunchTrainer, config: TrainConfig, options: Options): BundlePlan {
  const { nodes, gpus, tensorParallel, maxPromptTokens, checkpoints } = options;
  return {
    trainer,
    config,
    cluster: {
      nodes,
      gpusPerNode: gpus,
      tensorParallel,
      maxPromptTokens,
      checkpoints: join(checkpoints, config.out.replaceAll(/[^\w.-]+/g, '-')),
    },
    rewardUrl: options.rewardUrl,
    python: options.python,
    sharedData: options.data ?? null,
    mirroredPrompts: options.mirroredPrompts,
  };
}

async function launch(
  plan: BundlePlan,
  options: Options,
  overrides: readonly string[],
  context: CommandContext,
): Promise<void> {
  const { terminal, signal } = context;
  if (options.dryRun) {
    const outline = await outlineBundle(plan);
    const hub = readHubAccess();
    printBundle(plan, outline, context);
    if (options.bundle !== undefined) {
      const { folder, rows } = await writeBundle(options.bundle, plan, outline, { hub, signal });
      terminal.print(`written to ${folder}${rows ? `, with ${rowsOf(rows)}` : ''}`);
    }
    return;
  }
  await submitAndFollow(own(plan), options, overrides, context);
}

/**
 * The plan with a folder of its own on the cluster: trainers go on from whatever they find there, also from what
 * another run of the same name left.
 */
function own(plan: BundlePlan): BundlePlan {
  const checkpoints = `${plan.cluster.checkpoints}-${randomUUID().slice(0, 8)}`;
  return { ...plan, cluster: { ...plan.cluster, checkpoints } };
}

async function submitAndFollow(
  plan: BundlePlan,
  options: Options,
  overrides: readonly string[],
  context: CommandContext,
): Promise<void> {
  const { terminal, signal, clock } = context;
  const { config, trainer } = plan;
  const hub = readHubAccess();
  const outline = await outlineBundle(plan);
  const variables = readJobVariables(options.env);
  await requireNewRun(config.out);
  const ray = connectRay(options.ray, readRayToken());
  // Before the data are written, which takes long.
  terminal.print(`Ray ${await ray.version()} at ${ray.address}`);
  if (plan.cluster.nodes > 1 && isLoopback(new URL(plan.rewardUrl).hostname)) {
    terminal.print(
      `warning: ${plan.rewardUrl} is another machine for each node; give --reward-url`,
    );
  }
  for (const note of outline.notes) terminal.print(`note: ${note}`);
  const bundle = join(config.out, 'bundle');
  const id = `medix-${trainer}-${randomUUID().slice(0, 8)}`;
  const facts: LaunchFacts = {
    trainer,
    ray: ray.address,
    jobs: [id],
    checkpoints: plan.cluster.checkpoints,
    variables: Object.keys(variables),
  };
  const manifest = {
    kind: 'train' as const,
    config,
    facts: { ...(await runFacts()), launch: facts },
  };
  const run = await RunWriter.create(config.out, manifest, overrides, clock);
  await followInto(
    run,
    { config, launch: facts, ray, detach: options.detach },
    context,
    async () => {
      const { rows } = await writeBundle(bundle, plan, outline, { hub, signal });
      if (rows) terminal.print(`data: ${rowsOf(rows)}`);
      const packed = await packFolder(bundle);
      await ray.upload(packed.name, packed.bytes);
      await ray.submit({
        entrypoint: entrypointOf(plan.python),
        submissionId: id,
        package: packed.name,
        environment: variables,
        metadata: { medix: trainer, run: config.out },
      });
      terminal.print(`job ${id} submitted (${(packed.bytes.length / 2 ** 20).toFixed(1)} MiB)`);
    },
  );
}

function rowsOf({ train, validation }: { readonly train: number; readonly validation: number }) {
  return `${train} training rows and ${validation} validation rows`;
}

function printBundle(plan: BundlePlan, outline: BundleOutline, { terminal }: CommandContext): void {
  const { texts, data, notes } = outline;
  terminal.print('files of the job:');
  for (const [name, text] of texts) terminal.print(`  ${name} (${Buffer.byteLength(text)} bytes)`);
  if (data.kind === 'files') {
    for (const path of [data.train, data.validation, data.images]) {
      if (path !== null) terminal.print(`  ${path} (written when the job is launched)`);
    }
  } else terminal.print(`  (the trainer itself reads ${data.train} from the hub)`);
  terminal.print(`entry point: ${entrypointOf(plan.python)}`);
  terminal.print('rewards: medix reward serve reward.yaml');
  for (const note of notes) terminal.print(`note: ${note}`);
  terminal.print('config.yaml:');
  for (const line of (texts.get('config.yaml') ?? '').trimEnd().split('\n')) {
    terminal.print(`  ${line}`);
  }
}
