/** What a run directory keeps of its job, beside what every run has. */
import { z } from 'zod';
import { type TrainConfig, trainConfigSchema } from '../config/train-config.ts';
import { fail } from '../core/errors.ts';
import type { Manifest } from '../run/records.ts';
import { readManifest } from '../run/run-reader.ts';
import { launchTrainers } from './trainers/cluster.ts';

const launchFactsSchema = z.object({
  trainer: z.enum(launchTrainers),
  /** Address of the head. */
  ray: z.string(),
  /** Jobs of this run, the newest last. */
  jobs: z.array(z.string()).min(1),
  /** Folder of the cluster that holds checkpoints. */
  checkpoints: z.string(),
  /** Variables of the job by name; their values are not kept. */
  variables: z.array(z.string()),
});
export type LaunchFacts = z.output<typeof launchFactsSchema>;

export type LaunchedRun = {
  readonly manifest: Manifest;
  readonly config: TrainConfig;
  readonly launch: LaunchFacts;
};

/** @throws MedixError 'run' where the directory holds no run, or one that was not launched. */
export async function readLaunchedRun(run: string): Promise<LaunchedRun> {
  const manifest = await readManifest(run);
  const launch = launchFactsSchema.safeParse(manifest.facts['launch']);
  const config = trainConfigSchema.safeParse(manifest.config);
  if (launch.success && config.success) {
    return { manifest, config: config.data, launch: launch.data };
  }
  return fail('run', {
    where: run,
    expected: 'a run of medix launch',
    got: `a run of medix ${manifest.kind}`,
    next: 'give the directory that medix launch printed',
  });
}
