/**
 * `npm run bench:bases -- CONFIG… [key=value…]`: what a model loses over a base of 16-bit floats or of 8-bit
 * integers. The config is one of `medix train`. Its validation set is answered greedily over each base, and the
 * answers over float32 are scored over the others. Prints one line of JSON for each of these.
 */
import { parseArgs } from 'node:util';
import { readArguments } from '../src/cli/config-arguments.ts';
import { trainingEngineSection } from '../src/config/engine-config.ts';
import { trainConfigSchema } from '../src/config/train-config.ts';
import { systemClock } from '../src/core/async/clock.ts';
import { defined } from '../src/core/errors.ts';
import { compareBeforeAfter } from '../src/train/before-after.ts';
import { openTraining } from '../src/train/open-training.ts';
import type { ScoredRollout } from '../src/train/score-rollouts.ts';
import { validate } from '../src/train/validation.ts';
import { never } from './timing.ts';

/** Sequences scored at once. */
const chunk = 64;

const { positionals: words } = parseArgs({ allowPositionals: true });
const { config } = await readArguments(trainConfigSchema, 'train', { words });
/** A new adapter changes nothing before its first step. */
const lora = { rank: 1 };

type Answered = {
  readonly answers: readonly ScoredRollout[];
  /** Of the answers over float32. */
  readonly logprobs: readonly Float32Array[];
};

async function answerOver(base: 'f32' | 'f16' | 'int8', exact?: Answered): Promise<Answered> {
  const training = await openTraining(
    { ...config, engine: trainingEngineSection.parse({ base, lora }) },
    { hub: {}, secrets: {}, clock: systemClock, signal: never },
  );
  try {
    const answers = await validate(
      defined(training.validationSamples, 'validation set'),
      training.prepare,
      training.engine,
      training.scoring.reward,
      { maxCompletionTokens: config.rollout.maxCompletionTokens, samples: 0 },
      { limit: 0, next: 'ask again', onRescored: async () => {} },
      never,
    );
    const sequences = (exact?.answers ?? answers).map(({ rollout }) => rollout);
    const logprobs: Float32Array[] = [];
    for (let start = 0; start < sequences.length; start += chunk) {
      const part = sequences.slice(start, start + chunk);
      logprobs.push(...(await training.engine.logprobs(part, 'policy', never)));
    }
    return { answers, logprobs };
  } finally {
    await training.close();
  }
}

function differences(exact: Answered, other: Answered) {
  const gaps = exact.logprobs.flatMap((row, i) =>
    [...row].map((logprob, t) => Math.abs(logprob - other.logprobs[i]![t]!)),
  );
  const same = exact.answers.filter(
    ({ rollout }, i) => rollout.text === other.answers[i]?.rollout.text,
  );
  const { questions, before, after, accuracyGain, mcnemarP } = compareBeforeAfter(
    exact.answers,
    other.answers,
    config.seed,
  );
  return {
    questions,
    tokens: gaps.length,
    logprobMean: gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length,
    logprobWorst: gaps.reduce((worst, gap) => Math.max(worst, gap), 0),
    sameAnswers: same.length / exact.answers.length,
    reward: { f32: before.reward, here: after.reward },
    accuracy: { f32: before.accuracy, here: after.accuracy },
    accuracyGain,
    mcnemarP,
  };
}

const exact = await answerOver('f32');
for (const base of ['f16', 'int8'] as const) {
  const other = await answerOver(base, exact);
  process.stdout.write(`${JSON.stringify({ base, ...differences(exact, other) })}\n`);
}
