import { expect, it } from 'vitest';
import type { Prompt } from '../../../model/prompt.ts';
import { packLossPart, packRequests, packSequences } from './packing.ts';

const pixels = Float32Array.from({ length: 64 }, (_, i) => i);
const image = { patches: pixels.subarray(8, 16), grid: { t: 1, h: 2, w: 2 } };
const promptOf = (): Prompt => ({ tokens: Int32Array.of(1, 2, 3), images: [image] });

function arrive<T>({ value, transfer }: { value: T; transfer: ArrayBuffer[] }): T {
  return structuredClone(value, { transfer });
}

it('prompts and images that are one object arrive as one object, equal ones apart', () => {
  const [shared, apart] = [promptOf(), promptOf()];
  const completion = Int32Array.of(4, 5);
  const [a, b, c] = arrive(
    packSequences([shared, shared, apart].map((prompt) => ({ prompt, completion }))),
  );
  expect(a?.prompt).toBe(b?.prompt);
  expect(a?.prompt).not.toBe(c?.prompt);
  expect(a?.prompt.images[0]).toBe(c?.prompt.images[0]);
  expect(c).toEqual({ prompt: apart, completion });
});

it('callers keep their arrays, and of a view nothing but itself is sent', () => {
  const arrived = arrive(packSequences([{ prompt: promptOf(), completion: Int32Array.of(4) }]));
  expect(pixels).toHaveLength(64);
  expect(arrived[0]?.prompt.images[0]?.patches.buffer.byteLength).toBe(8 * 4);
  const gradient = Float32Array.of(1, 2);
  const part = {
    loss: 3,
    gradients: [gradient, gradient],
    metrics: { 'a/b': { sum: 1, count: 2 } },
  };
  expect(arrive(packLossPart(part))).toEqual(part);
  expect(gradient).toHaveLength(2);
});

it('requests say whether their tokens are wanted instead of taking a function along', () => {
  const request = { keys: ['k'], maxTokens: 3, temperature: 1, topP: 1, topK: 0 };
  const prompt = promptOf();
  const [silent, told] = arrive(
    packRequests([
      { ...request, prompt },
      { ...request, prompt, onToken: () => {} },
    ]),
  );
  expect(silent).toEqual({ ...request, prompt, stopTokens: [], tellsTokens: false });
  expect(told).toEqual({ ...request, prompt, stopTokens: [], tellsTokens: true });
});
