/**
 * The smallest policy that learns: one row of logits for every (prompt, position), trained by AdamW. It
 * generalises to nothing, which is what a test of a training loop wants: true gradients, no noise.
 *
 * Deviation from a language model: a token's distribution depends on its position, not on the tokens
 * before it. Rows start at zero, so the policy starts uniform and a row that was never touched needs no
 * storage.
 */
import { createHash } from 'node:crypto';
import { invariant } from '../../core/errors.ts';
import type { Rng } from '../../core/rng.ts';
import type { Prompt } from '../../model/prompt.ts';
import type { AdamParameters, StepReport } from '../engine.ts';

/** All [V]. */
type Row = {
  readonly logits: Float32Array;
  readonly gradient: Float64Array;
  readonly momentum: Float32Array;
  readonly variance: Float32Array;
};

/**
 * Little-endian float32 arrays as base64, by row key. The order of the rows is part of the state: sums
 * over rows depend on it in their last bit.
 */
export type TabularState = {
  readonly steps: number;
  readonly rows: Readonly<
    Record<
      string,
      { readonly logits: string; readonly momentum: string; readonly variance: string }
    >
  >;
};

export class TabularPolicy {
  readonly #vocabulary: number;
  #rows = new Map<string, Row>();
  #steps = 0;

  constructor(vocabulary: number) {
    this.#vocabulary = vocabulary;
  }

  /** Trainable numbers allocated so far. */
  get parameters(): number {
    return this.#rows.size * this.#vocabulary;
  }

  /** [T] logprobs of the tokens under the present weights. */
  logprobs(prompt: Prompt, completion: Int32Array): Float32Array {
    const key = promptKey(prompt);
    return Float32Array.from(
      completion,
      (token, t) => this.#distribution(`${key}/${t}`)[token] ?? Number.NEGATIVE_INFINITY,
    );
  }

  /** One token and its logprob at temperature 1. `temperature` 0 takes the first most likely token. */
  sample(prompt: Prompt, position: number, temperature: number, rng: Rng) {
    const logprobs = this.#distribution(`${promptKey(prompt)}/${position}`);
    const token =
      temperature === 0 ? mostLikely(logprobs) : draw(logprobs, temperature, rng.next());
    return { token, logprob: Math.fround(logprobs[token]!) };
  }

  /** [T] entropies of the distributions that the tokens are of. */
  entropies(prompt: Prompt, completion: Int32Array): Float32Array {
    const key = promptKey(prompt);
    return Float32Array.from(completion, (_, t) => entropyOf(this.#distribution(`${key}/${t}`)));
  }

  /**
   * Adds Σ_t gradient[t]·∂logprob[t]/∂logits to the accumulated gradient, and the same of entropies where there is
   * a gradient in them.
   */
  accumulate(
    prompt: Prompt,
    completion: Int32Array,
    gradient: Float32Array,
    entropyGradient?: Float32Array,
  ): void {
    const key = promptKey(prompt);
    completion.forEach((token, t) => {
      const rowKey = `${key}/${t}`;
      const logprobs = this.#distribution(rowKey);
      const entropy = entropyOf(logprobs);
      const ofEntropy = entropyGradient?.[t] ?? 0;
      const row = this.#row(rowKey);
      for (let v = 0; v < this.#vocabulary; v++) {
        const probability = Math.exp(logprobs[v]!);
        row.gradient[v]! += gradient[t]! * ((v === token ? 1 : 0) - probability);
        row.gradient[v]! -= ofEntropy * probability * (logprobs[v]! + entropy);
      }
    });
  }

  step(adam: AdamParameters): StepReport {
    let square = 0;
    for (const { gradient } of this.#rows.values()) for (const g of gradient) square += g * g;
    const gradNorm = Math.sqrt(square);
    if (!Number.isFinite(gradNorm)) {
      for (const { gradient } of this.#rows.values()) gradient.fill(0);
      return { kind: 'skipped-nonfinite' };
    }
    const scale =
      adam.maxGradNorm > 0 && gradNorm > adam.maxGradNorm ? adam.maxGradNorm / gradNorm : 1;
    this.#steps++;
    for (const row of this.#rows.values()) updateRow(row, adam, this.#steps, scale);
    return { kind: 'applied', gradNorm };
  }

  state(): TabularState {
    return {
      steps: this.#steps,
      rows: Object.fromEntries(
        [...this.#rows].map(([key, { logits, momentum, variance }]) => [
          key,
          { logits: toBase64(logits), momentum: toBase64(momentum), variance: toBase64(variance) },
        ]),
      ),
    };
  }

  restore(state: TabularState): void {
    this.#steps = state.steps;
    this.#rows = new Map(
      Object.entries(state.rows).map(([key, row]) => {
        const logits = fromBase64(row.logits);
        invariant(logits.length === this.#vocabulary, `row ${key} has another vocabulary`);
        return [
          key,
          {
            logits,
            gradient: new Float64Array(this.#vocabulary),
            momentum: fromBase64(row.momentum),
            variance: fromBase64(row.variance),
          },
        ];
      }),
    );
  }

  /** Log-softmax of a row, [V]. */
  #distribution(key: string): Float64Array {
    const logits = this.#rows.get(key)?.logits ?? new Float32Array(this.#vocabulary);
    const largest = logits.reduce((a, b) => Math.max(a, b));
    let sum = 0;
    for (const logit of logits) sum += Math.exp(logit - largest);
    const normaliser = largest + Math.log(sum);
    return Float64Array.from(logits, (logit) => logit - normaliser);
  }

  #row(key: string): Row {
    let row = this.#rows.get(key);
    if (!row) {
      row = {
        logits: new Float32Array(this.#vocabulary),
        gradient: new Float64Array(this.#vocabulary),
        momentum: new Float32Array(this.#vocabulary),
        variance: new Float32Array(this.#vocabulary),
      };
      this.#rows.set(key, row);
    }
    return row;
  }
}

/** AdamW (arXiv 1711.05101); clears the gradient. */
function updateRow(row: Row, adam: AdamParameters, steps: number, scale: number): void {
  const { logits, gradient, momentum, variance } = row;
  for (let v = 0; v < logits.length; v++) {
    const g = gradient[v]! * scale;
    momentum[v] = adam.beta1 * momentum[v]! + (1 - adam.beta1) * g;
    variance[v] = adam.beta2 * variance[v]! + (1 - adam.beta2) * g * g;
    const m = momentum[v]! / (1 - adam.beta1 ** steps);
    const s = variance[v]! / (1 - adam.beta2 ** steps);
    logits[v]! -=
      adam.learningRate * (m / (Math.sqrt(s) + adam.epsilon) + adam.weightDecay * logits[v]!);
  }
  gradient.fill(0);
}

const promptKeys = new WeakMap<Prompt, string>();

function promptKey(prompt: Prompt): string {
  let key = promptKeys.get(prompt);
  if (key === undefined) {
    const bytes = new Uint8Array(
      prompt.tokens.buffer,
      prompt.tokens.byteOffset,
      prompt.tokens.byteLength,
    );
    key = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
    promptKeys.set(prompt, key);
  }
  return key;
}

function entropyOf(logprobs: Float64Array): number {
  return -logprobs.reduce((sum, logprob) => sum + Math.exp(logprob) * logprob, 0);
}

function mostLikely(logprobs: Float64Array): number {
  let best = 0;
  logprobs.forEach((logprob, v) => {
    if (logprob > logprobs[best]!) best = v;
  });
  return best;
}

/** Inverse-transform sampling of softmax(logprobs / temperature). */
function draw(logprobs: Float64Array, temperature: number, uniform: number): number {
  const weights = logprobs.map((logprob) => Math.exp(logprob / temperature));
  let remaining = uniform * weights.reduce((a, b) => a + b);
  for (let v = 0; v < weights.length - 1; v++) {
    remaining -= weights[v]!;
    if (remaining < 0) return v;
  }
  return weights.length - 1;
}

function toBase64(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
}

function fromBase64(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
}
