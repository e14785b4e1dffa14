/** What JavaScript does between the programs of the engine: picking tokens, and the optimizer's step. */
import { rngFromKey } from '../src/core/rng.ts';
import { adamStep } from '../src/engine/local/adam.ts';
import type { Sampling } from '../src/engine/local/sampling/pick-quickly.ts';
import { pickToken } from '../src/engine/local/sampling/pick-token.ts';
import { createParameterBuffer } from '../src/engine/local/weights/parameter-buffer.ts';

/** A decode step over the vocabulary of Qwen3-VL. */
const rows = 32;
const vocabulary = 151_936;
/** Weights of one step, in matrices of a usual size. */
const matrices = 4;
const side = 1024;
const runs = 8;

export type HostResult = {
  readonly pickSeconds: number;
  readonly pickNucleusSeconds: number;
  readonly adamSecondsPerMillion: number;
};

export function benchHost(): HostResult {
  const logprobs = Array.from({ length: rows }, (_, i) => randomRow(`bench row ${i}`));
  return {
    pickSeconds: benchPicking(logprobs, { temperature: 1, topP: 1, topK: 0 }),
    pickNucleusSeconds: benchPicking(logprobs, { temperature: 1, topP: 0.95, topK: 0 }),
    adamSecondsPerMillion: benchAdam() / ((matrices * side * side) / 1e6),
  };
}

function randomRow(key: string): Float32Array {
  const rng = rngFromKey(key);
  const scores = Float64Array.from({ length: vocabulary }, () => 2 * rng.normal());
  const norm = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
  return Float32Array.from(scores, (score) => score - norm);
}

function benchPicking(logprobs: readonly Float32Array[], sampling: Sampling): number {
  const rng = rngFromKey('bench picks');
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const uniforms = logprobs.map(() => rng.next());
    const start = performance.now();
    const tokens = logprobs.map((row, i) => pickToken(row, sampling, [], uniforms[i]!));
    best = Math.min(best, performance.now() - start);
    if (run === 0) {
      logprobs.forEach((row, i) => {
        requirePlace(row, sampling, uniforms[i]!, tokens[i]);
      });
    }
  }
  return best / 1000;
}

/** The number falls to the token where probabilities, of those in the nucleus, add up to it. */
function requirePlace(row: Float32Array, { topP }: Sampling, uniform: number, token?: number) {
  const isKept = nucleusOf(row, topP);
  let [before, whole] = [0, 0];
  row.forEach((logprob, other) => {
    if (!isKept(logprob)) return;
    if (token !== undefined && other < token) before += Math.exp(logprob);
    whole += Math.exp(logprob);
  });
  const after = before + Math.exp(row[token ?? -1] ?? Number.NaN);
  const goal = uniform * whole;
  if (!(before <= goal + 1e-6 && goal <= after + 1e-6 && isKept(row[token!]!))) {
    throw new Error(`picked ${token}, which lies from ${before} to ${after}, for ${goal}`);
  }
}

function nucleusOf(row: Float32Array, topP: number): (logprob: number) => boolean {
  if (topP >= 1) return () => true;
  let mass = 0;
  const last = row.toSorted().findLast((logprob) => {
    mass += Math.exp(logprob);
    return mass >= topP;
  });
  return (logprob) => logprob >= (last ?? Number.NEGATIVE_INFINITY);
}

function benchAdam(): number {
  const specs = Array.from({ length: matrices }, (_, i) => ({
    name: `${i}`,
    shape: [side, side],
  }));
  const weights = createParameterBuffer(specs);
  const gradient = createParameterBuffer(specs);
  gradient.flat.fill(1e-3);
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 0, weightDecay: 0, maxGradNorm: 1 };
  const state = {
    first: createParameterBuffer(specs),
    second: createParameterBuffer(specs),
    steps: 0,
  };
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    const report = adamStep(weights, gradient, state, { ...adam, learningRate: 1e-3 });
    best = Math.min(best, performance.now() - start);
    // With an even gradient each step is as long as the learning rate.
    const error = weights.flat.at(-1)! + 1e-3 * (run + 1);
    if (report.kind !== 'applied' || Math.abs(error) > 1e-6) {
      throw new Error(`step ${run + 1} of Adam is off by ${error}`);
    }
  }
  return best / 1000;
}
