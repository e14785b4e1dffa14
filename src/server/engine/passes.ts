/** Forward and backward passes over received data. */
import { quoted } from '../../core/quoted.ts';
import type { Engine, Loss } from '../../engine/engine.ts';
import type { Prompt } from '../../model/prompt.ts';
import type { PassResult, ReceivedDatum, ReceivedPass } from '../../tinker/server-protobuf.ts';
import { type InputReader, type ReadInput, stretchesOf } from './inputs.ts';
import { knownLosses, type Target } from './losses.ts';
import { Refusal } from './refusal.ts';

type ReadDatum = {
  /** The input and the last target. */
  readonly whole: ReadInput;
  /** [target] */
  readonly target: (t: number) => Omit<Target, 'logprob'>;
  readonly targets: number;
  /** First target that the loss looks at; the number of targets where it looks at none. */
  readonly first: number;
};

/**
 * @returns logprobs of all targets of a forward pass; of a pass with a loss those from the first target on that it looks
 *   at, and 0 before it and in place of images
 * @throws Refusal 400 for data that the loss cannot be computed on; nothing is accumulated then
 */
export async function runPass(
  engine: Engine,
  reader: InputReader,
  { data, loss: name, settings, isForwardOnly }: ReceivedPass,
  signal: AbortSignal,
): Promise<PassResult> {
  const loss = isForwardOnly ? undefined : requireLoss(name, settings);
  if (data.length === 0) throw new Refusal(400, 'expected at least one datum, got none');
  const read: ReadDatum[] = [];
  for (const [i, datum] of data.entries()) {
    try {
      read.push(await readDatum(reader, datum, loss?.inputs ?? []));
    } catch (error) {
      throw error instanceof Refusal ? new Refusal(400, `datum ${i}: ${error.message}`) : error;
    }
  }
  const prompts = new Map<string, Prompt>();
  const stretches = read.flatMap(({ whole, first }, datum) =>
    stretchesOf(whole, isForwardOnly ? 1 : first + 1, prompts).map((stretch) => ({
      ...stretch,
      datum,
    })),
  );
  const sequences = stretches.map(({ sequence }) => sequence);
  const logprobs = read.map(({ targets }) => new Float32Array(targets));
  const keep = (values: Float32Array, stretch: number) => {
    const { datum, start } = stretches[stretch]!;
    logprobs[datum]!.set(values, start - 1);
  };
  if (loss === undefined) {
    const found = await engine.logprobs(sequences, 'policy', signal);
    found.forEach(keep);
    return { logprobs, losses: undefined, metrics: {} };
  }
  const losses = read.map(({ targets }) => new Float32Array(targets));
  let total = 0;
  const compute: Loss = (inputs) => {
    let part = 0;
    const gradients = inputs.map(({ index, policyLogprobs }) => {
      keep(policyLogprobs, index);
      const { datum, start } = stretches[index]!;
      const { target } = read[datum]!;
      return policyLogprobs.map((logprob, t) => {
        const { loss: value, slope } = loss.token({ ...target(start - 1 + t), logprob }, settings);
        losses[datum]![start - 1 + t] = value;
        part += value;
        return slope;
      });
    });
    total += part;
    return { loss: part, gradients, metrics: {} };
  };
  if (sequences.length > 0) await engine.forwardBackward(sequences, compute, signal);
  return { logprobs, losses, metrics: { 'loss:sum': total } };
}

function requireLoss(name: string, settings: Readonly<Record<string, number>>) {
  const loss = Object.hasOwn(knownLosses, name) ? knownLosses[name] : undefined;
  if (loss === undefined) {
    throw new Refusal(
      400,
      `no loss ${quoted(name)} here; there are ${Object.keys(knownLosses).join(', ')}. Any other can be computed by the client (forward_backward_custom of the official SDK)`,
    );
  }
  for (const [key, value] of Object.entries(settings)) {
    if (!loss.settings.includes(key)) {
      throw new Refusal(
        400,
        `loss_fn_config: ${name} has no setting ${quoted(key)}; it has ${loss.settings.join(', ') || 'none'}`,
      );
    }
    if (!Number.isFinite(value))
      throw new Refusal(400, `loss_fn_config: ${key} is no finite number`);
  }
  return loss;
}

async function readDatum(
  reader: InputReader,
  { input, lossInputs }: ReceivedDatum,
  needed: readonly string[],
): Promise<ReadDatum> {
  const read = await reader.read(input);
  const { length } = read.tokens;
  const list = (name: string): ArrayLike<number> | undefined => {
    const values = Object.hasOwn(lossInputs, name) ? lossInputs[name] : undefined;
    if (values === undefined) {
      if (!['target_tokens', ...needed].includes(name)) return undefined;
      throw new Refusal(400, `loss_fn_inputs has no ${name}`);
    }
    if (values.length !== length) {
      throw new Refusal(
        400,
        `${name} has ${values.length} numbers, but the input ${length} tokens, those of its images counted`,
      );
    }
    if (!Array.prototype.every.call(values, Number.isFinite)) {
      throw new Refusal(400, `${name} holds what is no finite number`);
    }
    return values;
  };
  const targets = list('target_tokens') ?? [];
  const weights = list('weights');
  const old = list('logprobs');
  const advantages = list('advantages');
  const isPlaceholder = new Uint8Array(length + 1);
  for (const { start, end } of read.images) isPlaceholder.fill(1, start, end);
  const whole = new Int32Array(length + 1);
  whole.set(read.tokens);
  whole[length] = targets[length - 1] ?? 0;
  reader.requireTokens([whole[length]], 'the last target');
  const isMoved = (t: number) => !needed.includes('advantages') || advantages?.[t] !== 0;
  // Who says which targets count wants their logprobs, whatever their advantages.
  const isUsed = (t: number) => (weights === undefined ? isMoved(t) : weights[t] !== 0);
  let first = length;
  for (let t = length - 1; t >= 0; t--) {
    const isImage = isPlaceholder[t + 1] === 1;
    if (!isImage && targets[t] !== whole[t + 1]) {
      throw new Refusal(
        400,
        `target_tokens: expected the input's tokens from the second on (${whole[t + 1]} at ${t}), got ${targets[t]}`,
      );
    }
    if (!isUsed(t) || needed.length === 0) continue;
    if (isImage) {
      if (!isMoved(t)) continue;
      throw new Refusal(400, `the target at ${t} is an image's, and needs weight or advantage 0`);
    }
    first = t;
  }
  return {
    whole: { tokens: whole, images: read.images },
    targets: length,
    first,
    target: (t) => ({
      weight: weights?.[t] ?? 1,
      old: old?.[t] ?? 0,
      advantage: advantages?.[t] ?? 0,
    }),
  };
}
