/** The life of a run directory around the work that fills it. */
import type { WallClock } from '../core/async/clock.ts';
import type { Engine } from '../engine/engine.ts';
import { closing } from '../run/closing.ts';
import type { Manifest } from '../run/records.ts';
import { RunWriter } from '../run/run-writer.ts';

export type RunPlan = {
  readonly kind: Manifest['kind'];
  /** The command that resumes it. */
  readonly command: 'train' | 'sft' | 'quickstart';
  /** Run directory. */
  readonly out: string;
  readonly isResumed: boolean;
  readonly config: Manifest['config'];
  readonly facts: Manifest['facts'];
  readonly overrides: readonly string[];
};

/**
 * Claims the run directory, does the work, publishes the model, and records how it ended.
 * @returns the folder of the finished model.
 * @throws MedixError 'cancelled' when the signal aborted; it says how to resume.
 */
export async function writeRun(
  plan: RunPlan,
  engine: Engine,
  work: (run: RunWriter) => Promise<void>,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: WallClock },
): Promise<string> {
  const { kind, out, config, facts, overrides } = plan;
  const run = plan.isResumed
    ? await RunWriter.resume(out, { config, facts }, overrides, clock)
    : await RunWriter.create(out, { kind, config, facts }, overrides, clock);
  const resume = `medix ${plan.command} --resume ${out}`;
  return closing(run, { where: out, resume }, signal, async () => {
    await work(run);
    return run.writeModel((directory) => engine.exportModel(directory));
  });
}
