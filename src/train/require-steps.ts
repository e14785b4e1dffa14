/** A training that changed nothing is no success. */
import { fail } from '../core/errors.ts';
import { readEvents, readMetrics } from '../run/run-reader.ts';

const causes = {
  'no-groups': {
    what: 'without a group to train on',
    next: 'every completion of a prompt had the same reward: read rollouts/ to see what is sampled and how it is scored, then train on easier questions, sample more completions (rollout.groupSize), or fine-tune the model first (medix sft)',
  },
  'nonfinite-gradient': {
    what: 'with a gradient that was not finite',
    next: 'check the data and the model, and lower optimizer.learningRate',
  },
} as const;

/**
 * Looks through the whole run, earlier attempts included; a run without iterations has nothing to show.
 * @throws MedixError 'engine' where not a single optimizer step was taken, with the reasons.
 */
export async function requireSteps(directory: string): Promise<void> {
  const iterations = (await readMetrics(directory)).filter(({ iteration }) => iteration > 0);
  const isStep = (value: number | null | undefined) => typeof value === 'number';
  if (iterations.some(({ values }) => isStep(values['update/gradNorm']))) return;
  if (iterations.length === 0) return;
  const events = await readEvents(directory);
  const found = Object.entries(causes).flatMap(([reason, { what, next }]) => {
    const skipped = events.filter((event) => event['reason'] === reason);
    const count = new Set(skipped.map(({ iteration }) => iteration)).size;
    return count > 0 ? [{ count, what, next }] : [];
  });
  const reasons = found.map(({ count, what }) => `${count} ${what}`);
  fail('engine', {
    where: directory,
    expected: 'at least one optimizer step',
    got: `none in ${iterations.length} iterations${reasons.length > 0 ? `: ${reasons.join(', ')}` : ''}; its model is the one it started from`,
    next: found.map(({ next }) => next).join('; ') || 'read events.jsonl',
  });
}
