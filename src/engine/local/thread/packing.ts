/** Arrays for another thread. Callers keep theirs, so each is copied once and the copy is handed over. */
import type { ImagePatches, Prompt } from '../../../model/prompt.ts';
import type { LossPart, SampleRequest, Sequence } from '../../engine.ts';
import type { ThreadRequest } from './protocol.ts';

export type Packed<T> = { readonly value: T; readonly transfer: ArrayBuffer[] };

export function packSequences(sequences: readonly Sequence[]): Packed<readonly Sequence[]> {
  const { transfer, copy, prompt } = createPacking();
  const value = sequences.map(({ prompt: one, completion }) => {
    return { prompt: prompt(one), completion: copy(completion) };
  });
  return { value, transfer };
}

export function packRequests(requests: readonly SampleRequest[]): Packed<readonly ThreadRequest[]> {
  const { transfer, prompt } = createPacking();
  const value = requests.map(({ onToken, keys, maxTokens, temperature, topP, topK, ...rest }) => {
    const { stopTokens = [] } = rest;
    const sampling = { keys, maxTokens, temperature, topP, topK, stopTokens };
    return { prompt: prompt(rest.prompt), ...sampling, tellsTokens: onToken !== undefined };
  });
  return { value, transfer };
}

export function packLossPart({
  loss,
  gradients,
  entropyGradients,
  metrics,
}: LossPart): Packed<LossPart> {
  const { transfer, copy } = createPacking();
  const moved = entropyGradients ? { entropyGradients: entropyGradients.map(copy) } : {};
  return { value: { loss, gradients: gradients.map(copy), ...moved, metrics }, transfer };
}

/** The buffers of arrays that nobody else looks at. */
export function buffersOf(arrays: readonly (Float32Array | Int32Array)[]): ArrayBuffer[] {
  return [...new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer))];
}

/** Prompts and images are told apart by object: what was one object stays one. */
function createPacking() {
  const transfer: ArrayBuffer[] = [];
  // A copy also leaves behind what else lies in the buffer of a view.
  const copy = <T extends Float32Array | Int32Array>(array: T): T => {
    const own = array.slice() as T;
    transfer.push(own.buffer as ArrayBuffer);
    return own;
  };
  const image = once(({ patches, grid }: ImagePatches) => ({ patches: copy(patches), grid }));
  const prompt = once(({ tokens, images }: Prompt) => {
    return { tokens: copy(tokens), images: images.map(image) };
  });
  return { transfer, copy, prompt };
}

function once<From extends object, To>(make: (from: From) => To): (from: From) => To {
  const made = new Map<From, To>();
  return (from) => {
    const known = made.get(from) ?? make(from);
    made.set(from, known);
    return known;
  };
}
