/**
 * Draws samples until enough of them make a prompt that fits the model. Those that are likely to be drawn next are
 * prepared ahead, while the engine works on what was taken.
 */
import { defined, fail, type Problem } from '../core/errors.ts';
import type { PreparedPrompt, PreparePrompt } from '../rollout/prepare-prompts.ts';
import { createSampleOrder, type SampleSet } from './sample-order.ts';

type DrawnPrompt = PreparedPrompt & {
  /** Running number of the draw within the run. */
  readonly draw: number;
};

/** Without its sample, whose images would fill the memory where many are rejected. */
export type Rejection = { readonly sampleId: string; readonly problem: Problem };

export type PromptSource = {
  /**
   * @param from draws made so far.
   * @returns exactly `count` prompts, the draws made by then, and what was passed over.
   * @throws MedixError 'data' when no prompt of the whole data set fits.
   */
  take(
    count: number,
    from: number,
  ): Promise<{
    readonly prompts: readonly DrawnPrompt[];
    readonly draws: number;
    readonly rejected: readonly Rejection[];
  }>;
};

export function createPromptSource(
  samples: SampleSet,
  prepare: PreparePrompt,
  seed: number,
): PromptSource {
  const rowOf = createSampleOrder(samples, seed);
  const prepareDraw = async (draw: number) => ({
    draw,
    outcome: await prepare(await samples.at(rowOf(draw))),
  });
  type Draw = ReturnType<typeof prepareDraw>;
  const ahead = new Map<number, Draw>();
  const prepareAhead = (count: number, from: number) => {
    ahead.clear();
    for (let draw = from; draw < from + count; draw++) {
      const prepared = prepareDraw(draw);
      // Told when it is taken, if it ever is.
      prepared.catch(() => undefined);
      ahead.set(draw, prepared);
    }
  };
  return {
    take: async (count, from) => {
      const prompts: DrawnPrompt[] = [];
      const rejected: Rejection[] = [];
      let draws = from;
      while (prompts.length < count) {
        const missing = count - prompts.length;
        const drawn = await Promise.all(
          Array.from({ length: missing }, (_, i) => {
            return ahead.get(draws + i) ?? prepareDraw(draws + i);
          }),
        );
        draws += missing;
        for (const { draw, outcome } of drawn) {
          const { sample } = outcome;
          if (outcome.kind === 'rejected') {
            rejected.push({ sampleId: sample.id, problem: outcome.problem });
          } else prompts.push({ sample, prompt: outcome.prompt, draw });
        }
        if (prompts.length === 0 && draws - from >= samples.size) failNoneFits(rejected);
      }
      prepareAhead(count, draws);
      return { prompts, draws, rejected };
    },
  };
}

function failNoneFits(rejected: readonly Rejection[]): never {
  const { problem } = defined(rejected[0], 'a rejected prompt');
  fail('data', {
    ...problem,
    where: `data.train: no sample can be used; the first is ${problem.where}`,
  });
}
