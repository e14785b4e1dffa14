/** Numbers that are none. What they come from is looked for only once they are there. */
import { fail } from '../../../core/errors.ts';
import type { Prompt } from '../../../model/prompt.ts';

type Source = {
  /** Model directory. */
  readonly directory: string;
  /** Parameters by name that may have changed since they were read. */
  readonly parameters: Readonly<Record<string, Float32Array | Int32Array>>;
};

/** Whether none is NaN or infinite. */
export function allFinite(values: Float32Array | Int32Array): boolean {
  if (values instanceof Int32Array) return true;
  // By their bits: a vocabulary is looked through for every token that is sampled.
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & exponent) === exponent) return false;
  return true;
}

/** All set where a float32 is NaN or infinite. */
const exponent = 0x7f800000;

/** Whether not all are the same. */
export function differ(values: Float32Array): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return true;
  return false;
}

/**
 * A model that gives NaN or infinity has said nothing: no token may be read from that.
 * @throws MedixError 'engine' with the weight, the image or the config that it comes from
 */
export function failNotFinite({ directory, parameters }: Source, prompt: Prompt): never {
  for (const [name, values] of Object.entries(parameters)) {
    if (!allFinite(values)) failTensor(`${directory}: ${name}`, values);
  }
  for (const [place, { patches }] of prompt.images.entries()) {
    if (!allFinite(patches)) failTensor(`pixels of image ${place + 1} of the prompt`, patches);
  }
  return fail('engine', {
    where: directory,
    expected: 'a logprob for every token',
    got: `NaN, infinity or the same for all after a prompt of ${prompt.tokens.length} tokens, from finite weights`,
    next: 'numbers became too large for 32 bits: check rms_norm_eps and rope_theta in config.json, and the weights',
  });
}

function failTensor(where: string, values: Float32Array | Int32Array): never {
  let count = 0;
  for (const value of values) if (!Number.isFinite(value)) count++;
  fail('engine', {
    where,
    expected: 'finite numbers',
    got: `NaN or infinity at ${count} of ${values.length} places`,
    next: 'use another copy of the model, or one from before its training diverged',
  });
}
