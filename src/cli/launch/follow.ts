/** `medix launch follow` and `medix launch resume`. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { readJobVariables, readRayToken } from '../../config/environment.ts';
import { fail } from '../../core/errors.ts';
import { packFolder } from '../../launch/bundle/bundle.ts';
import { readLaunchedRun } from '../../launch/launched-run.ts';
import { connectRay, isOver } from '../../launch/ray/ray-jobs.ts';
import { RunWriter } from '../../run/run-writer.ts';
import type { SetUpCommand } from '../command.ts';
import { entrypointOf, followInto } from './follow-run.ts';

export const setUpLaunchFollow: SetUpCommand = (command, context) => {
  command
    .argument('<run>', 'run directory of medix launch')
    .option('--ray <url>', 'dashboard of the Ray head, where it is another one by now')
    .action(async (directory: string, options: { readonly ray?: string }) => {
      const { manifest, config, launch } = await readLaunchedRun(directory);
      const ray = connectRay(options.ray ?? launch.ray, readRayToken());
      const run = await RunWriter.resume(directory, manifest, [], context.clock);
      await followInto(run, { config, launch, ray, detach: false }, context, async () => {});
    });
};

type ResumeOptions = {
  readonly ray?: string;
  readonly python: string;
  readonly env: readonly string[];
  readonly detach: boolean;
};

export const setUpLaunchResume: SetUpCommand = (command, context) => {
  command
    .argument('<run>', 'run directory of medix launch')
    .option('--ray <url>', 'dashboard of the Ray head, where it is another one by now')
    .option('--python <command>', 'interpreter of the cluster that has the trainer', 'python3')
    .option(
      '--env <name[=value]>',
      'variable of the job; those of the first start are not kept and must be given again',
      (word: string, before: readonly string[]) => [...before, word],
      [],
    )
    .option('--detach', 'submit the job and return', false)
    .action(async (directory: string, options: ResumeOptions) => {
      const { terminal, clock } = context;
      const { manifest, config, launch } = await readLaunchedRun(directory);
      const variables = readJobVariables(options.env);
      requireVariables(launch.variables, variables);
      const ray = connectRay(options.ray ?? launch.ray, readRayToken());
      const before = launch.jobs.at(-1) ?? '';
      const details = await ray.details(before);
      if (details !== undefined && !isOver(details.status)) {
        fail('run', {
          where: `job ${before}`,
          expected: 'one that has ended',
          got: `one that is ${details.status.toLowerCase()}`,
          next: `follow it with: medix launch follow ${directory}; or stop it first`,
        });
      }
      const id = `medix-${launch.trainer}-${randomUUID().slice(0, 8)}`;
      const renewed = { ...launch, ray: ray.address, jobs: [...launch.jobs, id] };
      const facts = { ...manifest.facts, launch: renewed };
      const packed = await packFolder(join(directory, 'bundle'));
      const run = await RunWriter.resume(directory, { ...manifest, facts }, [], clock);
      const followed = { config, launch: renewed, ray, detach: options.detach };
      await followInto(run, followed, context, async () => {
        await ray.upload(packed.name, packed.bytes);
        await ray.submit({
          entrypoint: entrypointOf(options.python),
          submissionId: id,
          package: packed.name,
          environment: variables,
          metadata: { medix: launch.trainer, run: directory },
        });
        const from = run.resumeFrom?.iteration;
        terminal.print(
          `job ${id} goes on ${from === undefined ? 'from the start: there is no checkpoint' : `after iteration ${from}`}`,
        );
      });
    });
};

function requireVariables(names: readonly string[], given: Readonly<Record<string, string>>): void {
  const missing = names.filter((name) => given[name] === undefined);
  if (missing.length === 0) return;
  fail('config', {
    where: '--env',
    expected: `the variables that the first job had: ${names.join(', ')}`,
    got: `none of the name ${missing.join(', ')}`,
    next: `give ${missing.map((name) => `--env ${name}`).join(' ')}; values are not kept in the run`,
  });
}
