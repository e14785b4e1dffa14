/** The life of a run directory around the work that fills it. */
import { fail } from '../../core/errors.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Manifest } from '../../run/records.ts';
import { RunWriter } from '../../run/run-writer.ts';
import type { CommandContext } from '../command.ts';

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
  { signal, clock }: CommandContext,
): Promise<string> {
  const { kind, out, config, facts, overrides } = plan;
  const run = plan.isResumed
    ? await RunWriter.resume(out, { config, facts }, overrides, clock)
    : await RunWriter.create(out, { kind, config, facts }, overrides, clock);
  try {
    await work(run);
    const model = await run.writeModel((directory) => engine.exportModel(directory));
    await run.close('finished');
    return model;
  } catch (error) {
    await run.close(signal.aborted ? 'stopped' : 'failed');
    if (!signal.aborted) throw error;
    return fail(
      'cancelled',
      {
        where: out,
        expected: 'to run to the end',
        got: 'an interruption',
        next: `resume with: medix ${plan.command} --resume ${out}`,
      },
      error,
    );
  }
}
