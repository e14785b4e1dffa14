/** `medix launch status`, `stop` and `checkpoints`. */
import { readRayToken } from '../../config/environment.ts';
import { fail } from '../../core/errors.ts';
import { readLaunchedRun } from '../../launch/launched-run.ts';
import { connectRay, isOver } from '../../launch/ray/ray-jobs.ts';
import { readCheckpoints } from '../../run/checkpoints.ts';
import { readMetrics } from '../../run/run-reader.ts';
import type { SetUpCommand } from '../command.ts';

export const setUpLaunchStatus: SetUpCommand = (command, { terminal }) => {
  command
    .argument('<run>', 'run directory of medix launch')
    .option('--json', 'print one JSON record')
    .action(async (directory: string, { json }: { readonly json?: true }) => {
      const { config, launch } = await readLaunchedRun(directory);
      const ray = connectRay(launch.ray, readRayToken());
      const job = launch.jobs.at(-1) ?? '';
      const details = await ray.details(job);
      const iteration = (await readMetrics(directory)).at(-1)?.iteration ?? null;
      const state = details?.status ?? 'UNKNOWN';
      if (json) {
        terminal.printJson({ job, state, iteration, of: config.iterations });
        return;
      }
      terminal.print(`job ${job} at ${ray.address}: ${state}`);
      if (details?.message) terminal.print(details.message);
      terminal.print(
        `mirrored up to iteration ${iteration ?? 'none'} of ${config.iterations}; jobs so far: ${launch.jobs.length}`,
      );
    });
};

export const setUpLaunchStop: SetUpCommand = (command, { terminal }) => {
  command.argument('<run>', 'run directory of medix launch').action(async (directory: string) => {
    const { launch } = await readLaunchedRun(directory);
    const ray = connectRay(launch.ray, readRayToken());
    const job = launch.jobs.at(-1) ?? '';
    const details = await ray.details(job);
    if (details === undefined) {
      fail('engine', {
        where: `job ${job}`,
        expected: `a job of ${ray.address}`,
        got: 'none',
        next: 'there is nothing to stop; `medix launch resume` starts a new job',
      });
    }
    if (isOver(details.status)) {
      terminal.print(`job ${job} has ended: ${details.status}`);
      return;
    }
    await ray.stop(job);
    terminal.print(`job ${job} is being stopped; go on with: medix launch resume ${directory}`);
  });
};

export const setUpLaunchCheckpoints: SetUpCommand = (command, { terminal }) => {
  command
    .argument('<run>', 'run directory of medix launch')
    .option('--json', 'print one JSON record')
    .action(async (directory: string, { json }: { readonly json?: true }) => {
      await readLaunchedRun(directory);
      const found = (await readCheckpoints(directory)).map(({ iteration, score, engine }) => {
        return { iteration, score, path: String(engine['path']) };
      });
      if (json) {
        terminal.printJson(found);
        return;
      }
      if (found.length === 0) terminal.print('no checkpoints yet');
      for (const { iteration, score, path } of found) {
        const shown = score === null ? 'not validated' : `validation reward ${score.toFixed(4)}`;
        terminal.print(`iteration ${iteration}: ${path} (${shown})`);
      }
    });
};
